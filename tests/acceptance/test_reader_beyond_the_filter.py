"""The reader does not trust the filter: the store may ignore it, crowd it, or answer from before a change."""

import dataclasses
import uuid

import pytest
from faults import ALL, OWNER, STRANGER, calm_site, doc_of, points
from kit import Site

from syncd.cli.exits import execute
from syncd.cli.main import syncd
from syncd.core.acl import everyone, user
from syncd.core.model import Eq, Lt, Point, Where
from syncd.errors import Exit
from syncd.retrieval.check import Checker, Drop

ELSEWHERE = frozenset({user("elsewhere", 0), everyone("elsewhere")})


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    """Three open documents and a secret one."""
    site = calm_site(tmp_path, monkeypatch)
    (site.docs / "a.md").chmod(0o600)
    site.sync()
    return site


def test_a_store_that_ignores_the_filter_shows_nothing_more(site, monkeypatch):
    """It answers with every point it has: the ledger's ACL decides, and a reader of another realm still finds nothing."""
    real = site.index.query
    everything = Where((Lt("acl_version", 2**40),))
    monkeypatch.setattr(site.index, "query", lambda name, vector, _, limit: real(name, vector, everything, limit))
    answer = site.search("text", STRANGER)
    assert {hit.key for hit in answer.hits} == ALL - {"a.md"}
    assert answer.dropped == {Drop.DENIED: 1}
    assert site.found(reader=OWNER) == ALL
    assert site.search("text", ELSEWHERE).hits == ()


def test_a_filter_that_matches_everything_can_not_be_built():
    """Without a `must`, or with conditions that only exclude, there is no filter."""
    for must_not in ((), (Eq("doc", ""),)):
        with pytest.raises(ValueError, match="everything"):
            Where((), must_not)


@pytest.mark.parametrize("reader", [frozenset(), ELSEWHERE])
def test_who_may_read_nothing_costs_no_question(site, monkeypatch, reader):
    """Nobody, and a reader whom no ACL names, is answered without the store and without the model."""

    def never(*_: object) -> None:
        raise AssertionError("it was asked")

    monkeypatch.setattr("syncd.adapters.embed.hash.HashEmbedder.query", never)
    monkeypatch.setattr(site.index, "query", never)
    assert site.search("text", reader).hits == ()


def test_points_that_are_not_shown_push_nothing_out(site):
    """Forty forged points nearer than every other: the reader asks on until it has what he may read."""
    (collection,) = site.index.points.values()
    near = next(point for point in collection.values() if point.payload["doc"] == doc_of(site, "b.md"))
    for _ in range(40):
        forged = Point(str(uuid.uuid4()), near.vector, near.payload)
        collection[forged.id] = forged
    answer = site.search("Title of b.md the text of b.md", STRANGER, k=3)
    assert {hit.key for hit in answer.hits} == ALL - {"a.md"}
    assert answer.dropped == {Drop.UNRECORDED: 40}


def test_a_revocation_during_the_query_holds(site, monkeypatch):
    """Closed after the store was asked and before it answered: the ledger is read afterwards, and hides it."""
    real = site.index.query

    def query(*asked):
        found = real(*asked)
        monkeypatch.setattr(site.index, "query", real)
        (site.docs / "b.md").chmod(0o600)
        site.sync()
        return found

    monkeypatch.setattr(site.index, "query", query)
    answer = site.search("text", STRANGER)
    assert "b.md" not in {hit.key for hit in answer.hits}


def test_one_late_source_is_refused_by_itself(site):
    """A source whose ACLs were scanned too long ago shows nothing, whatever else is fresh."""
    (before,) = {row.acls_at for row in _sources(site)}
    point = next(p for p in points(site).values() if p.payload["doc"] == doc_of(site, "b.md"))
    with site.open() as wiring, wiring.ledger.read() as view:
        holdings = wiring.holdings(site.collection(wiring))
        assert Checker(view, holdings, known=lambda row: row.acls_at > before).check(point, OWNER) is Drop.LATE
        assert not isinstance(Checker(view, holdings, known=lambda row: row.acls_at == before).check(point, OWNER), Drop)


def _sources(site: Site) -> list:
    with site.open() as wiring, wiring.ledger.read() as view:
        return view.sources()


def test_harm_is_told_counted_and_recorded(site, monkeypatch, capsys):
    """A forged point: the rest is shown, the exit code is that of integrity, and the log knows."""
    (collection,) = site.index.points.values()
    at, point = next((at, p) for at, p in collection.items() if p.payload["doc"] == doc_of(site, "b.md"))
    collection[at] = dataclasses.replace(point, payload={**point.payload, "acl_version": 99})
    monkeypatch.setattr("syncd.wiring.Wiring.index", site.index)
    monkeypatch.setenv("SYNCD_CONFIG", str(site.config))
    assert execute(syncd, ["search", "text", "-k", "50"]) == Exit.INTEGRITY
    assert "1 point of the index, not as recorded" in capsys.readouterr().err
    with site.open() as wiring, wiring.ledger.read() as view:
        assert [event.type for event in view.events()].count("retrieval.integrity") == 1


def test_searching_as_somebody_needs_the_right_and_leaves_a_trace(site, monkeypatch, capsys):
    """Another account than root and the state's owner is refused; who may do it is in the log, once a search."""
    monkeypatch.setattr("syncd.wiring.Wiring.index", site.index)
    monkeypatch.setenv("SYNCD_CONFIG", str(site.config))

    def impersonations() -> int:
        with site.open() as wiring, wiring.ledger.read() as view:
            return [event.type for event in view.events()].count("retrieval.impersonated")

    assert execute(syncd, ["search", "text", "--as", "user:root"]) == Exit.OK
    assert impersonations() == 1
    with monkeypatch.context() as patch:
        patch.setattr("syncd.wiring.desk.os.geteuid", lambda: 4242)
        assert execute(syncd, ["search", "text", "--as", "user:root"]) == Exit.PERMISSION
    assert impersonations() == 1
    assert "a.md" not in capsys.readouterr().err
