"""Writes that a client gave up and that the server carries out later: the whole program against the stand-in of tests/standin."""

import pytest
from faults import ALL, OWNER, STRANGER
from served import MOMENTS, attempt, change_everything, ends_well, equals_one_from_nothing, nobody_reads_too_much, payloads
from standin import Done, Fault, Kind
from terminal import typed

from syncd.adapters.index.qdrant import QdrantIndex
from syncd.errors import IndexUnknownOutcome


@pytest.mark.parametrize("after", [1, 10**6], ids=["after the next write", "after everything"])
def test_a_write_that_arrives_late_changes_nothing_that_a_reader_may_see(standin, wide, after):
    """Each write in turn is given up and comes after later ones: nobody reads what he may not, and one sync more ends well."""
    for moment in range(MOMENTS):
        change_everything(wide, moment)
        with standin.faulty(Fault("write", Kind.CLOSED, Done.LATER, at=moment, after=after)) as faults:
            assert attempt(wide, IndexUnknownOutcome) == bool(faults.struck)
            assert wide.sync().state == "done"
        if not faults.struck:
            break
        assert standin.faults.catch_up() == (after > 1)
        nobody_reads_too_much(wide, failed=False)
        ends_well(wide)
    assert moment > 3
    equals_one_from_nothing(wide)


def test_an_older_acl_that_arrives_last_changes_nothing(standin, served):
    """Opened, given up at the client's timeout, closed again, and only then does the server write that it is open."""
    (served.docs / "a.md").chmod(0o600)
    assert served.sync().state == "done"
    (served.docs / "a.md").chmod(0o644)
    served.index = QdrantIndex(standin.url, timeout=1)
    with standin.faulty(Fault("set_payload", Kind.NEVER, Done.LATER, after=10**6)) as faults:
        with pytest.raises(IndexUnknownOutcome):
            served.sync()
        assert [op for op, _ in faults.struck] == ["set_payload"]
    served.index.close()
    served.index = None
    (served.docs / "a.md").chmod(0o600)
    assert served.sync().state == "done"
    before = payloads(served, standin)
    assert standin.faults.catch_up() == 1
    assert payloads(served, standin) == before
    assert "a.md" not in served.found(reader=STRANGER)
    assert "a.md" in served.found(reader=OWNER)
    ends_well(served)


def test_a_late_upsert_does_not_bring_back_what_was_deleted(standin, served):
    """The edit was written twice, the file is gone, its deletion is recorded, and then the first write comes: nobody sees it."""
    served.write("a.md", "a last text, better deleted")
    with standin.faulty(Fault("upsert", Kind.CLOSED, Done.LATER, after=10**6)) as faults:
        assert served.sync().state == "done"  # by a second try
        assert [op for op, _ in faults.struck] == ["upsert"]
    (served.docs / "a.md").unlink()
    done = served.sync()
    assert (done.state, done.report.documents.deleted) == ("done", 1)
    assert standin.faults.catch_up() == 1
    for reader in (OWNER, STRANGER):
        assert served.found("a last text, better deleted", reader) == ALL - {"a.md"}
    assert len(payloads(served, standin)) == len(served.dump()) + 1  # it did come: what readers are asked decides, not the index
    assert typed(served, "reconcile", "--repair").code == 0
    assert len(payloads(served, standin)) == len(served.dump())


def test_a_late_upsert_does_not_open_what_was_closed(standin, served):
    """The edit was written twice while the file was open; it is closed, synced, and then the first one comes: nobody reads it any
    more. Who may is told so and what to type, and that mends it.
    """
    served.write("a.md", "a text that becomes secret")
    with standin.faulty(Fault("upsert", Kind.CLOSED, Done.LATER, after=10**6)) as faults:
        assert served.sync().state == "done"  # by a second try
        assert [op for op, _ in faults.struck] == ["upsert"]
    (served.docs / "a.md").chmod(0o600)
    assert served.sync().state == "done"
    assert served.found(reader=STRANGER) == ALL - {"a.md"}
    assert standin.faults.catch_up() == 1
    assert served.found(reader=STRANGER) == ALL - {"a.md"}
    told = typed(served, "search", "a text that becomes secret")
    assert told.code == 6
    assert "`syncd reconcile --full --repair`" in told.err
    assert typed(served, "reconcile", "--full", "--repair").code == 0
    assert "a.md" in served.found(reader=OWNER)
    assert served.found(reader=STRANGER) == ALL - {"a.md"}
    equals_one_from_nothing(served)


def test_a_late_deletion_of_a_version_that_came_back_is_repaired(standin, served):
    """The former version's points were removed twice; that version came back, and then the first removal comes: the next sync
    counts, and brings them in again.
    """
    former = (served.docs / "a.md").read_text()
    served.write("a.md", "an interlude")
    with standin.faulty(Fault("delete", Kind.CLOSED, Done.LATER, after=10**6)) as faults:
        assert served.sync().state == "done"  # by a second try
        assert [op for op, _ in faults.struck] == ["delete"]
    served.write("a.md", former)
    assert served.sync().state == "done"
    assert standin.faults.catch_up() == 1
    ends_well(served)
