"""The law of the watch: whatever was done to a real tree while it was followed, at quiet the index shows the tree."""

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from following import Following, following, set_acl
from histories import DEEDS, FOLDERS, PARAGRAPHS, Step, keys, text
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from kit import Site
from test_laws import new_site

EXAMPLES = int(os.environ.get("SYNCD_EXAMPLES", "6"))
STEPS = int(os.environ.get("SYNCD_STEPS", "24"))
LEFT_OUT = {"garbage"}
"""Of what is in quarantine an older version goes on serving, of which an install built from nothing can't know."""


def _folder(site: Site, step: Step) -> Path:
    return site.docs / (step.one.rpartition("/")[0] or "x")


def _create(site: Site, step: Step) -> None:
    """A new file, of which a program has just so much written."""
    if (path := site.docs / step.one).parent.is_dir() and not path.exists():
        with path.open("w") as file:
            for word in step.words:
                file.write(text((word,)))
                file.flush()


def _truncate(site: Site, step: Step) -> None:
    if (site.docs / step.one).is_file():
        os.truncate(site.docs / step.one, 40 * len(step.words) if step.mode else 0)


def _swap_folders(site: Site, step: Step) -> None:
    one, other, between = site.docs / "x", site.docs / "z", site.docs.with_name("between")
    if one.is_dir() and other.is_dir():
        one.rename(between)
        other.rename(one)
        between.rename(other)


def _folder_into_another(site: Site, step: Step) -> None:
    one, other = site.docs / "z", _folder(site, step) / "in"
    if one.is_dir() and other.parent.is_dir() and one not in other.parents and not other.exists():
        one.rename(other)


def _mkdir(site: Site, step: Step) -> None:
    folder = _folder(site, step)
    if folder.parent.is_dir() and not folder.exists():
        folder.mkdir()
        folder.chmod(0o755)


def _tree_at_once(site: Site, step: Step) -> None:
    """A tree made faster than anybody can watch it."""
    folder = site.docs / f"made-{len(step.words)}"
    shutil.rmtree(folder, ignore_errors=True)
    for number in step.words:
        site.write(f"{folder.name}/{number}/deep/{number}.md", text((number,)))


def _symlink(site: Site, step: Step) -> None:
    path = site.docs / step.one
    if path.parent.is_dir() and not path.exists() and not path.is_symlink():
        path.symlink_to(site.docs / step.other)


def _setfacl(site: Site, step: Step) -> None:
    if (site.docs / step.one).is_file():
        set_acl(site.docs / step.one, *range(61001, 61001 + len(step.words)))


def _setfacl_on_a_folder(site: Site, step: Step) -> None:
    if (folder := _folder(site, step)).is_dir() and not folder.is_symlink():
        set_acl(folder, *range(61001, 61001 + len(step.words)))
        folder.chmod(0o751)


def _touch_keeping_mtime(site: Site, step: Step) -> None:
    if (path := site.docs / step.one).is_file():
        facts = path.stat()
        os.utime(path)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _edit_in_place(site: Site, step: Step) -> None:
    """Other bytes, the same size, the same mtime."""
    path = site.docs / step.one
    if path.is_file() and path.stat().st_size > len(PARAGRAPHS[0]):
        facts = path.stat()
        with path.open("r+b") as file:
            file.write(bytes(ord("a") + word for word in step.words))
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _many(site: Site, step: Step) -> None:
    """More in one folder than is kept apart."""
    folder = site.docs / "many"
    if folder.is_dir():
        shutil.rmtree(folder)
        return
    for number in range(140):
        site.write(f"many/{number}.md", text((number % len(PARAGRAPHS),)))


MORE: dict[str, Callable[[Site, Step], None]] = {
    "create": _create,
    "edit in place": _edit_in_place,
    "folder into another": _folder_into_another,
    "many": _many,
    "mkdir": _mkdir,
    "setfacl": _setfacl,
    "setfacl on a folder": _setfacl_on_a_folder,
    "swap folders": _swap_folders,
    "symlink": _symlink,
    "touch keeping mtime": _touch_keeping_mtime,
    "tree at once": _tree_at_once,
    "truncate": _truncate,
}


class Tree(RuleBasedStateMachine):
    """A tree that is followed. Its rules are the deeds, and to wait until it is quiet."""

    place: Path

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.done: list[Step | str] = []
        self.site = new_site(Path(tempfile.mkdtemp(dir=self.place)))
        for folder in FOLDERS:
            self.site.write(f"{folder}/a.md".lstrip("/"), text((len(folder),)))
        self.here: Following = self._open.enter_context(following(self.site))

    @rule()
    def quiet(self) -> None:
        """At quiet the index shows the tree. What led to one that does not is printed: the same deeds may well show it again."""
        self.done.append("quiet")
        try:
            self.here.shows_the_tree()
        except AssertionError:
            print("\n".join(map(str, self.done)))  # noqa: T201 - what failed once may not fail when it is replayed
            traceback.print_exc()
            raise

    @rule()
    def breathe(self) -> None:
        """What comes next comes while a run on what came before is under way, or just after."""
        self.done.append("breathe")
        self.here.until(lambda: self.here.station.dirty.pending == 0)

    def teardown(self) -> None:
        """In the end it does, too."""
        with self._open:
            if self.here.error is None:
                self.quiet()
        shutil.rmtree(self.site.docs.parent)


def _rule(name: str, deed: Callable[[Site, Step], None]) -> None:
    steps = st.builds(
        Step,
        st.just(name),
        keys(),
        keys(),
        st.lists(st.integers(0, len(PARAGRAPHS) - 1), min_size=1, max_size=3).map(tuple),
        st.sampled_from((0o600, 0o640, 0o644, 0o604, 0o000)),
    )

    def done(self: Tree, step: Step) -> None:
        self.done.append(step)
        deed(self.site, step)

    done.__name__ = name.replace(" ", "_")
    setattr(Tree, done.__name__, rule(step=steps)(done))


for _name, _deed in {**DEEDS, **MORE}.items():
    if _name not in LEFT_OUT:
        _rule(_name, _deed)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_is_followed_is_shown(tmp_path: Path) -> None:
    """Keys, texts and readers are those of an install built from nothing whenever all that was told is followed. No scan helps.

    SYNCD_EXAMPLES histories of up to SYNCD_STEPS deeds.
    """

    class Here(Tree):
        place = tmp_path

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate] + ([Phase.shrink] if "SYNCD_SHRINK" in os.environ else []),
            suppress_health_check=list(HealthCheck),
        ),
    )
