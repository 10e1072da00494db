"""The generations of a history: their names, what is signed under them, and what a verification makes of it."""

from dataclasses import replace

import pytest
from audit_memory import ORIGIN, SIGNER, MemoryLedger, fact, filled, new_log

from syncd.audit.event import Event, EventType, Phase
from syncd.audit.lineage import Lineage, Mark, parted, read_mark
from syncd.audit.note import Checkpoint, Signer
from syncd.audit.report import Kind
from syncd.audit.verify import verify
from syncd.errors import AuditBroken

LINEAGE = Lineage(ORIGIN)


def restored(ledger, generation, *, log=None, said=None):
    """A history that begins a generation now."""
    log = log or new_log(seed=generation)
    body = {"generation": generation if said is None else said, "anchored": 99}
    with ledger.write() as tx:
        return log.restored(tx, Event(EventType.LEDGER_RESTORED, Phase.OUTCOME, b"r" * 16, body=body), generation)


def grown(ledger, to, *, log):
    """More events, signed."""
    with ledger.write() as tx:
        for number in range(tx.event_count(), to):
            log.append(tx, fact(number))
        return log.checkpoint(tx)


def checked(ledger, key=SIGNER.verifier):
    """What a verification finds, and what it only tells."""
    with ledger.read() as view:
        report = verify(view, verifier=key)
    return {finding.kind for finding in report.findings}, {finding.kind for finding in report.info}, report


@pytest.mark.parametrize("generation", [1, 2, 9, 10, 123])
def test_a_generation_has_one_name(generation):
    """Name and number lead to each other."""
    assert LINEAGE.generation(LINEAGE.name(generation)) == generation


@pytest.mark.parametrize(
    "name",
    ["", "other", f"{ORIGIN}/", f"{ORIGIN}/1", f"{ORIGIN}/0", f"{ORIGIN}/02", f"{ORIGIN}/²", f"{ORIGIN}/2/2", f"x{ORIGIN}/2"],
)
def test_no_other_name_is_of_the_history(name):
    """One spelling a generation; everything else is another history."""
    with pytest.raises(ValueError, match="it is of"):
        LINEAGE.generation(name)


def test_a_name_alone_is_parted():
    """Of a name of which nothing else is known, a number at its end is the generation."""
    assert parted("a/b/3") == (Lineage("a/b"), 3)
    assert parted("a/b") == (Lineage("a/b"), 1)
    assert parted("a/1") == (Lineage("a/1"), 1)


def test_marks_are_ordered_by_generation_first():
    """A shorter history of a later generation is the newer one."""
    assert Mark(2, 1, b"") > Mark(1, 1000, b"")


def test_a_mark_is_believed_only_signed():
    """Of this history, by the pinned key, under the name of its generation."""
    verifier = SIGNER.verifier
    second = LINEAGE.signer(SIGNER, 2)
    note = second.sign(Checkpoint(second.name, 7, bytes(32)).text)
    assert read_mark(note, LINEAGE, verifier) == Mark(2, 7, bytes(32))
    for signer, origin in (
        (Signer(second.name, b"x" * 32), second.name),
        (SIGNER, second.name),
        (Signer("other", b"s" * 32), "other"),
    ):
        with pytest.raises(ValueError):
            read_mark(signer.sign(Checkpoint(origin, 7, bytes(32)).text), LINEAGE, verifier)


def test_a_restored_history_goes_on_and_verifies():
    """The generation begins with its event, signed at once; later processes go on in it; the first key verifies all of it."""
    ledger = filled((3, 7))
    note = restored(ledger, 2)
    assert read_mark(note, LINEAGE, SIGNER.verifier).generation == 2
    assert read_mark(grown(ledger, 12, log=new_log(seed=5)), LINEAGE, SIGNER.verifier).generation == 2
    faults, told, report = checked(ledger)
    assert (faults, told) == (set(), {Kind.RESTORED})
    assert report.authenticated
    assert report.signed == 12
    assert checked(ledger, None)[0] == set()


def test_a_history_that_begins_anew_verifies():
    """A ledger that was lost: generation and event are the first of all, for an auditor with a key and for one without."""
    ledger = MemoryLedger()
    log = new_log()
    restored(ledger, 3, log=log)
    grown(ledger, 5, log=log)
    restored(ledger, 4, log=log)
    for key in (SIGNER.verifier, None):
        faults, told, _ = checked(ledger, key)
        assert (faults, told) == (set(), {Kind.RESTORED})


def test_a_generation_that_no_event_began_is_no_part_of_the_history():
    """The name alone is not enough: where it changes, an event has to say so, and say which."""
    ledger = filled((3, 7))
    restored(ledger, 2, said=3)
    assert Kind.ORIGIN in checked(ledger)[0]


def test_no_generation_comes_back():
    """Whoever goes on under a former name after a restore is not believed."""
    ledger = filled((3, 7))
    restored(ledger, 2)
    size, root, _ = ledger.checkpoint_rows[8]
    grown(ledger, 10, log=new_log(seed=3))
    size, root, _ = ledger.checkpoint_rows[10]
    ledger.checkpoint_rows[10] = (size, root, SIGNER.sign(Checkpoint(ORIGIN, size, root).text))
    assert Kind.ORIGIN in checked(ledger)[0]


def test_what_was_rolled_back_began_nothing():
    """A transaction that fails leaves the generation as it was."""
    ledger, log = filled((3,)), new_log()
    event = Event(EventType.LEDGER_RESTORED, Phase.OUTCOME, b"r" * 16, body={"generation": 2})
    with pytest.raises(KeyError), ledger.write() as tx:
        log.restored(tx, event, 2)
        raise KeyError
    assert read_mark(grown(ledger, 5, log=log), LINEAGE, SIGNER.verifier).generation == 1


def test_a_last_checkpoint_of_an_unknown_generation_is_refused_at_start():
    """A name that is none of the history's is nobody's checkpoint."""
    ledger = filled((3,))
    size, root, _ = ledger.checkpoint_rows[3]
    other = replace(SIGNER, name="other")
    ledger.checkpoint_rows[3] = (size, root, other.sign(Checkpoint("other", size, root).text))
    with pytest.raises(AuditBroken, match="it is of 'other'"), ledger.read() as view:
        new_log(seed=4).open(view)
