"""The decision table of the diff, row by row, and the guard."""

import pytest

from syncd.core import guard
from syncd.core.diff import Action, Recorded, Seen, Shelved, compare, diff_page, settle_look, still_shelved
from syncd.core.guard import Limits
from syncd.core.lifecycle import TRANSITIONS, RunState, step
from syncd.core.model import Reason, Refusal

SHAPE = b"shape"
SEEN = Seen(version=b"v1", identity=b"i", acl=b"acl")
KNOWN = Recorded(version=b"v1", acl=b"acl", content=b"c", shape=SHAPE)
NO_ACL = Seen(b"v1", b"i", None)
REFUSED = Seen(b"v1", b"i", b"acl", refusal=Refusal(Reason.TOO_LARGE))


def known(**facts: object) -> Recorded:
    return Recorded(**({"version": b"v1", "acl": b"acl", "content": b"c", "shape": SHAPE} | facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "recorded", "asked"),
    [
        (SEEN, None, (Action.ADD,)),
        (SEEN, KNOWN, ()),
        (SEEN, known(version=b"v0"), (Action.LOOK,)),
        (SEEN, known(shape=b"old"), (Action.LOOK,)),
        (SEEN, known(racy=True), (Action.LOOK,)),
        (SEEN, known(complete=False), (Action.LOOK,)),
        (SEEN, known(acl=b"other"), (Action.RETAG,)),
        (SEEN, known(acl=b"other", version=b"v0"), (Action.RETAG, Action.LOOK)),
        (NO_ACL, None, (Action.QUARANTINE,)),
        (NO_ACL, KNOWN, (Action.QUARANTINE,)),
        (REFUSED, None, (Action.QUARANTINE,)),
        (REFUSED, KNOWN, (Action.QUARANTINE,)),
        (REFUSED, known(acl=b"other"), (Action.RETAG, Action.QUARANTINE)),
    ],
)
def test_each_row_of_the_table(seen, recorded, asked):
    """What is seen and what is recorded of one key decide what it asks for, ACL before content."""
    assert compare(seen, recorded, SHAPE) == asked


@pytest.mark.parametrize(
    ("recorded", "content", "then"),
    [
        (KNOWN, b"c", Action.REFRESH),
        (KNOWN, b"other", Action.UPDATE),
        (known(shape=b"old"), b"c", Action.UPDATE),
        (known(complete=False), b"c", Action.UPDATE),
    ],
)
def test_a_look_is_settled_by_the_content(recorded, content, then):
    """Equal content of a complete record under the same shape needs nothing but its new version."""
    assert settle_look(recorded, content, SHAPE) is then


@pytest.mark.parametrize(
    ("seen", "shelf", "stays"),
    [
        (SEEN, Shelved(b"v1", SHAPE, Reason.FORMAT, resting=False), True),
        (SEEN, Shelved(b"v0", SHAPE, Reason.FORMAT, resting=False), False),
        (SEEN, Shelved(b"v1", b"old", Reason.FORMAT, resting=False), False),
        (SEEN, Shelved(b"v1", SHAPE, Reason.EMBEDDING, resting=False), False),
        (SEEN, Shelved(b"v1", SHAPE, Reason.EMBEDDING, resting=True), True),
        (SEEN, Shelved(b"v1", SHAPE, Reason.ACL, resting=True), False),
        (NO_ACL, Shelved(b"v1", SHAPE, Reason.ACL, resting=False), True),
        (NO_ACL, Shelved(b"v1", SHAPE, Reason.FORMAT, resting=False), False),
        (REFUSED, Shelved(b"v1", SHAPE, Reason.TOO_LARGE, resting=False), True),
        (REFUSED, Shelved(b"v1", SHAPE, Reason.SPECIAL, resting=False), False),
    ],
)
def test_what_is_in_quarantine_stays_until_something_changes(seen, shelf, stays):
    """Another version or shape is looked at; what can be tried again is, when its time has come; a known ACL always is."""
    assert still_shelved(seen, shelf, SHAPE) is stays


def test_a_quarantined_version_does_not_hide_what_its_document_needs():
    """An older version that is hidden, or whose ACL became unknown, is asked about although a newer one is in quarantine."""
    shelf = {"k": Shelved(b"v1", SHAPE, Reason.FORMAT, resting=False)}
    assert diff_page({"k": SEEN}, {"k": known(version=b"v0")}, shelf, SHAPE).shelved == ("k",)
    assert diff_page({"k": SEEN}, {"k": known(complete=False)}, shelf, SHAPE).actions == (("k", Action.LOOK),)
    assert diff_page({"k": NO_ACL}, {"k": KNOWN}, shelf, SHAPE).actions == (("k", Action.QUARANTINE),)
    assert diff_page({"k": SEEN}, {"k": known(acl=b"other")}, shelf, SHAPE).actions == (("k", Action.RETAG),)
    parked = {"k": Shelved(b"v1", SHAPE, Reason.ACL, resting=False)}
    assert diff_page({"k": NO_ACL}, {"k": KNOWN}, parked, SHAPE).actions == (("k", Action.QUARANTINE),)
    assert diff_page({"k": NO_ACL}, {"k": known(shut=True)}, parked, SHAPE).actions == ()


@pytest.mark.parametrize(
    ("gone", "of", "halts"),
    [
        (0, 0, False),
        (0, 10, False),
        (1, 10, False),
        (49, 100, False),
        (50, 100, True),
        (50, 1000, False),
        (10, 10, True),
        (1, 1, True),
    ],
)
def test_the_guard_halts_what_is_too_much(gone, of, halts):
    """Beyond a fifth and at least fifty documents, or all of them however few."""
    assert (guard.deletions(of, gone, Limits()) is not None) is halts


def test_a_run_ends_once():
    """No state that is an end leads anywhere."""
    assert step(RunState.RUNNING, RunState.DONE) is RunState.DONE
    for state in TRANSITIONS:
        if state is not RunState.RUNNING:
            with pytest.raises(ValueError, match="can't become"):
                step(state, RunState.RUNNING)
