"""The writing side: what a transaction leaves in the ledger, and what the log refuses to go on from."""

import hashlib
import hmac
from contextlib import suppress
from dataclasses import replace

import pytest
from audit_memory import INSTALL, ORIGIN, ROW_KEY, SIGNER, FakeClock, MemoryLedger, MemoryTx, fact, filled, new_log, pinned

from syncd.audit.event import Actor, Event, EventType, Phase
from syncd.audit.leaf import decode_leaf
from syncd.audit.merkle import leaf_hash
from syncd.audit.note import Checkpoint, Signer
from syncd.audit.verify import verify
from syncd.errors import AuditBroken, Exit


class Interrupted(Exception):
    """What rolls a transaction back in these tests."""


def append(ledger, log, *events):
    """Record events in one transaction."""
    with ledger.write() as tx:
        return [log.append(tx, event) for event in events]


def assert_good(ledger, size):
    """The ledger holds a log of `size` events that verifies in every respect."""
    with ledger.read() as view:
        report = verify(view, verifier=pinned(), row_key=ROW_KEY)
    assert (report.findings, report.size) == ((), size)


def sign(ledger, signer, size, root, origin=ORIGIN):
    """Put a checkpoint that `signer` signed."""
    ledger.checkpoint_rows[size] = (size, root, signer.sign(Checkpoint(origin, size, root).text))


def edit(ledger, seq, **changes):
    """Change columns of a stored row."""
    ledger.event_rows[seq] = replace(ledger.event_rows[seq], **changes)


def test_an_event_is_stored_with_its_leaf_hash_columns_and_mac():
    """The row holds the leaf, its RFC 6962 hash, the columns, and the MAC over length-prefixed parts."""
    ledger, log = MemoryLedger(), new_log()
    event = Event(
        EventType.DOC_SYNCED, Phase.INTENT, op=b"op", run=b"run", source=b"source", doc=b"doc", cause="watch", body={"a": 1}
    )
    assert append(ledger, log, fact(), event) == [0, 1]
    row = ledger.event_rows[1]
    leaf = decode_leaf(row.leaf)
    assert (leaf["seq"], leaf["install"], leaf["boot"], leaf["actor"]) == (
        1,
        INSTALL.hex(),
        "boot-1",
        {"kind": "process", "uid": 990},
    )
    assert leaf["body"] == {"a": 1, "doc": b"doc".hex()}
    assert row.leaf_hash == hashlib.sha256(b"\0" + row.leaf).digest()
    ids = [value.encode() for value in (b"op".hex(), b"run".hex(), b"source".hex(), b"doc".hex())]
    numbers = [(1).to_bytes(8), row.ts.to_bytes(8)]
    parts = [b"syncd/row", numbers[0], row.leaf_hash, numbers[1], b"doc.synced", b"intent", *ids]
    message = b"".join(len(part).to_bytes(4) + part for part in parts)
    assert row.mac == hmac.new(ROW_KEY, message, "sha256").digest()
    assert (row.type, row.phase, row.ts) == ("doc.synced", "intent", 1_714_564_800_123_456)


def test_the_actor_of_an_event_comes_before_the_process():
    """An event with an actor of its own says that one."""
    ledger, log = MemoryLedger(), new_log()
    append(ledger, log, fact(actor=Actor("user", uid=0, auid=1000, via="cli")))
    assert decode_leaf(ledger.event_rows[0].leaf)["actor"] == {"kind": "user", "uid": 0, "auid": 1000, "via": "cli"}


def test_equal_events_are_different_leaves():
    """Random ids tell equal events of one moment apart."""
    ledger, log = MemoryLedger(), new_log()
    append(ledger, log, fact(), fact())
    ids = {decode_leaf(row.leaf)["id"] for row in ledger.event_rows.values()}
    assert len(ids) == 2


def test_a_log_of_any_length_verifies():
    """Events in transactions of one, two, three ... with a checkpoint each make a log that verifies."""
    ledger, log = MemoryLedger(), new_log()
    for size in (1, 3, 6, 10, 15, 21, 28, 32, 33):
        filled((size,), ledger=ledger, log=log, start=len(ledger.event_rows))
    assert_good(ledger, 33)
    assert sorted(ledger.checkpoint_rows) == [1, 3, 6, 10, 15, 21, 28, 32, 33]


@pytest.mark.parametrize("before", range(6))
def test_a_rolled_back_transaction_leaves_no_trace(before):
    """After a rollback the next event takes the seq and the place in the tree that the lost one had."""
    ledger, log = MemoryLedger(), new_log()
    append(ledger, log, *map(fact, range(before)))
    with suppress(Interrupted), ledger.write() as tx:
        log.append(tx, fact(100))
        log.append(tx, fact(101))
        log.checkpoint(tx)
        raise Interrupted
    assert append(ledger, log, fact(102)) == [before]
    with ledger.write() as tx:
        assert log.checkpoint(tx) is not None
    assert_good(ledger, before + 1)


def test_events_of_another_process_are_taken_in():
    """Events and checkpoints that another process committed are found, and the log goes on after them."""
    ledger, ours, theirs = MemoryLedger(), new_log(seed=1), new_log(seed=2)
    append(ledger, ours, fact(0))
    assert append(ledger, theirs, fact(1), fact(2)) == [1, 2]
    with ledger.write() as tx:
        theirs.checkpoint(tx)
    assert append(ledger, ours, fact(3)) == [3]
    with ledger.write() as tx:
        ours.checkpoint(tx)
    assert_good(ledger, 4)


def test_another_process_may_fill_the_place_of_a_rolled_back_event():
    """As many events as were lost, written by another process meanwhile, are not taken for the lost ones."""
    ledger, ours, theirs = MemoryLedger(), new_log(seed=1), new_log(seed=2)
    append(ledger, ours, fact(0))
    with suppress(Interrupted), ledger.write() as tx:
        ours.append(tx, fact(1))
        raise Interrupted
    append(ledger, theirs, fact(2))
    append(ledger, ours, fact(3))
    with ledger.write() as tx:
        ours.checkpoint(tx)
    assert_good(ledger, 3)


def test_own_events_are_not_read_back(monkeypatch):
    """A transaction after our own commit looks at the newest event only: appending costs the same however much was appended."""
    ledger, log = MemoryLedger(), new_log()
    append(ledger, log, *map(fact, range(5)))
    sinces = []
    events = MemoryTx.events
    monkeypatch.setattr(MemoryTx, "events", lambda tx, since=0, limit=None: sinces.append(since) or events(tx, since, limit))
    append(ledger, log, fact(5), fact(6))
    assert sinces == [5]


def test_committed_events_that_vanish_under_the_process_are_noticed():
    """A ledger that was set back while the process runs is refused, not continued."""
    ledger, log = MemoryLedger(), new_log()
    append(ledger, log, fact(0))
    append(ledger, log, fact(1))
    append(ledger, log, fact(2))
    del ledger.event_rows[2], ledger.event_rows[1], ledger.node_rows[1, 0]
    with pytest.raises(AuditBroken, match="not any more"):
        append(ledger, log, fact(3))


def test_events_that_an_intruder_adds_under_the_process_are_noticed():
    """A row that no holder of the row key wrote is refused by the next transaction."""
    ledger, log = MemoryLedger(), new_log()
    append(ledger, log, fact(0))
    ledger.event_rows[1] = replace(ledger.event_rows[0], seq=1)
    with pytest.raises(AuditBroken, match="event 1 is not as it was written"):
        append(ledger, log, fact(1))


def test_an_event_that_can_not_be_written_changes_nothing():
    """After a refused body the same transaction goes on as if nothing had been."""
    ledger, log = MemoryLedger(), new_log()
    with ledger.write() as tx:
        log.append(tx, fact(0))
        with pytest.raises(ValueError, match="surrogate"):
            log.append(tx, fact(1, body={"name": "\udce9"}))
        assert log.append(tx, fact(2)) == 1
        log.checkpoint(tx)
    assert_good(ledger, 2)


def test_opening_within_the_writing_transaction_forgets_nothing():
    """Opening the log on the transaction that is appending neither loses nor commits what it appended."""
    ledger, log = MemoryLedger(), new_log()
    with suppress(Interrupted), ledger.write() as tx:
        log.append(tx, fact(0))
        log.open(tx)
        assert log.append(tx, fact(1)) == 1
        raise Interrupted
    assert append(ledger, log, fact(2)) == [0]


def test_a_checkpoint_covers_the_events_of_its_own_transaction():
    """The note is by the signer, says origin, size and root, and is what the ledger holds."""
    ledger, log = MemoryLedger(), new_log()
    with ledger.write() as tx:
        log.append(tx, fact(0))
        note = log.checkpoint(tx)
    checkpoint = Checkpoint.parse(pinned().open(note))
    assert checkpoint == Checkpoint(ORIGIN, 1, leaf_hash(ledger.event_rows[0].leaf))
    assert ledger.checkpoint_rows == {1: (1, checkpoint.root, note)}


def test_there_is_nothing_to_sign_twice():
    """An empty log, a size that has a checkpoint, of this process or another, and a log without a signer give no note."""
    ledger, log, other = MemoryLedger(), new_log(seed=1), new_log(seed=2)
    with ledger.write() as tx:
        assert log.checkpoint(tx) is None
    append(ledger, log, fact(0))
    with ledger.write() as tx:
        assert new_log(signer=None).checkpoint(tx) is None
        assert other.checkpoint(tx) is not None
    for process in (log, other):
        with ledger.write() as tx:
            assert process.checkpoint(tx) is None
    assert_good(ledger, 1)


def test_a_checkpoint_of_more_events_than_there_are_is_never_followed():
    """Signing a log that is shorter than what was signed before would be signing its cut."""
    ledger, log = MemoryLedger(), new_log()
    append(ledger, log, fact(0))
    sign(ledger, SIGNER, 2, b"r" * 32)
    with pytest.raises(AuditBroken, match="2 events were signed, 1 are there"), ledger.write() as tx:
        log.checkpoint(tx)


def test_1024_events_make_a_checkpoint_due():
    """One event less and there is time."""
    ledger, clock = MemoryLedger(), FakeClock()
    log = new_log(clock=clock)
    append(ledger, log, *map(fact, range(1023)))
    assert not log.due(clock.now())
    append(ledger, log, fact())
    assert log.due(clock.now())
    with ledger.write() as tx:
        log.checkpoint(tx)
    assert not log.due(clock.now())


def test_an_event_waits_60_seconds_for_its_checkpoint():
    """The oldest event without a checkpoint counts, also one that an earlier process left; an empty log waits for nothing."""
    ledger, clock = MemoryLedger(), FakeClock()
    log = new_log(clock=clock)
    assert not log.due(clock.now())
    append(ledger, log, fact(0))
    clock.forward(59)
    append(ledger, log, fact(1))
    later = new_log(clock=clock)
    with ledger.read() as view:
        later.open(view)
    assert not log.due(clock.now())
    assert not later.due(clock.now())
    clock.forward(1)
    assert log.due(clock.now())
    assert later.due(clock.now())
    with ledger.write() as tx:
        log.checkpoint(tx)
    clock.forward(3600)
    assert not log.due(clock.now())


def test_a_clock_that_was_set_back_makes_a_checkpoint_due():
    """Where the wait can't be told, the checkpoint comes at once."""
    ledger, clock = MemoryLedger(), FakeClock()
    log = new_log(clock=clock)
    append(ledger, log, fact(0))
    clock.forward(-3600)
    assert log.due(clock.now())


@pytest.mark.parametrize("size", [*range(1, 34), 100])
@pytest.mark.parametrize("tail", [0, 3])
def test_a_log_goes_on_after_a_restart(size, tail):
    """A new process opens the log at a checkpoint of any size, with and without a tail, and the result verifies."""
    ledger = filled((size, None, size + tail))
    log = new_log(seed=9)
    with ledger.read() as view:
        log.open(view)
    assert append(ledger, log, fact()) == [size + tail]
    with ledger.write() as tx:
        log.checkpoint(tx)
    assert_good(ledger, size + tail + 1)


def other_leaf(ledger, seq):
    """Another leaf for the event `seq` that says something else, canonically."""
    return ledger.event_rows[seq].leaf.replace(b'"chunks":', b'"chunks":4')


def forge_leaf(ledger, seq):
    """What an intruder without keys can do to an event: another leaf with its hash."""
    leaf = other_leaf(ledger, seq)
    edit(ledger, seq, leaf=leaf, leaf_hash=leaf_hash(leaf))


TAIL_EDITS = {
    "leaf only": lambda ledger: edit(ledger, 8, leaf=other_leaf(ledger, 8)),
    "leaf and hash": lambda ledger: forge_leaf(ledger, 8),
    "first of the tail": lambda ledger: forge_leaf(ledger, 7),
    "last of the tail": lambda ledger: forge_leaf(ledger, 9),
    "column": lambda ledger: edit(ledger, 8, doc="00"),
    "time": lambda ledger: edit(ledger, 8, ts=1),
    "mac": lambda ledger: edit(ledger, 8, mac=bytes(32)),
    "row of another place": lambda ledger: ledger.event_rows.update({8: replace(ledger.event_rows[7], seq=8)}),
    "dropped": lambda ledger: ledger.event_rows.pop(8),
    "pruned": lambda ledger: edit(ledger, 8, leaf=None),
    "no hash": lambda ledger: edit(ledger, 8, leaf_hash="text"),
    "no leaf": lambda ledger: edit(ledger, 8, leaf="text"),
    "time before all times": lambda ledger: edit(ledger, 8, ts=-1),
    "no time": lambda ledger: edit(ledger, 8, ts="text"),
    "added": lambda ledger: ledger.event_rows.update({10: replace(ledger.event_rows[9], seq=10)}),
}


@pytest.mark.parametrize("name", TAIL_EDITS)
def test_a_tail_that_was_edited_while_nobody_ran_is_refused_at_start(name):
    """Events after the last checkpoint have to be as this install wrote them, or nothing is opened, written or signed."""
    ledger = filled((7, None, 10))
    TAIL_EDITS[name](ledger)
    with pytest.raises(AuditBroken) as caught, ledger.read() as view:
        new_log().open(view)
    assert caught.value.exit is Exit.INTEGRITY
    with pytest.raises(AuditBroken):
        append(ledger, new_log(), fact())


def forge_everything(ledger, signer):
    """Rewrite event 3 with all hashes, and let `signer` sign the result."""
    forged = filled((7,), log=new_log(seed=77, row_key=b"x" * 32, signer=signer))
    ledger.event_rows, ledger.node_rows = forged.event_rows, forged.node_rows
    ledger.checkpoint_rows = forged.checkpoint_rows


def set_root(ledger):
    size, _, note = ledger.checkpoint_rows[7]
    ledger.checkpoint_rows[7] = (size, bytes(32), note)


def set_size(ledger):
    _, root, note = ledger.checkpoint_rows.pop(7)
    ledger.checkpoint_rows[6] = (6, root, note)


def cut(ledger, size, nodes=True):
    """Remove the events from `size` on, and the nodes above them."""
    for seq in [seq for seq in ledger.event_rows if seq >= size]:
        del ledger.event_rows[seq]
    for level, at in list(ledger.node_rows) if nodes else ():
        if (at + 1) << level > size:
            del ledger.node_rows[level, at]


SIGNED_EDITS = {
    "last leaf hash below the checkpoint": lambda ledger: forge_leaf(ledger, 6),
    "last leaf hash no hash": lambda ledger: edit(ledger, 6, leaf_hash="text"),
    "node": lambda ledger: ledger.node_rows.update({(2, 0): bytes(32)}),
    "node gone": lambda ledger: ledger.node_rows.pop((2, 0)),
    "node no hash": lambda ledger: ledger.node_rows.update({(2, 0): "text"}),
    "root": set_root,
    "size": set_size,
    "note": lambda ledger: ledger.checkpoint_rows.update({7: (*ledger.checkpoint_rows[7][:2], "note\n")}),
    "no note": lambda ledger: ledger.checkpoint_rows.update({7: (*ledger.checkpoint_rows[7][:2], b"note")}),
    "no size": lambda ledger: ledger.checkpoint_rows.update({7: ("7", *ledger.checkpoint_rows[7][1:])}),
    "size zero": lambda ledger: ledger.checkpoint_rows.update({7: (0, *ledger.checkpoint_rows[7][1:])}),
    "other origin": lambda ledger: sign(ledger, SIGNER, 7, ledger.checkpoint_rows[7][1], origin="other"),
    "other key": lambda ledger: sign(ledger, Signer(ORIGIN, b"x" * 32), 7, ledger.checkpoint_rows[7][1]),
    "all of it by another key": lambda ledger: forge_everything(ledger, Signer(ORIGIN, b"x" * 32)),
    "cut": lambda ledger: cut(ledger, 5),
    "cut, nodes left": lambda ledger: cut(ledger, 5, nodes=False),
    "all events gone": lambda ledger: cut(ledger, 0),
}


@pytest.mark.parametrize("name", SIGNED_EDITS)
def test_a_tree_that_the_last_checkpoint_did_not_sign_is_refused_at_start(name):
    """What the log goes on from has to be what its own key signed."""
    ledger = filled((3, 7))
    SIGNED_EDITS[name](ledger)
    with pytest.raises(AuditBroken), ledger.read() as view:
        new_log().open(view)


def test_a_cut_at_a_power_of_two_is_refused_at_start():
    """Where the whole frontier is one stored node, the last event is looked for all the same."""
    ledger = filled((8,))
    cut(ledger, 6, nodes=False)
    with pytest.raises(AuditBroken, match="event 7 was there"), ledger.read() as view:
        new_log().open(view)


def test_a_log_without_checkpoints_is_believed_by_its_macs_only():
    """Removing every checkpoint gains an intruder nothing: then each event counts as unsigned tail."""
    ledger = filled((3, 7))
    ledger.checkpoint_rows.clear()
    with ledger.read() as view:
        new_log().open(view)
    forge_leaf(ledger, 2)
    with pytest.raises(AuditBroken, match="event 2"), ledger.read() as view:
        new_log().open(view)


def test_a_process_that_may_not_sign_checks_by_the_pinned_key():
    """Without a signer the pinned key decides, and the process appends after what that key signed only."""
    ledger = filled((7,))
    log = new_log(signer=None, verifier=pinned(), seed=4)
    assert append(ledger, log, fact()) == [7]
    forge_everything(ledger, Signer(ORIGIN, b"x" * 32))
    with pytest.raises(AuditBroken, match="pinned key"):
        append(ledger, new_log(signer=None, verifier=pinned()), fact())


def test_a_boot_is_a_word():
    """What would let a path into every leaf is refused when the log is built."""
    with pytest.raises(ValueError, match="word"):
        type(new_log())(
            install=INSTALL, row_key=ROW_KEY, signer=None, clock=None, entropy=None, boot="/srv", actor=Actor("process")
        )
