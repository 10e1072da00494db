"""Verification: a good log is good, and every edit is found, and found where it is."""

from dataclasses import replace

import pytest
from audit_memory import INSTALL, ORIGIN, ROW_KEY, SIGNER, MemoryLedger, filled, new_log, pinned

from syncd.audit.event import Event, EventType, Phase
from syncd.audit.merkle import Frontier, leaf_hash
from syncd.audit.note import Checkpoint, Signer
from syncd.audit.report import LIMIT, Findings, Kind
from syncd.audit.row import row_columns, row_mac
from syncd.audit.verify import verify

SIZES = (3, 7, 12)
"""Checkpoints of the log that most tests edit."""


@pytest.fixture
def ledger():
    return filled(SIZES)


def check(ledger, verifier=None, row_key=None):
    with ledger.read() as view:
        return verify(view, verifier=verifier or pinned(), row_key=row_key)


def found(report):
    """The findings without their wording."""
    return {(finding.kind, finding.first, finding.last) for finding in report.findings}


def edit(ledger, seq, **changes):
    ledger.event_rows[seq] = replace(ledger.event_rows[seq], **changes)


def other_leaf(ledger, seq):
    """The leaf of `seq` with another number in its body: canonical, and its columns stay right."""
    return ledger.event_rows[seq].leaf.replace(b'"chunks":', b'"chunks":4')


def rebuild(ledger, signer=None, roots=False):
    """What an intruder recomputes without keys: hashes of leaves, nodes, and, if asked for, roots, or all with his own key."""
    frontier, ledger.node_rows = Frontier(), {}
    for seq in sorted(ledger.event_rows):
        edit(ledger, seq, leaf_hash=leaf_hash(ledger.event_rows[seq].leaf))
        frontier, nodes = frontier.push(ledger.event_rows[seq].leaf_hash)
        ledger.node_rows |= {(node.level, node.at): node.hash for node in nodes}
        if frontier.size in ledger.checkpoint_rows:
            size, root, note = ledger.checkpoint_rows[frontier.size]
            if signer:
                note = signer.sign(Checkpoint(ORIGIN, size, frontier.root()).text)
            ledger.checkpoint_rows[size] = (size, frontier.root() if roots or signer else root, note)


def test_a_good_log_is_good(ledger):
    """With key and row key nothing is found, and the report says how much was checked."""
    report = check(ledger, row_key=ROW_KEY)
    assert (report.findings, report.info, report.omitted) == ((), (), 0)
    assert (report.size, report.checkpoints, report.signed) == (12, 3, 12)
    assert (report.good, report.authenticated, report.mac_checked) == (True, True, True)


def test_without_a_pinned_key_a_log_is_consistent_at_best(ledger):
    """Who pins no key learns that nothing contradicts, never that it is authentic."""
    with ledger.read() as view:
        report = verify(view)
    assert (report.good, report.authenticated, report.mac_checked) == (True, False, False)


def test_a_log_of_nothing_is_good_and_proves_nothing():
    """An empty log has no faults, and no checkpoint that could authenticate it."""
    report = check(MemoryLedger())
    assert (report.good, report.authenticated, report.size) == (True, False, 0)


def test_an_unsigned_tail_is_told_and_no_fault():
    """Events beyond the last checkpoint are listed by their seqs."""
    report = check(filled((3, None, 9)))
    assert report.good
    assert [(info.kind, info.first, info.last) for info in report.info] == [(Kind.UNSIGNED, 3, 8)]
    assert report.signed == 3


@pytest.mark.parametrize("seq", range(12))
def test_a_flipped_leaf_is_named(ledger, seq):
    """A leaf whose bytes changed is named by its seq, and nothing else is."""
    edit(ledger, seq, leaf=other_leaf(ledger, seq))
    assert found(check(ledger)) == {(Kind.LEAF, seq, seq)}


@pytest.mark.parametrize("seq", range(12))
def test_a_flipped_leaf_hash_is_named(ledger, seq):
    """A stored leaf hash that changed is named by its seq, and breaks the root of its interval."""
    edit(ledger, seq, leaf_hash=bytes(32))
    report = found(check(ledger))
    assert (Kind.LEAF, seq, seq) in report
    assert interval(Kind.ROOT, seq) in report


def interval(kind, seq):
    """The finding of `kind` for the checkpoint interval around `seq`."""
    last = next(size for size in SIZES if size > seq)
    return (kind, max((size for size in SIZES if size <= seq), default=0), last - 1)


@pytest.mark.parametrize("seq", range(12))
def test_a_leaf_forged_with_its_hash_is_found_by_tree_and_mac(ledger, seq):
    """Without secrets the lowest node above it and the checkpoint interval are named; with the row key the seq."""
    leaf = other_leaf(ledger, seq)
    edit(ledger, seq, leaf=leaf, leaf_hash=leaf_hash(leaf))
    low = seq & ~1
    assert found(check(ledger)) == {(Kind.NODE, low, low + 1), interval(Kind.ROOT, seq)}
    assert (Kind.MAC, seq, seq) in found(check(ledger, row_key=ROW_KEY))


@pytest.mark.parametrize("seq", range(12))
def test_a_leaf_forged_with_all_nodes_is_found_by_the_checkpoint(ledger, seq):
    """Who recomputes the whole tree still contradicts the signed root: the checkpoint interval is named."""
    edit(ledger, seq, leaf=other_leaf(ledger, seq))
    rebuild(ledger)
    assert found(check(ledger)) == {interval(Kind.ROOT, seq)}
    rebuild(ledger, roots=True)
    later = {interval(Kind.CHECKPOINT, size - 1) for size in SIZES if size > seq}
    assert found(check(ledger)) == {interval(Kind.ROOT, seq), *later}


def test_a_log_signed_again_by_another_key_is_found(ledger):
    """A log that is rewritten, rebuilt and signed throughout under the same name is not by the pinned key."""
    edit(ledger, 5, leaf=other_leaf(ledger, 5))
    intruder = Signer(ORIGIN, b"x" * 32)
    rebuild(ledger, signer=intruder)
    assert found(check(ledger)) == {(Kind.SIGNATURE, 0, 2), (Kind.SIGNATURE, 3, 6), (Kind.SIGNATURE, 7, 11)}
    assert not check(ledger).authenticated
    assert check(ledger, verifier=intruder.verifier).good
    assert found(check(ledger, verifier=intruder.verifier, row_key=ROW_KEY)) == {(Kind.MAC, 5, 5)}


@pytest.mark.parametrize("seq", range(11))
def test_a_dropped_event_is_a_gap(ledger, seq):
    """An event that is missing is named."""
    del ledger.event_rows[seq]
    assert found(check(ledger)) == {(Kind.GAP, seq, seq)}


def test_a_gap_does_not_hide_what_rows_say(ledger):
    """After a gap there is no tree to compare with, but rows and signatures are still checked."""
    del ledger.event_rows[1], ledger.event_rows[2]
    edit(ledger, 8, leaf=other_leaf(ledger, 8))
    edit(ledger, 9, type="doc.deleted")
    sign(ledger, 12, signer=Signer(ORIGIN, b"x" * 32))
    assert found(check(ledger)) == {(Kind.GAP, 1, 2), (Kind.LEAF, 8, 8), (Kind.COLUMNS, 9, 9), (Kind.SIGNATURE, 7, 11)}


def sign(ledger, size, signer=SIGNER, origin=ORIGIN, root=None):
    """Put a checkpoint at `size`, by default with the root that is there."""
    root = root or ledger.checkpoint_rows[size][1]
    ledger.checkpoint_rows[size] = (size, root, signer.sign(Checkpoint(origin, size, root).text))


def shifted(ledger, seqs):
    """Put the rows of `seqs` at the places 0, 1, 2 ..., with nothing changed but the seq."""
    rows = [ledger.event_rows[seq] for seq in seqs]
    ledger.event_rows = {seq: replace(row, seq=seq) for seq, row in enumerate(rows)}


def renumbered(ledger):
    """Let each leaf say the seq where it stands, as an intruder would."""
    for seq, row in ledger.event_rows.items():
        before, _, after = row.leaf.partition(b'"seq":')
        edit(ledger, seq, leaf=before + b'"seq":' + str(seq).encode() + after[after.index(b",") :])


@pytest.mark.parametrize(
    ("seqs", "moved"),
    [
        pytest.param([0, 1, 2, 3, 5, 4, 6, 7, 8, 9, 10, 11], {4, 5}, id="reordered"),
        pytest.param([0, 1, 2, 3, 3, 5, 6, 7, 8, 9, 10, 11], {4}, id="replaced"),
        pytest.param([0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11], set(range(5, 13)), id="inserted"),
        pytest.param([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11], set(range(4, 11)), id="dropped"),
    ],
)
def test_moved_events_are_named_and_renumbering_them_does_not_help(ledger, seqs, moved):
    """A leaf that stands elsewhere says so; rewritten to fit, with all hashes, it contradicts the checkpoint and its MAC."""
    shifted(ledger, seqs)
    report = check(ledger)
    assert {finding.first for finding in report.findings if finding.kind is Kind.COLUMNS} == moved
    assert interval(Kind.ROOT, 4) in found(report)
    renumbered(ledger)
    rebuild(ledger)
    assert {(kind, first) for kind, first, _ in found(check(ledger))} - {(Kind.CUT, 11)} == {(Kind.ROOT, 3)}
    macs = {finding.first for finding in check(ledger, row_key=ROW_KEY).findings if finding.kind is Kind.MAC}
    assert moved == macs


@pytest.mark.parametrize("size", range(12))
def test_a_cut_tail_is_found_by_the_checkpoint_that_outlives_it(ledger, size):
    """A log shorter than a checkpoint says is cut, even if every trace in nodes is gone."""
    for seq in range(size, 12):
        del ledger.event_rows[seq]
    rebuild(ledger)
    expected = {(Kind.CUT, size, checkpoint - 1) for checkpoint in SIZES if checkpoint > size}
    assert found(check(ledger)) == expected


def test_a_cut_with_its_checkpoints_shows_in_nothing_here(ledger):
    """The limit that the documentation names: only a checkpoint kept elsewhere tells of such a cut."""
    for seq in range(7, 12):
        del ledger.event_rows[seq]
    rebuild(ledger)
    del ledger.checkpoint_rows[12]
    assert check(ledger, row_key=ROW_KEY).good


@pytest.mark.parametrize(
    ("column", "value"),
    [("ts", 5), ("type", "doc.deleted"), ("phase", "intent"), ("op", "aa"), ("run", "aa"), ("source", "aa"), ("doc", "aa")],
)
def test_an_edited_index_column_is_named(ledger, column, value):
    """Each index column has to equal the leaf, and its MAC covers it."""
    edit(ledger, 4, **{column: value})
    report = check(ledger)
    assert found(report) == {(Kind.COLUMNS, 4, 4)}
    assert report.findings[0].detail.endswith(column)
    assert found(check(ledger, row_key=ROW_KEY)) == {(Kind.COLUMNS, 4, 4), (Kind.MAC, 4, 4)}


def test_an_edited_mac_is_named_where_the_row_key_is_given(ledger):
    """Without the row key nothing is known of a MAC, with it its row is named."""
    edit(ledger, 4, mac=bytes(32))
    assert check(ledger).good
    assert found(check(ledger, row_key=ROW_KEY)) == {(Kind.MAC, 4, 4)}


@pytest.mark.parametrize("place", [(1, 0), (1, 5), (2, 0), (2, 1), (2, 2), (3, 0)])
def test_an_edited_or_missing_node_is_named(ledger, place):
    """A stored node that is not the hash of its children is named by the events below it, and none but it."""
    level, at = place
    expected = {(Kind.NODE, at << level, ((at + 1) << level) - 1)}
    ledger.node_rows[place] = bytes(32)
    assert found(check(ledger)) == expected
    del ledger.node_rows[place]
    assert found(check(ledger)) == expected


@pytest.mark.parametrize("place", [(0, 0), (1, 6), (2, 3), (3, 1), (4, 0), (63, 0), (1, -1), (2, -5), (4, "x")])
def test_a_node_of_no_tree_is_named(ledger, place):
    """Whatever else is stored among the nodes is found, at any level."""
    level, at = place
    ledger.node_rows[place] = bytes(32)
    first = at << level if isinstance(at, int) else 0
    last = first + (1 << level) - 1 if isinstance(at, int) else 0
    assert found(check(ledger)) == {(Kind.NODE, first, last)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        pytest.param(lambda size, _, note: (size, bytes(32), note), {Kind.CHECKPOINT}, id="root"),
        pytest.param(lambda size, root, note: (size, root, note + "\n"), {Kind.CHECKPOINT}, id="note"),
        pytest.param(lambda size, root, _: (size, root, ""), {Kind.CHECKPOINT}, id="no note"),
        pytest.param(lambda size, root, _: (size, root, b"note"), {Kind.CHECKPOINT}, id="note no text"),
        pytest.param(lambda size, _, note: (size, "root", note), {Kind.CHECKPOINT}, id="root no bytes"),
        pytest.param(lambda size, root, note: (-size, root, note), {Kind.CHECKPOINT}, id="negative"),
        pytest.param(
            lambda size, root, note: (size, root, note.replace(f"\n{size}\n", f"\n{size + 1}\n", 1)),
            {Kind.CHECKPOINT, Kind.SIGNATURE},
            id="size in the note",
        ),
        pytest.param(
            lambda size, root, _: (size, root, SIGNER.sign(Checkpoint("other.test", size, root).text)),
            {Kind.ORIGIN},
            id="origin",
        ),
        pytest.param(
            lambda size, root, _: (size, root, Signer("other.test", SIGNER.seed).sign(Checkpoint(ORIGIN, size, root).text)),
            {Kind.SIGNATURE},
            id="key of another name",
        ),
        pytest.param(
            lambda size, _, __: (size, bytes(32), SIGNER.sign(Checkpoint(ORIGIN, size, bytes(32)).text)),
            {Kind.ROOT},
            id="another root, truly signed",
        ),
    ],
)
def test_an_edited_checkpoint_is_named(ledger, size, change, kinds):
    """Size, root, note, origin and signature of each checkpoint are checked, each for itself, with its interval."""
    ledger.checkpoint_rows[size] = change(*ledger.checkpoint_rows[size])
    report = check(ledger)
    assert {finding.kind for finding in report.findings} == kinds
    if "none" not in report.findings[0].detail:
        assert {(first, last) for _, first, last in found(report)} == {interval(None, size - 1)[1:]}


def test_a_checkpoint_moved_to_another_size_is_named(ledger):
    """A note under another size than its own is found there."""
    _, root, note = ledger.checkpoint_rows.pop(7)
    ledger.checkpoint_rows[6] = (6, root, note)
    assert found(check(ledger)) == {(Kind.CHECKPOINT, 3, 5)}


def test_a_checkpoint_moved_beyond_the_end_is_no_cut(ledger):
    """What its row claims beyond the note says nothing of the log's length."""
    _, root, note = ledger.checkpoint_rows.pop(12)
    ledger.checkpoint_rows[20] = (20, root, note)
    assert found(check(ledger)) == {(Kind.CHECKPOINT, 7, 19)}


def test_the_origin_may_not_change_within_a_log(ledger):
    """Also where no key is pinned, all checkpoints are of one log."""
    sign(ledger, 7, origin="other.test")
    with ledger.read() as view:
        assert found(verify(view)) == {(Kind.ORIGIN, 3, 6)}


def test_a_bad_last_checkpoint_leaves_its_events_unsigned(ledger):
    """What only a bad checkpoint covers does not count as signed."""
    sign(ledger, 12, signer=Signer(ORIGIN, b"x" * 32))
    report = check(ledger)
    assert report.signed == 7
    assert [(info.kind, info.first, info.last) for info in report.info] == [(Kind.UNSIGNED, 7, 11)]


def resealed(ledger, seq, leaf):
    """Put another leaf in place as a thief of all keys could: only what the leaf itself says can give it away."""
    edit(ledger, seq, leaf=leaf, leaf_hash=leaf_hash(leaf))
    row = ledger.event_rows[seq]
    edit(ledger, seq, mac=row_mac(ROW_KEY, row.leaf_hash, row_columns(row)))
    rebuild(ledger, signer=SIGNER)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda leaf: leaf.replace(b":", b": ", 1), id="spaces"),
        pytest.param(lambda leaf: leaf.replace(b'"v":1', b'"v":2'), id="version"),
        pytest.param(lambda leaf: leaf.replace(b'"type":', b'"kind":'), id="field"),
        pytest.param(lambda leaf: leaf.replace(b'"ts":"2024-05', b'"ts":"2024-15'), id="no time"),
        pytest.param(lambda leaf: leaf[:-1], id="half"),
        pytest.param(lambda leaf: b"\xff" + leaf, id="no text"),
        pytest.param(lambda _: b"[" * 100_000, id="deep"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_a_leaf_that_was_never_written_in_this_form_is_named(ledger, change):
    """Whatever its hashes and signatures say, a leaf has to be canonical and of a known form."""
    resealed(ledger, 4, change(ledger.event_rows[4].leaf))
    report = check(ledger, row_key=ROW_KEY)
    assert found(report) == {(Kind.FORM, 4, 4)}


def test_an_event_of_another_install_is_named(ledger):
    """A log tells of one install."""
    resealed(ledger, 4, ledger.event_rows[4].leaf.replace(INSTALL.hex().encode(), b"ff" * 16))
    assert found(check(ledger, row_key=ROW_KEY)) == {(Kind.INSTALL, 4, 4)}


@pytest.mark.parametrize(
    "changes",
    [
        {"leaf": None},
        {"leaf": "text"},
        {"leaf_hash": b"short"},
        {"leaf_hash": None},
        {"mac": "text"},
        {"ts": "text"},
        {"ts": -1},
        {"ts": 2**64},
        {"ts": 1.5},
        {"type": None},
        {"phase": 1},
        {"op": b"aa"},
        {"run": "\x1b[31mé"},
        {"source": "\udc80"},
        {"doc": None},
    ],
)
def test_a_row_that_holds_anything_is_a_finding_not_a_crash(ledger, changes):
    """The ledger's columns are an intruder's to fill; the report survives and is safe to print."""
    edit(ledger, 4, **changes)
    report = check(ledger, row_key=ROW_KEY)
    assert Kind.FORM in {finding.kind for finding in report.findings}
    assert all(finding.detail.isascii() and finding.detail.isprintable() for finding in report.findings)


@pytest.mark.parametrize("text", ["\x1b[2J", "\u202eevil", "=cmd|'/C calc'!A0", "a\nb", "x" * 4096])
def test_details_are_harmless_at_a_terminal(ledger, text):
    """What an intruder stored is quoted, in ASCII and short."""
    edit(ledger, 4, type=text if text.isascii() else "x")
    resealed(ledger, 5, ledger.event_rows[5].leaf.replace(b'"cause"', b'"cause"') + text.encode())
    size, root, _ = ledger.checkpoint_rows[7]
    ledger.checkpoint_rows[7] = (size, root, f"{text}\n\n{text}\n")
    report = check(ledger)
    assert {Kind.COLUMNS, Kind.FORM, Kind.CHECKPOINT} <= {finding.kind for finding in report.findings}
    for finding in report.findings:
        assert finding.detail.isascii()
        assert finding.detail.isprintable()
        assert len(finding.detail) < 400


def test_a_finding_is_quoted_whatever_it_says():
    """Also a detail that no check has made harmless is."""
    found = Findings()
    found.add(Kind.FORM, 0, 0, "\x1b[2J\u202e")
    assert found.faults[0].detail == r"'\x1b[2J\u202e'"


def test_findings_are_limited_and_the_rest_is_counted():
    """A log that is wrong throughout gives a report of bounded size."""
    ledger = filled((LIMIT + 10,))
    for seq in range(LIMIT + 10):
        edit(ledger, seq, run="aa")
    report = check(ledger)
    assert (len(report.findings), report.omitted) == (LIMIT, 10)


RUN, SYNCED = EventType.RUN_STARTED, EventType.DOC_SYNCED
DONE, RECOVERED = EventType.RUN_FINISHED, EventType.LEDGER_RECOVERED


def paired(*steps):
    """A signed log of (type, phase letter, op, source, run)."""
    ledger, log = MemoryLedger(), new_log()
    with ledger.write() as tx:
        for kind, phase, op, source, run in steps:
            event_phase = Phase.INTENT if phase == "i" else Phase.OUTCOME
            log.append(tx, Event(kind, event_phase, op=op.encode(), source=source.encode(), run=run.encode()))
        log.checkpoint(tx)
    return check(ledger)


def kinds(report):
    """(seqs of dangling or doubled intents, seqs of open ones)."""
    return [finding.first for finding in report.findings if finding.kind is Kind.PAIR], [
        info.first for info in report.info if info.kind is Kind.OPEN
    ]


def test_each_intent_with_its_outcome_is_good():
    """A run whose intents all came to an outcome, by their own or by recovery, has nothing open."""
    report = paired(
        (RUN, "i", "r", "s", "r1"),
        (SYNCED, "i", "a", "s", "r1"),
        (SYNCED, "i", "b", "s", "r1"),
        (SYNCED, "o", "b", "s", "r1"),
        (RECOVERED, "o", "a", "s", "r1"),
        (DONE, "o", "r", "s", "r1"),
    )
    assert kinds(report) == ([], [])


def test_an_intent_without_outcome_before_a_clean_stop_is_a_fault():
    """A run that ended well has left nothing open."""
    report = paired((RUN, "i", "r", "s", "r1"), (SYNCED, "i", "a", "s", "r1"), (DONE, "o", "r", "s", "r1"))
    assert kinds(report) == ([1], [])


def test_an_intent_after_the_last_clean_stop_is_open_and_no_fault():
    """A run in progress, or killed and not yet settled, has intents that may yet come to an outcome."""
    report = paired(
        (RUN, "i", "r", "s", "r1"), (DONE, "o", "r", "s", "r1"), (RUN, "i", "q", "s", "r2"), (SYNCED, "i", "a", "s", "r2")
    )
    assert kinds(report) == ([], [2, 3])
    assert report.good


def test_another_source_in_progress_is_no_clean_stop():
    """The end of one source's run says nothing of the intents of a run that is still going on."""
    steps = [(RUN, "i", "r", "s", "r1"), (SYNCED, "i", "a", "s", "r1"), (RUN, "i", "q", "t", "r2"), (DONE, "o", "q", "t", "r2")]
    assert kinds(paired(*steps)) == ([], [0, 1])
    assert kinds(paired(*steps, (DONE, "o", "r", "s", "r1"))) == ([1], [])


def test_a_killed_run_must_be_settled_before_the_next_one_ends():
    """What a killed run left open and nobody settled is a fault once the source's next run ended well."""
    report = paired(
        (RUN, "i", "r", "s", "r1"), (SYNCED, "i", "a", "s", "r1"), (RUN, "i", "q", "s", "r2"), (DONE, "o", "q", "s", "r2")
    )
    assert kinds(report) == ([0, 1], [])


def test_the_late_end_of_a_killed_run_is_no_clean_stop():
    """Closing a run that was killed, while the source's next one goes on, says nothing of that one's intents."""
    report = paired(
        (RUN, "i", "r", "s", "r1"), (RUN, "i", "q", "s", "r2"), (SYNCED, "i", "a", "s", "r2"), (DONE, "o", "r", "s", "r1")
    )
    assert kinds(report) == ([], [1, 2])


def test_an_op_that_is_opened_twice_is_a_fault():
    """Ops are random: the same one open twice is a repetition."""
    report = paired((SYNCED, "i", "a", "s", "r1"), (SYNCED, "i", "a", "s", "r1"), (SYNCED, "o", "a", "s", "r1"))
    assert kinds(report) == ([1], [])


def test_an_outcome_does_not_close_the_intent_of_another_op():
    """Intents are closed by op, not by kind or order."""
    report = paired((SYNCED, "i", "a", "s", "r1"), (SYNCED, "o", "b", "s", "r1"))
    assert kinds(report) == ([], [0])
