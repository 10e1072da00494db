"""A site whose index is the stand-in for a server, what is done to it, and what has to be true of it afterwards."""

from pathlib import Path
from typing import Final

from faults import ALL, STRANGER
from kit import Site, make_site, open_folders
from runs import shows_the_tree, working
from standin import StandIn

from syncd.core.model import Lt, Where
from syncd.errors import SyncdError

MOMENTS: Final = 7
"""More writes than a sync makes here."""


def served_site(place: Path, standin: StandIn) -> Site:
    """An install that is configured to use the stand-in, over four open documents; nothing is synced yet."""
    place.mkdir(exist_ok=True)
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    site.change('backend = "edge"', f'backend = "qdrant"\nurl = "{standin.url}"')
    for key in sorted(ALL):
        site.write(key, f"# Title of {key}\n\nthe text of {key}")
    return site


def change_everything(site: Site, moment: int) -> None:
    """One edit, one narrowing, one widening, one deletion and one addition: every kind of write is needed."""
    site.write(f"{moment}/edit.md", f"another text of {moment}")
    (site.docs / f"{moment}/close.md").chmod(0o600)
    (site.docs / f"{moment}/open.md").chmod(0o644)
    (site.docs / f"{moment}/gone.md").unlink()
    site.write(f"{moment}/new.md", f"a new text of {moment}")


def attempt(site: Site, *errors: type[SyncdError]) -> bool:
    """One sync; whether one of these errors ended it."""
    try:
        site.sync()
    except errors:
        return True
    return False


def nobody_reads_too_much(site: Site, *, failed: bool) -> None:
    """What became narrower is hidden, also by a run that failed: it does so before its first write. What is gone, by one that
    was through.
    """
    for hit in site.search("text", STRANGER).hits:
        path = site.docs / hit.key
        assert path.exists() or failed, hit.key
        assert not path.exists() or path.stat().st_mode & 0o004, hit.key


def ends_well(site: Site) -> None:
    """One more sync is through; the history is good, nothing is in doubt, and the index has as many points as are recorded."""
    assert site.sync().state == "done"
    with working(site) as worker:
        worker.sound()
        worker.nothing_left()


def equals_one_from_nothing(site: Site) -> None:
    """Keys, spans, texts, vectors and readers are those of an install that has just seen these files."""
    with working(site) as worker:
        shows_the_tree(worker)


def payloads(site: Site, standin: StandIn) -> dict[str, dict]:
    """What the index says of every point of an install."""
    with site.open() as wiring:
        name = site.collection(wiring).name
    found, _ = standin.api.engine.scroll(name, Where((Lt("epoch", 2**40),)), None, 10_000, vectors=False)
    return {point.id: dict(point.payload) for point in found}
