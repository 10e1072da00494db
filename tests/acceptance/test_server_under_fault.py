"""The whole program against a server that fails: configured as an install is, over HTTP, to the stand-in of tests/standin."""

from dataclasses import replace

import pytest
from faults import ALL, shown
from served import (
    MOMENTS,
    attempt,
    change_everything,
    ends_well,
    equals_one_from_nothing,
    nobody_reads_too_much,
    payloads,
    served_site,
)
from standin import ALWAYS, Done, Fault, Kind, answers
from terminal import fails, typed

from syncd.core.model import Eq, Where
from syncd.errors import IndexUnavailable, IndexUnknownOutcome

LOST = {
    "reply dropped": Fault("write", Kind.RESET, Done.YES),
    "500": answers("write", 500),
}


# -- each request in turn ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
def test_a_sync_that_fails_at_any_write_is_ended_by_the_next(standin, wide, fault):
    """An edit, ACL changes, a deletion and an addition, cut at each of their writes in turn: one sync more ends well."""
    struck = set()
    for moment in range(MOMENTS):
        change_everything(wide, moment)
        with standin.faulty(replace(fault, at=moment)) as faults:
            failed = attempt(wide, IndexUnknownOutcome)
        assert failed == bool(faults.struck)
        nobody_reads_too_much(wide, failed=failed)
        if not faults.struck:
            break
        struck.add(faults.struck[0][0])
        ends_well(wide)
    assert struck == {"set_payload", "upsert", "delete"}
    equals_one_from_nothing(wide)


def test_reads_that_fail_cost_a_run_and_nothing_else(standin, served, remote):
    """Every read of a sync, answered with 500 in turn: the run fails, and one sync more ends well."""
    served.index = remote
    for moment in range(50):
        served.write("a.md", f"another text, {moment}")
        with standin.faulty(answers("read", 500, at=moment)) as faults:
            failed = attempt(served, IndexUnavailable)
        assert failed == bool(faults.struck)
        if not failed:
            break
        ends_well(served)
    assert moment > 5
    equals_one_from_nothing(served)


@pytest.mark.parametrize(("op", "done"), [("create", Done.YES), ("index", Done.NO), ("switch", Done.YES), ("upsert", Done.NO)])
def test_a_first_sync_that_fails_at_any_write_is_ended_by_the_next(standin, remote, tmp_path, op, done):
    """The collection, a payload index, the alias and the first points: wherever it was cut, one sync more ends well."""
    site = served_site(tmp_path, standin)
    site.index = remote
    with standin.faulty(Fault(op, Kind.RESET, done, at=int(op == "index"))), pytest.raises(IndexUnknownOutcome):
        site.sync()
    ends_well(site)
    equals_one_from_nothing(site)


def test_a_server_that_is_busy_or_goes_down_in_the_middle(standin, wide):
    """Told to wait, or away from some write on: the run says so, so does the next, and once the server is back all is well."""
    change_everything(wide, 0)
    with standin.faulty(answers("upsert", 429, ("Retry-After", "1"), times=2)):
        assert attempt(wide, IndexUnavailable)
        assert attempt(wide, IndexUnavailable)
    change_everything(wide, 1)
    with standin.faulty(Fault("upsert", Kind.DOWN, Done.YES)):
        with pytest.raises(IndexUnknownOutcome):
            wide.sync()
        with pytest.raises(IndexUnavailable):
            wide.sync()
    ends_well(wide)
    equals_one_from_nothing(wide)


# -- what it costs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("done", [Done.YES, Done.NO], ids=["done", "not done"])
def test_a_lost_reply_costs_no_embedding_that_was_not_lost(standin, served, remote, done):
    """An upsert whose reply was lost: its text is embedded again only when the points did not arrive."""
    served.index = remote
    served.write("a.md", "an edited text of which the reply was lost")
    with standin.faulty(Fault("upsert", Kind.RESET, done)), pytest.raises(IndexUnknownOutcome):
        served.sync()
    again = served.sync()
    assert (again.state, again.report.chunks.embedded) == ("done", 0 if done is Done.YES else 1)
    assert shown(served)["a.md"] == {"an edited text of which the reply was lost"}


# -- what a person is told ---------------------------------------------------------------------------------------------

TOLD = {
    "unknown": (Fault("upsert", Kind.RESET, Done.YES, times=ALWAYS), "did not say whether a write was done: no answer"),
    "busy": (answers("upsert", 429, ("Retry-After", "9")), "can't be reached: too many requests, try again in 9 s"),
    "another page": (answers("read", 200, body=b"<html>", times=ALWAYS), "can't be reached: an answer that is none of Qdrant's"),
}


@pytest.mark.parametrize(("fault", "said"), TOLD.values(), ids=TOLD.keys())
def test_what_sync_says_is_true_and_names_the_next_command(standin, served, fault, said):
    """Exit 69, one sentence that says what happened, and the command that mends it, which then does."""
    served.write("a.md", "another text")
    with standin.faulty(fault):
        failed = fails(served, 69, (said, "`syncd sync`"), "sync")
    assert "Traceback" not in failed.err
    assert typed(served, "sync").code == 0
    assert typed(served, "audit", "verify", "--json").json["verdict"] == "good"
    assert typed(served, "dump", "--json").code == 0
    equals_one_from_nothing(served)


def test_a_server_that_is_not_there_is_said_to_be_so(standin, served):
    """In a process of its own, for whoever writes and whoever reads: exit 69 and what to do; nothing is lost."""
    with standin.down():
        failed = served.cli("sync", check=69)
        fails(served, 69, ("can't be reached: no connection", "bring it back"), "search", "text")
    assert "can't be reached: no connection" in failed.stderr
    assert "Traceback" not in failed.stderr
    ends_well(served)


def test_the_points_are_where_the_configuration_says(standin, served):
    """What these tests look at is really there: as many points as are recorded, in the collection of this install."""
    assert len(payloads(served, standin)) == len(ALL)
    assert served.points(Where((Eq("epoch", 1),))) == len(ALL)
