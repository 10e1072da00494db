"""The server adapter without an answer of any use: every fault is an error of the port, in time, and repeating is harmless."""

import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from index_points import everything, pid
from server_calls import READS, SERVED, TIMEOUT, WRITES, state
from standin import ALWAYS, Done, Fault, Kind, answers

from syncd.adapters.index.qdrant import QdrantIndex
from syncd.errors import IndexUnavailable, IndexUnknownOutcome

MERCY = 1.5
"""Seconds beyond the timeout: the machine may be busy."""
LOST = {
    "closed": Fault("any", Kind.CLOSED, Done.YES),
    "closed, not done": Fault("any", Kind.CLOSED, Done.NO),
    "reset": Fault("any", Kind.RESET, Done.YES),
    "reset, not done": Fault("any", Kind.RESET, Done.NO),
    "half": Fault("any", Kind.HALF, Done.YES),
    "500": answers("any", 500, done=Done.YES),
    "500, not done": answers("any", 500),
    "502": answers("any", 502, body=b"<html>Bad Gateway</html>", done=Done.YES),
    "503": answers("any", 503),
    "504": answers("any", 504, body=b"", done=Done.YES),
    "moved": answers("any", 302, ("location", "http://127.0.0.1:1/")),
    "another page": answers("any", 200, body=b"<html>Log in to this network</html>"),
    "cut by a proxy": answers("any", 200, body=b'{"result": {"operation', done=Done.YES),
    "nothing to say": answers("any", 200, body=b'{"status":"ok","time":0.0}', done=Done.YES),
    "another answer": answers("any", 200, body=b'{"result":[[7]],"status":"ok","time":0.0}', done=Done.YES),
}
"""Ways to leave a client without an answer that it can use."""


# -- an answer that is no use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
def test_a_read_without_an_answer_is_unavailable(standin, hasty, fault):
    """Whatever became of it, it can be tried again; and the next one is answered."""
    for op, read in READS.items():
        expected = read(hasty)
        with standin.faulty(replace(fault, op=op)) as faults:
            with pytest.raises(IndexUnavailable):
                read(hasty)
            assert [hit for hit, _ in faults.struck] == [op]
        assert read(hasty) == expected


@pytest.mark.parametrize(
    ("op", "fault"),
    [
        *(pytest.param("upsert", fault, id=f"upsert, {name}") for name, fault in LOST.items()),
        *(
            pytest.param(op, LOST[name], id=f"{op}, {name}")
            for op in ("set_payload", "delete", "switch")
            for name in ("reset", "reset, not done", "500", "nothing to say")
        ),
    ],
)
def test_a_write_without_an_answer_may_have_been_done_and_is_repeated(standin, hasty, patient, op, fault):
    """Its outcome is unknown, whether it was done or not; done once more, the index is as after one write."""
    former = state(patient)
    with standin.faulty(replace(fault, op=op)) as faults:
        with pytest.raises(IndexUnknownOutcome):
            WRITES[op](hasty)
        assert faults.done == ([op] if fault.done is Done.YES else [])
    assert (state(patient) != former) == (fault.done is Done.YES)
    WRITES[op](hasty)
    once = state(patient)
    assert once != former
    WRITES[op](hasty)
    assert state(patient) == once


@pytest.mark.parametrize("op", ["create", "index", "drop"])
@pytest.mark.parametrize("fault", [LOST["reset"], LOST["reset, not done"]], ids=["done", "not done"])
def test_a_collection_half_made_or_half_dropped_is_finished_by_the_next_call(standin, patient, op, fault):
    """Making and dropping a collection, with its payload indexes, can be repeated from wherever it was cut."""
    call = patient.drop_collection if op == "drop" else lambda name: patient.ensure_collection(name, 4)
    if op == "drop":
        patient.ensure_collection("fresh", 4)
    with standin.faulty(replace(fault, op=op)), pytest.raises(IndexUnknownOutcome):
        call("fresh")
    call("fresh")
    assert ("fresh" in patient.collections()) == (op != "drop")
    if op != "drop":
        with standin.faulty() as faults:
            patient.ensure_collection("fresh", 4)
        assert faults.done == []
        patient.drop_collection("fresh")


def test_a_read_that_goes_before_a_write_is_a_read(standin, hasty):
    """Making and dropping a collection begin by looking: when that fails nothing was written, and nothing is unknown."""
    for op in ("exists", "info"):
        with standin.faulty(answers(op, 500)) as faults, pytest.raises(IndexUnavailable):
            hasty.ensure_collection(SERVED, 4)
        assert faults.done == []
    with standin.faulty(answers("exists", 500)), pytest.raises(IndexUnavailable):
        hasty.drop_collection(SERVED)


# -- time --------------------------------------------------------------------------------------------------------------

SLOW = {
    "never": Fault("any", Kind.NEVER, Done.YES),
    "too late": Fault("any", Kind.SLOW, Done.YES, seconds=TIMEOUT + MERCY + 1),
    "a byte now and then": Fault("any", Kind.DRIP, Done.YES, seconds=TIMEOUT / 8),
}


@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW.keys())
def test_nobody_is_waited_for_beyond_the_timeout(standin, hasty, patient, fault):
    """A server that says nothing, too late or too slowly is given up in time; a write was done all the same, or was not."""
    for call, error in ((READS["count"], IndexUnavailable), (WRITES["upsert"], IndexUnknownOutcome)):
        began = time.monotonic()
        with standin.faulty(fault), pytest.raises(error):
            call(hasty)
        assert time.monotonic() - began < TIMEOUT + MERCY
    assert pid(4) in everything(patient, SERVED)


def test_a_slow_answer_in_time_is_an_answer(standin, hasty):
    """Within the timeout nothing is lost, also in pieces."""
    with standin.faulty(Fault("count", Kind.SLOW, seconds=TIMEOUT / 4)):
        assert hasty.count(SERVED, None) == 3
    with standin.faulty(Fault("count", Kind.DRIP, seconds=0.001)):
        assert hasty.count(SERVED, None) == 3


# -- what is left behind -----------------------------------------------------------------------------------------------


def test_no_socket_and_no_thread_is_left_behind(standin, patient):
    """After failures of every kind and `close`, the process has the descriptors and threads that it had before."""
    client = QdrantIndex(standin.url, timeout=TIMEOUT)
    client.count(SERVED, None)
    before = settled(descriptors)
    threads = settled(lambda: {thread.name for thread in threading.enumerate()})
    for fault in (*LOST.values(), *SLOW.values()):
        if fault.kind is Kind.NEVER:
            continue
        with standin.faulty(replace(fault, seconds=0.0, times=ALWAYS)):
            for call in (READS["count"], READS["query"], WRITES["upsert"], WRITES["delete"]):
                with suppress(IndexUnavailable, IndexUnknownOutcome):
                    call(client)
    client.close()
    assert settled(descriptors) <= before
    assert settled(lambda: {thread.name for thread in threading.enumerate()}) <= threads


def descriptors() -> int:
    """How many this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def settled(measure):
    """What it comes to once nothing moves any more: handlers of the stand-in end a moment after their answers."""
    value = measure()
    for _ in range(50):
        time.sleep(0.02)
        if (now := measure()) == value:
            return value
        value = now
    return value
