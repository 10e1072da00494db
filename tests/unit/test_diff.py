"""The decision table: what an observation and a record of the same key ask for, ACL before content."""

from dataclasses import replace

import pytest

from syncd.core import guard
from syncd.core.diff import Action, Recorded, Seen, Shelved, compare, diff_page, settle_look, still_shelved
from syncd.core.guard import Limits
from syncd.core.model import Reason, Refusal

SHAPE, OTHER = b"shape", b"other"
SEEN = Seen(version=b"v1", identity=b"i", acl=b"staff")
KNOWN = Recorded(version=b"v1", identity=b"i", acl=b"staff", content=b"c", shape=SHAPE)
REFUSED = replace(SEEN, refusal=Refusal(Reason.TOO_LARGE))
BLIND = replace(SEEN, acl=None)


@pytest.mark.parametrize(
    ("seen", "recorded", "asked"),
    [
        (None, None, ()),
        (None, KNOWN, (Action.DELETE,)),
        (SEEN, None, (Action.ADD,)),
        (SEEN, KNOWN, ()),
        (replace(SEEN, acl=b"board"), KNOWN, (Action.RETAG,)),
        (replace(SEEN, version=b"v2"), KNOWN, (Action.LOOK,)),
        (replace(SEEN, version=b"v2", acl=b"board"), KNOWN, (Action.RETAG, Action.LOOK)),
        (SEEN, replace(KNOWN, racy=True), (Action.LOOK,)),
        (SEEN, replace(KNOWN, complete=False), (Action.LOOK,)),
        (SEEN, replace(KNOWN, shape=OTHER), (Action.LOOK,)),
        (SEEN, replace(KNOWN, acl=b""), (Action.RETAG,)),
        (BLIND, None, (Action.QUARANTINE,)),
        (BLIND, KNOWN, (Action.QUARANTINE,)),
        (REFUSED, None, (Action.QUARANTINE,)),
        (REFUSED, KNOWN, (Action.QUARANTINE,)),
        (replace(REFUSED, acl=b"board"), KNOWN, (Action.RETAG, Action.QUARANTINE)),
    ],
)
def test_each_cell_of_the_table(seen, recorded, asked):
    """What one key asks for, and in which order."""
    assert compare(seen, recorded, SHAPE) == asked


def test_a_look_is_an_update_unless_all_is_as_recorded():
    """Equal content counts only where the shape is the same and nothing was left half done."""
    assert settle_look(KNOWN, b"c", SHAPE) is Action.REFRESH
    assert settle_look(KNOWN, b"d", SHAPE) is Action.UPDATE
    assert settle_look(KNOWN, b"c", OTHER) is Action.UPDATE
    assert settle_look(replace(KNOWN, complete=False), b"c", SHAPE) is Action.UPDATE


@pytest.mark.parametrize(
    ("seen", "shelved", "stays"),
    [
        (SEEN, Shelved(b"v1", SHAPE, Reason.FORMAT), True),
        (SEEN, Shelved(b"v0", SHAPE, Reason.FORMAT), False),
        (SEEN, Shelved(b"v1", OTHER, Reason.FORMAT), False),
        (SEEN, Shelved(b"v1", SHAPE, Reason.EMBEDDING), False),
        (SEEN, Shelved(b"v1", SHAPE, Reason.ACL), False),
        (BLIND, Shelved(b"v1", SHAPE, Reason.ACL), True),
        (BLIND, Shelved(b"v1", SHAPE, Reason.FORMAT), False),
        (REFUSED, Shelved(b"v1", SHAPE, Reason.TOO_LARGE), True),
        (REFUSED, Shelved(b"v1", SHAPE, Reason.FORMAT), False),
    ],
)
def test_only_what_nothing_can_lift_stays_in_quarantine_unseen(seen, shelved, stays):
    """Another version, shape or reason is another look; what may pass by itself is tried again."""
    assert still_shelved(seen, shelved, SHAPE) is stays


def test_a_page_asks_for_every_key_of_either_side():
    """Deletions come last, what is in quarantine stays there, and its older version still follows the ACL."""
    found = diff_page(
        {"new": SEEN, "same": SEEN, "bad": replace(SEEN, acl=b"board")},
        {"same": KNOWN, "bad": KNOWN, "gone": KNOWN},
        {"bad": Shelved(b"v1", SHAPE, Reason.FORMAT)},
        SHAPE,
    )
    assert found.actions == (("new", Action.ADD), ("bad", Action.RETAG), ("gone", Action.DELETE))
    assert (found.shelved, found.unchanged) == (("bad",), 1)


@pytest.mark.parametrize(
    ("known", "touched", "waits"), [(100, 20, False), (100, 21, True), (40, 9, False), (40, 10, True), (1000, 10, False)]
)
def test_the_guard_takes_the_share_and_the_count(known, touched, waits):
    """Few documents or a small share pass; both together wait for a person."""
    limits = Limits(share=0.2, floor=10)
    assert (guard.deletions(known, touched, limits) is not None) is waits
    assert (guard.widenings(known, touched, limits) is not None) is waits


def test_an_emptied_source_waits_whatever_its_size():
    """The last document of a source is not deleted without a person; where there was none nothing waits."""
    assert guard.deletions(1, 1, Limits()) is not None
    assert guard.deletions(2, 1, Limits()) is None
    assert guard.deletions(0, 0, Limits()) is None
