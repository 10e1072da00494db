"""The laws of architecture.md as properties: random histories of a real tree, with the real ledger and the real diff.

The index is a dictionary that passes the contract suite of the engines; the crash tests do the same with the real one.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dict_index import DictIndex
from histories import PARAGRAPHS, Step, play, steps, text
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kit import Site, make_site, open_folders

from syncd.adapters.ledger import SqlLedger
from syncd.core.acl import everyone, group, user

NOBODY_SPECIAL = frozenset({user("unix", 4242), group("unix", 4242), everyone("unix")})
OWNER = frozenset({user("unix", os.getuid()), group("unix", os.getgid()), everyone("unix")})
_serial = itertools.count()

quietly = settings(
    max_examples=int(os.environ.get("SYNCD_EXAMPLES", "25")),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate] + ([Phase.shrink] if "SYNCD_SHRINK" in os.environ else []),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


def new_site(folder: Path) -> Site:
    """A site of its own for each example, over an index in memory."""
    place = folder / str(next(_serial))
    place.mkdir()
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    site.config.chmod(0o600)
    site.config.write_text(site.config.read_text() + "\n[guard]\nmax_delete_share = 1.0\n")
    site.index = DictIndex()
    return site


def sync(site: Site):
    """One sync; an emptied tree is confirmed, for here it is meant."""
    done = site.sync()
    return site.sync(confirm=done) if done.state == "halted" else done


def view(site: Site) -> list:
    """What law 2 compares: keys, spans, texts, vectors, readers.

    A document whose newer version is in quarantine goes on serving the older one, of which an install built from nothing can't
    know: such documents are left out.
    """
    parked = site.quarantined()
    return [(c.source, c.key, c.span, c.text_sha256, c.vector_sha256, c.readers) for c in site.dump() if c.key not in parked]


def from_nothing(site: Site) -> list:
    """The same view of an install that has just seen these files for the first time."""
    fresh = make_site(site.docs, site.state.with_name(f"fresh-{next(_serial)}"))
    fresh.index = DictIndex()
    fresh.sync()
    return view(fresh)


def recorded_points(site: Site) -> int:
    """How many points the ledger says there are."""
    with site.open() as wiring, wiring.ledger.read() as ledger:
        return ledger.counts().points


@quietly
@given(st.lists(st.lists(steps(), min_size=1, max_size=6), min_size=1, max_size=4))
def test_after_any_history_the_index_equals_one_built_from_nothing(tmp_path, history):
    """Law 2, without a kill: whatever was done to the tree, in any number of syncs, the index shows the tree and no more."""
    site = new_site(tmp_path)
    for batch in history:
        for step in batch:
            play(site, step)
        sync(site)
    assert view(site) == from_nothing(site)
    assert site.points() == recorded_points(site) == len(site.dump())


@quietly
@given(st.lists(steps(), min_size=1, max_size=8), st.lists(steps(), max_size=6))
def test_a_second_sync_does_nothing(tmp_path, before, after):
    """Law 1: the difference of a recorded state with itself is empty: no text, no write to the index, no line in the plan."""
    site = new_site(tmp_path)
    for batch in (before, after):
        for step in batch:
            play(site, step)
        sync(site)
    writes = list(site.index.writes)
    again = site.sync()
    done = again.report.documents
    assert (done.added, done.updated, done.moved, done.retagged, done.deleted) == (0, 0, 0, 0, 0)
    assert (again.report.chunks.embedded, site.index.writes) == (0, writes)


@quietly
@given(st.lists(steps(), min_size=1, max_size=8), st.lists(steps(), min_size=1, max_size=6))
def test_a_text_that_is_in_the_index_is_never_embedded_again(tmp_path, before, after):
    """Law 3: at most the texts that the index did not hold are embedded, whatever moved, came back or was copied."""
    site = new_site(tmp_path)
    for step in before:
        play(site, step)
    sync(site)
    held = {chunk.vector_sha256 for chunk in site.dump()}
    for step in after:
        play(site, step)
    done = site.sync()
    if done.state != "halted":
        assert done.report.chunks.embedded <= len({chunk.vector_sha256 for chunk in site.dump()} - held)


@quietly
@given(st.lists(steps(), min_size=1, max_size=8), st.lists(steps(), min_size=1, max_size=8))
def test_nobody_reads_what_the_present_modes_refuse(tmp_path, before, after):
    """Law 4: after a sync a stranger finds just the documents that the present modes of file and folders let everyone read."""
    site = new_site(tmp_path)
    for batch in (before, after):
        for step in batch:
            play(site, step)
        sync(site)
    found = {hit.key for hit in site.search("alpha", NOBODY_SPECIAL).hits}
    for key in found:
        path = site.docs / key
        assert path.stat().st_mode & 0o004
        folders = [parent for parent in path.parents if parent != site.docs and site.docs in parent.parents]
        assert all(folder.stat().st_mode & 0o001 for folder in folders)


@contextmanager
def killed_at(site: Site, moment: int) -> Iterator[None]:
    """Kill the next sync at the `moment`-th write to index or ledger: before it, or, for odd moments of the index, after it."""
    count = itertools.count()
    index = site.index

    def maybe(_: str) -> None:
        if next(count) == moment:
            raise Killed

    real = SqlLedger.write

    @contextmanager
    def write(self):
        maybe("ledger")
        with real(self) as tx:
            yield tx

    index.before = maybe
    SqlLedger.write = write
    try:
        yield
    except Killed:
        pass
    finally:
        SqlLedger.write = real
        index.before = lambda _: None


@quietly
@given(
    st.lists(steps(), min_size=1, max_size=8),
    st.lists(steps(), min_size=1, max_size=6),
    st.lists(st.integers(0, 30), min_size=1, max_size=3),
)
def test_a_kill_at_any_write_loses_nothing(tmp_path, before, after, moments):
    """Law 2: any prefix of an apply, killed, settled and followed by one run: equal to an index built from nothing."""
    site = new_site(tmp_path)
    for step in before:
        play(site, step)
    with killed_at(site, moments[0]):
        sync(site)
    for step in after:
        play(site, step)
    for moment in moments[1:]:
        with killed_at(site, moment):
            sync(site)
    sync(site)
    assert view(site) == from_nothing(site)
    assert site.points() == recorded_points(site)
    with site.open() as wiring, wiring.ledger.read() as ledger:
        assert ledger.intents() == []


def test_each_moment_of_a_narrowing_hides_the_document(tmp_path):
    """Law 4 under a kill: from the first committed transaction on, the revoked reader finds nothing, wherever the kill came."""
    for moment in range(1, 8):
        site = new_site(tmp_path)
        site.write("secret.md", text((0,)))
        site.write("open.md", text((1,)))
        site.sync()
        assert site.found(reader=NOBODY_SPECIAL) == {"secret.md", "open.md"}
        (site.docs / "secret.md").chmod(0o600)
        with killed_at(site, moment):
            site.sync()
        with site.open() as wiring, wiring.ledger.read() as ledger:
            seen = any(event.type == "acl.changed" for event in ledger.events())
        found = site.found(reader=NOBODY_SPECIAL)
        assert found == ({"open.md"} if seen else {"open.md", "secret.md"}), moment
        site.sync()
        assert site.found(reader=NOBODY_SPECIAL) == {"open.md"}
        assert site.found(reader=OWNER) == {"open.md", "secret.md"}


@pytest.mark.parametrize("deed", ["rename", "move folder", "swap"])
def test_moving_embeds_nothing_and_writes_nothing_to_the_index(tmp_path, deed):
    """Law 3: a document keeps its life through a move; only ledger rows change."""
    site = new_site(tmp_path)
    for number, key in enumerate(("x/a.md", "x/b.md", "z/a.md")):
        site.write(key, text((number,)))
    site.sync()
    lives = {hit.key: hit.doc for hit in site.search(PARAGRAPHS[0]).hits}
    writes = list(site.index.writes)
    play(site, Step(deed, "x/a.md", "z/b.md" if deed == "rename" else "z/a.md", (0,), 0))
    done = site.sync()
    assert (done.report.chunks.embedded, done.report.documents.deleted) == (0, 0)
    assert done.report.documents.moved == {"rename": 1, "move folder": 2, "swap": 2}[deed]
    assert site.index.writes == writes
    now = {hit.key: hit.doc for hit in site.search(PARAGRAPHS[0]).hits}
    assert sorted(now.values()) == sorted(lives.values())
    assert now != lives
