"""A source that is down, in each way that a filesystem can be: late, then unknown; the other goes on; it comes back by itself."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from coordinating import Coordinated, coordinated
from kit import Site
from moments import OWNER, new_site

from syncd.adapters.sources.filesystem import source as filesystem
from syncd.adapters.sources.filesystem import walking
from syncd.adapters.system import SystemClock
from syncd.core.freshness import SourceFreshness, Verdict, judge
from syncd.core.hints import Hint, What
from syncd.core.retry import Policy
from syncd.daemon import station
from syncd.wiring import Wiring

DOCS = {"a.md", "sub/b.md"}


class Ahead(SystemClock):
    """A clock that the test puts forward."""

    seconds = 0.0

    def monotonic_ns(self) -> int:
        """Later than it is."""
        return super().monotonic_ns() + round(self.seconds * 1e9)


@pytest.fixture
def clock(monkeypatch) -> Ahead:
    """The clock of everything here; what failed is tried again soon."""
    clock = Ahead()
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)
    monkeypatch.setattr(Wiring, "clock", clock)
    monkeypatch.setattr(station, "SCANS", Policy(first=0.02, longest=0.1))
    return clock


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over two sources, of which `docs` is to go down."""
    more = tmp_path / "more"
    site = new_site(tmp_path, f'\n[[source]]\nname = "more"\nroot = "{more}"\nallow_everyone = true\n')
    more.mkdir(mode=0o755)
    for key in DOCS:
        site.write(key, f"the text of {key}")
    (more / "else.md").write_text("from elsewhere")
    (more / "else.md").chmod(0o644)
    return site


# -- the ways ----------------------------------------------------------------------------------------------------------

Way = Callable[[Site], Any]


def at_root(number: int) -> Way:
    """The root can't be entered: the file system says why."""

    @contextmanager
    def down(site: Site) -> Iterator[None]:
        real = filesystem.entered_from_top

        def entered(path: bytes, *rest: Any) -> Any:
            if path == os.fsencode(site.docs):
                raise OSError(number, os.strerror(number))
            return real(path, *rest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(filesystem, "entered_from_top", entered)
            yield

    return down


def at_listing(number: int) -> Way:
    """The root can be entered, and not be listed."""

    @contextmanager
    def down(site: Site) -> Iterator[None]:
        real, inode = walking.take, site.docs.stat().st_ino

        def take(fd: int, prefix: str, *rest: Any) -> Any:
            if not prefix and os.fstat(fd).st_ino == inode:
                raise OSError(number, os.strerror(number))
            return real(fd, prefix, *rest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(walking, "take", take)
            yield

    return down


@contextmanager
def renamed(site: Site) -> Iterator[None]:
    """The root is somewhere else."""
    elsewhere = site.docs.with_name("elsewhere")
    site.docs.rename(elsewhere)
    yield
    elsewhere.rename(site.docs)


@contextmanager
def a_file(site: Site) -> Iterator[None]:
    """A file stands where the root was."""
    with renamed(site):
        site.docs.write_text("a file")
        yield
        site.docs.unlink()


@contextmanager
def a_loop(site: Site) -> Iterator[None]:
    """A symlink that leads to itself does."""
    with renamed(site):
        site.docs.symlink_to(site.docs)
        yield
        site.docs.unlink()


ENTERED = (
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENOTCONN,
    errno.ESTALE,
    errno.ENODEV,
    errno.ENXIO,
    errno.EHOSTDOWN,
    errno.ETIMEDOUT,
    errno.ENOMEDIUM,
    errno.EMFILE,
    errno.ENOMEM,
)
LISTED = (errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EUCLEAN)
WAYS: dict[str, Way] = {
    "renamed": renamed,
    "a file": a_file,
    "a loop": a_loop,
    **{f"entered: {errno.errorcode[number]}": at_root(number) for number in ENTERED},
    **{f"listed: {errno.errorcode[number]}": at_listing(number) for number in LISTED},
}


# -- what is true of each ----------------------------------------------------------------------------------------------


def of(here: Coordinated, name: str) -> SourceFreshness:
    """What is known of one source."""
    return next(source for source in here.freshness().sources if source.source == name)


def verdict(here: Coordinated, name: str) -> Verdict:
    """The verdict on it alone."""
    return judge((of(here, name),), here.daemon.desk.install.now(), here.daemon.desk.target).verdict


def recovered(here: Coordinated) -> bool:
    """Whether all is well again; an idle coordinator need not come to look by itself."""
    here.daemon.inbox.poke()
    return here.idle() and verdict(here, "docs") is Verdict.FRESH


@pytest.mark.parametrize("down", WAYS.values(), ids=WAYS.keys())
def test_a_source_that_is_down_is_late_and_then_unknown(site, clock, down):
    """Nothing of it is deleted or hidden; the other's changes come in; back again it is scanned, though nobody asked."""
    with coordinated(site, scanned=False) as here:
        here.start()
        for name in ("docs", "more"):
            here.daemon.scan(name)
        here.until(lambda: verdict(here, "docs") is verdict(here, "more") is Verdict.FRESH)
        with down(site):
            here.daemon.scan("docs")
            here.until(lambda: of(here, "docs").down_since is not None)
            assert (verdict(here, "docs"), "SourceUnavailable" in (of(here, "docs").trouble or "")) == (Verdict.LATE, True)
            clock.seconds += here.daemon.desk.target + 1
            assert (verdict(here, "docs"), verdict(here, "more")) == (Verdict.UNKNOWN, Verdict.FRESH)
            (site.docs.with_name("more") / "new.md").write_text("new from elsewhere")
            (site.docs.with_name("more") / "new.md").chmod(0o644)
            here.daemon.inbox.hint("more", Hint(What.KEY, "new.md"))
            here.until(lambda: site.found(reader=OWNER) == DOCS | {"else.md", "new.md"})
        here.until(lambda: recovered(here))
        assert site.found(reader=OWNER) == DOCS | {"else.md", "new.md"}
        assert here.events("doc.deleted") == []
        here.sound()


def test_a_source_that_is_down_when_hints_are_followed(site, clock):
    """Hints of a store that is away are kept, the verdict is late and then unknown, and they are followed when it is back."""
    with coordinated(site) as here:
        site.write("a.md", "another text")
        with renamed(site):
            here.hint("a.md")
            here.until(lambda: of(here, "docs").down_since is not None)
            assert verdict(here, "docs") is Verdict.LATE
            clock.seconds += here.daemon.desk.target + 1
            assert verdict(here, "docs") is Verdict.UNKNOWN
            assert of(here, "docs").pending == 1
        clock.seconds += station.HINTS.longest
        here.daemon.inbox.poke()
        here.until(lambda: recovered(here))
        assert "another text" in {hit.text for hit in site.search("another text", OWNER).hits}
