"""The server adapter against a server that refuses, is away, or does things out of order."""

import pytest
from index_points import everything, pid, point, unit
from server_calls import READS, SERVED, TIMEOUT, WRITES
from standin import Done, Fault, Kind, StandIn, answers

from syncd.adapters.index.edge import EdgeIndex
from syncd.adapters.index.qdrant import QdrantIndex
from syncd.core.model import Eq, Ids, Lt, Where
from syncd.errors import IndexInvalid, IndexNotFound, IndexUnavailable, IndexUnknownOutcome

# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_again(standin, hasty, status):
    """A read is unavailable, and the message says for how long."""
    with standin.faulty(answers("count", status, ("Retry-After", "7"))), pytest.raises(IndexUnavailable, match="in 7 s"):
        hasty.count(SERVED, None)
    assert hasty.count(SERVED, None) == 3


@pytest.mark.parametrize("header", [(), (("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"),), (("Retry-After", "0.5"),)])
def test_a_limit_is_understood_whatever_the_server_says_of_its_end(standin, hasty, header):
    """429 is answered before anything is done: unavailable, for a write too, with a date, a fraction or nothing to wait for."""
    for op, call in (("count", READS["count"]), ("upsert", WRITES["upsert"])):
        with standin.faulty(answers(op, 429, *header)), pytest.raises(IndexUnavailable):
            call(hasty)


def test_a_write_that_is_only_noted_is_not_done(standin, hasty):
    """Asked to wait, a server may still answer that it will do it: then the outcome is not known."""
    for status in (b"acknowledged", b"wait_timeout"):
        noted = b'{"result":{"operation_id":1,"status":"' + status + b'"},"status":"ok","time":0.0}'
        for op in ("upsert", "set_payload", "delete"):
            with standin.faulty(answers(op, 200, body=noted)), pytest.raises(IndexUnknownOutcome):
                WRITES[op](hasty)
    for op in ("switch", "create"):
        refused = answers(op, 200, body=b'{"result":false,"status":"ok","time":0.0}')
        call = WRITES["switch"] if op == "switch" else lambda index: index.ensure_collection("fresh", 4)
        with standin.faulty(refused), pytest.raises(IndexUnknownOutcome):
            call(hasty)


def test_a_key_is_needed_where_the_server_wants_one(tmp_path):
    """Without it the index is unavailable; with it everything works."""
    with StandIn(EdgeIndex(tmp_path / "index"), api_key="a secret") as guarded:
        without = QdrantIndex(guarded.url, timeout=TIMEOUT)
        with pytest.raises(IndexUnavailable, match="401"):
            without.collections()
        with pytest.warns(UserWarning, match="insecure"):
            keyed = QdrantIndex(guarded.url, "a secret", timeout=TIMEOUT)
            assert keyed.collections() == ()
        without.close()
        keyed.close()


def test_who_makes_a_collection_at_the_same_time_is_no_error(standin, hasty, patient, monkeypatch):
    """Between looking and making somebody else was faster: the collection is there, and it is asked what it holds."""
    hasty.collections()
    real = hasty._rest._client.collection_exists
    patient.ensure_collection("taken", 4)
    answered = [False]

    def exists(name: str) -> bool:
        return answered.pop() if answered else real(name)

    monkeypatch.setattr(hasty._rest._client, "collection_exists", exists)
    hasty.ensure_collection("taken", 4)
    answered.append(False)
    with pytest.raises(IndexInvalid, match="4 components, not 5"):
        hasty.ensure_collection("taken", 5)
    patient.drop_collection("taken")


def test_a_collection_that_somebody_else_dropped_is_not_found(hasty, patient):
    """What the client remembered of it goes with the first answer that says so: it is asked anew, and may be another one."""
    patient.ensure_collection("brief", 4)
    hasty.upsert("brief", [point(1)])
    patient.drop_collection("brief")
    with pytest.raises(IndexNotFound):
        hasty.count("brief", None)
    with pytest.raises(IndexNotFound):
        hasty.upsert("brief", [])
    patient.ensure_collection("brief", 8)
    hasty.upsert("brief", [point(1, unit(*range(1, 9)))])
    patient.drop_collection("brief")


# -- a server that is away ---------------------------------------------------------------------------------------------


def test_a_server_that_is_down_has_done_nothing(standin, hasty):
    """Nothing was sent: unavailable, for a write too; back on its port with its data, all goes on with the same client."""
    with standin.down():
        for call in (*READS.values(), *WRITES.values()):
            with pytest.raises(IndexUnavailable):
                call(hasty)
    assert hasty.count(SERVED, None) == 3
    WRITES["upsert"](hasty)
    assert hasty.count(SERVED, None) == 4


def test_a_server_that_goes_down_under_a_write(standin, hasty, patient):
    """The write that it was busy with is unknown, the next is unavailable, and once it is back the repetition ends well."""
    with standin.faulty(Fault("upsert", Kind.DOWN, Done.YES)):
        with pytest.raises(IndexUnknownOutcome):
            WRITES["upsert"](hasty)
        with pytest.raises(IndexUnavailable):
            WRITES["upsert"](hasty)
    WRITES["upsert"](hasty)
    assert set(everything(patient, SERVED)) == {pid(n) for n in range(1, 5)}


# -- order -------------------------------------------------------------------------------------------------------------


def test_an_older_payload_write_that_arrives_last_changes_nothing(standin, hasty, patient):
    """The client gave it up, a newer one was done, then it comes: `acl_version < v` matches nothing any more."""

    def retag(version: int, token: str) -> None:
        where = Where((Eq("doc", "d"), Lt("acl_version", version)))
        hasty.set_payload(SERVED, {"acl_version": version, "acl_class": token}, where)

    with standin.faulty(Fault("set_payload", Kind.CLOSED, Done.LATER)) as faults:
        with pytest.raises(IndexUnknownOutcome):
            retag(2, "wide")
        retag(3, "narrow")
        assert faults.done == ["set_payload", "set_payload"]
    tags = {each["acl_class"] for each in everything(patient, SERVED).values() if each["doc"] == "d"}
    assert tags == {"narrow"}


def test_a_large_write_that_is_cut_in_the_middle_is_repeated_as_a_whole(standin, hasty, patient):
    """Of 600 points the second request of three is lost: what came before it was done, and the repetition does all."""
    many = [point(n) for n in range(600)]
    with standin.faulty(Fault("upsert", Kind.RESET, Done.NO, at=1)) as faults, pytest.raises(IndexUnknownOutcome):
        hasty.upsert(SERVED, many)
    assert faults.done == ["upsert"]
    hasty.upsert(SERVED, many)
    assert patient.count(SERVED, Where((Ids(tuple(each.id for each in many)),))) == 600
