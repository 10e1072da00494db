"""An in-memory ledger with the methods that the audit log uses, and what the audit tests build logs from."""

import random
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from syncd.audit.event import Actor, Event, EventType, Phase
from syncd.audit.log import AuditLog
from syncd.audit.note import Signer, Verifier

INSTALL = bytes(range(16))
ROW_KEY = b"r" * 32
ORIGIN = "syncd.test/install"
SIGNER = Signer(ORIGIN, b"s" * 32)


class FakeClock:
    """A clock that the test sets."""

    def __init__(self):
        self.at = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)

    def now(self):
        return self.at

    def monotonic_ns(self):
        return 2**53 + 1

    def forward(self, seconds):
        self.at += timedelta(seconds=seconds)


class FakeEntropy:
    """Bytes of a seeded generator."""

    def __init__(self, seed=0):
        self._random = random.Random(seed)

    def bytes(self, count):
        return self._random.randbytes(count)


class MemoryTx:
    """A transaction over, or a snapshot of, the tables; the keys are unique as in SQL."""

    def __init__(self, tables):
        self.event_rows = dict(tables.event_rows)
        self.node_rows = dict(tables.node_rows)
        self.checkpoint_rows = dict(tables.checkpoint_rows)

    def events(self, since=0, limit=None):
        seqs = sorted(seq for seq in self.event_rows if seq >= since)
        return iter([self.event_rows[seq] for seq in seqs[:limit]])

    def event(self, seq):
        return self.event_rows.get(seq)

    def event_count(self):
        return len(self.event_rows)

    def nodes(self, level=None):
        chosen = sorted(place for place in self.node_rows if level in (None, place[0]))
        return iter([(*place, self.node_rows[place]) for place in chosen])

    def checkpoints(self):
        return iter([self.checkpoint_rows[size] for size in sorted(self.checkpoint_rows)])

    def last_checkpoint(self):
        return self.checkpoint_rows[max(self.checkpoint_rows)] if self.checkpoint_rows else None

    def put_event(self, row):
        assert row.seq not in self.event_rows
        self.event_rows[row.seq] = row

    def put_node(self, level, index, node):
        assert (level, index) not in self.node_rows
        self.node_rows[level, index] = node

    def put_checkpoint(self, size, root, note):
        assert size not in self.checkpoint_rows
        self.checkpoint_rows[size] = (size, root, note)


class MemoryLedger:
    """Tables that a test may edit as an intruder would."""

    def __init__(self):
        self.event_rows = {}
        self.node_rows = {}
        self.checkpoint_rows = {}

    @contextmanager
    def write(self):
        tx = MemoryTx(self)
        yield tx
        self.event_rows, self.node_rows, self.checkpoint_rows = tx.event_rows, tx.node_rows, tx.checkpoint_rows

    @contextmanager
    def read(self):
        yield MemoryTx(self)


def new_log(*, signer=SIGNER, clock=None, seed=0, row_key=ROW_KEY, verifier=None):
    """An audit log of the test install. Another seed is another process."""
    return AuditLog(
        install=INSTALL,
        row_key=row_key,
        signer=signer,
        verifier=verifier,
        clock=clock or FakeClock(),
        entropy=FakeEntropy(seed),
        boot="boot-1",
        actor=Actor("process", uid=990),
    )


def fact(number=0, **fields):
    """An event that needs no intent."""
    return Event(EventType.CONFIG_CHANGED, Phase.OUTCOME, op=number.to_bytes(16), **fields)


def filled(sizes, *, log=None, ledger=None, start=0):
    """A ledger with a checkpoint at each of `sizes`, except for a last size of None-terminated lists: (3, 7, None, 9)."""
    ledger, log = ledger or MemoryLedger(), log or new_log()
    done, sign = start, True
    for size in sizes:
        if size is None:
            sign = False
            continue
        with ledger.write() as tx:
            for number in range(done, size):
                log.append(tx, fact(number, doc=number.to_bytes(16), body={"chunks": number, "note": "a\nb \u202e=cmd"}))
            if sign:
                log.checkpoint(tx)
        done = size
    return ledger


def pinned(signer=SIGNER):
    """The public key as an auditor pins it, through its text."""
    return Verifier.parse(str(signer.verifier))
