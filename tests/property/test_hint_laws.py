"""Laws 4 and 5 with runs on hints: whatever was hinted at, wrongly, in part or not at all, the scan is the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from histories import FOLDERS, NAMES, Step, keys, play, steps
from hypothesis import assume, given
from hypothesis import strategies as st
from kit import Site
from runs import Worker, scope_of, shows_the_tree, working
from test_laws import NOBODY_SPECIAL, new_site, quietly

from syncd.core.hints import Hint, What, page_of
from syncd.core.scope import Scope, within

TREES = [folder for folder in FOLDERS if folder] + ["moved-1", "moved-1/y", "moved-2", "moved-3", "nowhere"]


@pytest.fixture(autouse=True)
def calm(monkeypatch) -> None:
    """Stamps hold at once, although the files are young: what is unchanged by its stamp is never looked into."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)


@dataclass(frozen=True)
class Deed:
    """Something that is done to the tree, and what is heard of it: `guesses`, and of the step what `heard` says."""

    step: Step
    heard: frozenset[What]
    guesses: tuple[Hint, ...]

    def hints(self) -> list[Hint]:
        """What reaches the daemon."""
        found = list(self.guesses)
        for key in (self.step.one, self.step.other):
            names = {What.KEY: key, What.PAGE: page_of(key), What.TREE: key.partition("/")[0] if "/" in key else "x"}
            found += [Hint(what, names[what]) for what in sorted(self.heard, key=str)]
        if What.TREE in self.heard:
            found.append(Hint(What.TREE, f"moved-{len(self.step.words)}"))
        return found


def guesses() -> st.SearchStrategy[Hint]:
    """A hint about anything, there or not."""
    folder = st.sampled_from(TREES)
    strange = st.builds("{}/{}".format, folder, st.sampled_from(NAMES))
    return st.one_of(
        st.builds(Hint, st.just(What.KEY), st.one_of(keys(), strange)),
        st.builds(Hint, st.just(What.PAGE), st.one_of(st.just(""), folder)),
        st.builds(Hint, st.just(What.TREE), folder),
    )


def deeds() -> st.SearchStrategy[Deed]:
    """A step, heard of wholly, in part or not at all, and wrong guesses besides."""
    return st.builds(Deed, steps(), st.frozensets(st.sampled_from(What)), st.lists(guesses(), max_size=2).map(tuple))


def heard(deed: Deed, site: Site, worker: Worker) -> Scope:
    """Do it, and follow what is heard of it; returns where that led."""
    play(site, deed.step)
    scope = scope_of(deed.hints())
    done = worker.follow(scope)
    assert done.error is None
    return scope


def scanned(worker: Worker) -> None:
    """One whole run; what the guard holds back is confirmed, for here it is meant."""
    done = worker.whole()
    if done.state == "halted":
        done = worker.whole(confirmed=done.report.held)
    assert done.error is None


@quietly
@given(st.lists(steps(), max_size=8), st.lists(deeds(), min_size=1, max_size=8))
def test_after_any_hints_one_scan_shows_the_tree(tmp_path: Path, before: Sequence[Step], after: Sequence[Deed]):
    """Law 5: runs on hints that are right, wrong or missing, then a scan: the index equals one built from nothing."""
    site = new_site(tmp_path)
    for step in before:
        play(site, step)
    with working(site) as worker:
        scanned(worker)
        for deed in after:
            heard(deed, site, worker)
        scanned(worker)
        shows_the_tree(worker)


@quietly
@given(st.lists(steps(), max_size=8), st.lists(deeds(), min_size=1, max_size=6))
def test_after_right_hints_no_scan_is_needed(tmp_path: Path, before: Sequence[Step], after: Sequence[Deed]):
    """Every change is told, by both of its ends and the trees that they are in: the index shows the tree at once."""
    site = new_site(tmp_path)
    for step in before:
        play(site, step)
    with working(site) as worker:
        scanned(worker)
        for deed in after:
            play(site, deed.step)
            told = Deed(deed.step, frozenset(What), deed.guesses)
            done = worker.follow(scope_of(told.hints()))
            assume(done.state != "halted")
        shows_the_tree(worker)


@quietly
@given(st.lists(steps(), min_size=2, max_size=10), st.lists(deeds(), min_size=1, max_size=8))
def test_who_was_seen_to_be_excluded_never_finds_it(tmp_path: Path, before: Sequence[Step], after: Sequence[Deed]):
    """Law 4: once any run has looked at a document that a stranger may not read, he finds it no more until it is opened again."""
    site = new_site(tmp_path)
    refused: set[str] = set()
    for step in before:
        play(site, step)
    with working(site) as worker:
        scanned(worker)
        for deed in after:
            scope = heard(deed, site, worker)
            refused = {key for key in refused if closed(site, key)}
            refused |= {key for key in files(site) if covers(scope, key) and closed(site, key)}
            assert not refused & {hit.key for hit in site.search("alpha", NOBODY_SPECIAL).hits}


def files(site: Site) -> list[str]:
    """The keys of all files."""
    return [str(path.relative_to(site.docs)) for path in site.docs.rglob("*") if path.is_file()]


def covers(scope: Scope, key: str) -> bool:
    """Whether a run over `scope` looks at `key`."""
    return key in scope.keys or page_of(key) in scope.pages or any(within(key, tree) for tree in scope.trees)


def closed(site: Site, key: str) -> bool:
    """Whether there is a file that a stranger may not read, by its mode or that of a folder on the way."""
    path = site.docs / key
    folders = [folder for folder in path.parents if site.docs in folder.parents]
    return path.is_file() and not (path.stat().st_mode & 0o004 and all(folder.stat().st_mode & 0o001 for folder in folders))
