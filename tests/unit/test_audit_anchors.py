"""Anchors: what they keep, how they are read, and what a ledger is refused for."""

import pytest
from audit_memory import ORIGIN, SIGNER, MemoryLedger, fact, filled, new_log

from syncd.adapters.anchors.appended import TAIL, AppendedFile
from syncd.adapters.anchors.last_note import LastNote
from syncd.audit.anchors import Anchors
from syncd.audit.lineage import Lineage, Mark
from syncd.audit.note import Checkpoint, Signer
from syncd.errors import AnchorsAway, AnchorUnavailable, LedgerLost, LedgerStale

KINDS = {"last": LastNote, "appended": AppendedFile}


@pytest.fixture(params=KINDS)
def anchor(request, tmp_path):
    """Each kind of anchor, begun."""
    made = KINDS[request.param](tmp_path / "anchor")
    made.begin()
    return made


def note(size, root=bytes(32), signer=SIGNER, origin=ORIGIN):
    """A checkpoint's note."""
    return signer.sign(Checkpoint(origin, size, root).text)


def over(*places, local=()):
    """The anchors of the test's history."""
    return Anchors(Lineage(ORIGIN), SIGNER.verifier, local, places)


def notes_of(ledger):
    """Those of the checkpoints of a history, oldest first."""
    return [ledger.checkpoint_rows[size][2] for size in sorted(ledger.checkpoint_rows)]


def stale(ledger, anchors):
    """Why a ledger is refused; None when it is not."""
    marks = anchors.marks()
    try:
        with ledger.read() as view:
            anchors.check(view, marks)
    except (LedgerLost, LedgerStale) as error:
        return error.facts["detail"]
    return None


# -- keeping -----------------------------------------------------------------------------------------------------------


def test_what_is_kept_last_is_read_first(anchor):
    """The newest note is the first, exactly as it was given."""
    assert anchor.notes() == []
    for size in range(1, 6):
        anchor.keep(note(size))
        assert anchor.notes()[0] == note(size)


def test_a_file_that_grew_is_read_from_its_end(tmp_path):
    """However long the file, only its tail is read, and it begins with a whole note."""
    anchor = AppendedFile(tmp_path / "anchor")
    anchor.begin()
    for size in range(1, 600):
        anchor.keep(note(size))
    assert (tmp_path / "anchor").stat().st_size > TAIL
    read = anchor.notes()
    assert read[0] == note(599)
    assert read == [note(599 - place) for place in range(len(read))]


@pytest.mark.parametrize("left", [1, 20, 60, 100, 190])
def test_a_note_that_was_cut_off_is_none(tmp_path, left):
    """A machine that died while it wrote leaves the beginning of a note: the one before it counts, and the next one, too."""
    anchor = AppendedFile(tmp_path / "anchor")
    anchor.begin()
    anchor.keep(note(1))
    with (tmp_path / "anchor").open("a", encoding="utf-8") as file:
        file.write(note(2)[:left])
    assert note(1) in anchor.notes()
    assert note(2) not in anchor.notes()
    anchors = over(anchor)
    assert anchors.newest() == Mark(1, 1, bytes(32))
    anchor.keep(note(3))
    anchor.keep(note(4))
    assert anchors.newest() == Mark(1, 4, bytes(32))


def test_a_growing_file_is_never_made_by_chance(tmp_path):
    """Its medium may just not be mounted: neither reading nor keeping makes it; beginning does."""
    anchor = AppendedFile(tmp_path / "anchor")
    for use in (anchor.notes, lambda: anchor.keep(note(1))):
        with pytest.raises(AnchorUnavailable):
            use()
    assert not list(tmp_path.iterdir())
    anchor.begin()
    assert anchor.notes() == []


def test_the_last_note_is_replaced_as_a_whole(tmp_path):
    """Nothing else lies in the folder afterwards, and nobody else may read it."""
    anchor = LastNote(tmp_path / "anchor")
    anchor.keep(note(1))
    anchor.keep(note(2))
    assert [path.name for path in tmp_path.iterdir()] == ["anchor"]
    assert (tmp_path / "anchor").stat().st_mode & 0o777 == 0o600


# -- checking ----------------------------------------------------------------------------------------------------------


def test_a_ledger_as_new_as_its_anchors_is_good(anchor):
    """At each checkpoint, and beyond it: anchors may lag behind."""
    ledger = filled((3, 7, 12))
    for kept in notes_of(ledger):
        anchor.keep(kept)
        assert stale(ledger, over(anchor)) is None


@pytest.mark.parametrize("local", [True, False])
def test_an_older_ledger_is_stale(anchor, local):
    """Whichever anchor knows it: fewer events than were signed, and none at all."""
    anchor.keep(notes_of(filled((3, 7, 12)))[-1])
    anchors = over(local=(anchor,)) if local else over(anchor)
    assert stale(filled((3, 7)), anchors) == "12 events of generation 1 were signed, 7 of generation 1 are here"
    assert stale(MemoryLedger(), anchors) == f"{anchor.place} knows of another one"


def test_another_history_is_stale(anchor):
    """As long as the one that was signed, or longer, with other events."""
    anchor.keep(notes_of(filled((3, 7)))[-1])
    other = filled((3, 7, 12), log=new_log(seed=9))
    assert stale(other, over(anchor)) == "its first 7 events are other ones"


def test_a_ledger_whose_tree_has_a_hole_is_stale(anchor):
    """What an anchor knows can't be computed any more."""
    ledger = filled((3, 7, 12))
    anchor.keep(notes_of(ledger)[1])
    ledger.node_rows.clear()
    assert "is not there" in stale(ledger, over(anchor))


def test_what_was_not_signed_by_the_key_says_nothing(anchor):
    """Nobody else can have a ledger refused, nor hide what was kept before."""
    anchor.keep(note(3, filled((3,)).checkpoint_rows[3][1]))
    if isinstance(anchor, AppendedFile):
        anchor.keep(note(100, signer=Signer(ORIGIN, b"x" * 32)))
        anchor.keep(Signer("other", b"s" * 32).sign(Checkpoint("other", 100, bytes(32)).text))
        assert over(anchor).newest().size == 3
    assert stale(filled((3,)), over(anchor)) is None


def test_the_newest_of_all_anchors_counts(tmp_path):
    """One that lags behind excuses nothing."""
    first, second = (AppendedFile(tmp_path / name) for name in "ab")
    history = notes_of(filled((3, 7, 12)))
    for place, kept in ((first, history[0]), (second, history[2])):
        place.begin()
        place.keep(kept)
    assert over(first, second).newest().size == 12
    assert stale(filled((3, 7)), over(first, second)) is not None


def test_a_later_generation_is_newer_however_short(anchor):
    """A ledger of before the restore is stale; one of after it may be behind the anchors of before."""
    log, ledger = new_log(), filled((3, 7, 12))
    second = Lineage(ORIGIN).signer(SIGNER, 2)
    anchor.keep(note(5, signer=second, origin=second.name))
    assert "generation 2" in stale(ledger, over(anchor))
    anchor.keep(notes_of(filled((3, 7, 12), log=log))[-1])
    renewed = MemoryLedger()
    with renewed.write() as tx:
        new_log(seed=2).restored(tx, fact(1), 2)
    if isinstance(anchor, LastNote):
        assert stale(renewed, over(anchor)) is None


# -- anchors that are away ---------------------------------------------------------------------------------------------


def test_one_of_the_configured_anchors_has_to_be_readable(tmp_path):
    """None: nobody knows whether the ledger is the newest. One of two: it is enough, and the other is told."""
    gone, there = AppendedFile(tmp_path / "gone"), AppendedFile(tmp_path / "there")
    there.begin()
    with pytest.raises(AnchorsAway, match="gone"):
        over(gone).marks()
    anchors = over(gone, there)
    assert anchors.marks() == {}
    assert set(anchors.faults) == {gone.place}


def test_the_local_anchor_may_be_missing_and_replaces_no_other(tmp_path):
    """It is made with the first checkpoint; that it can be read does not make up for those that were configured."""
    local, gone = LastNote(tmp_path / "local"), AppendedFile(tmp_path / "gone")
    assert over(local=(local,)).marks() == {}
    local.keep(note(1))
    with pytest.raises(AnchorsAway):
        over(gone, local=(local,)).marks()


def test_an_anchor_that_can_not_keep_is_a_fault_until_it_can(tmp_path):
    """The others get the note, nobody is stopped, and what is wrong is told until it is right again."""
    gone, there = AppendedFile(tmp_path / "gone"), AppendedFile(tmp_path / "there")
    there.begin()
    anchors = over(gone, there)
    anchors.keep(note(1))
    assert there.notes() == [note(1)]
    assert set(anchors.faults) == {gone.place}
    gone.begin()
    anchors.keep(note(2))
    assert anchors.faults == {}
    assert gone.notes() == [note(2)]


def test_places_are_begun_only_for_a_history_that_begins(tmp_path):
    """`begin` makes what is missing, and leaves alone what is there."""
    old, new = AppendedFile(tmp_path / "old"), AppendedFile(tmp_path / "new")
    old.begin()
    old.keep(note(1))
    over(old, new).begin()
    assert old.notes() == [note(1)]
    assert new.notes() == []
