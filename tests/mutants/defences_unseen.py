"""Defences against changes that nobody tells of: scrub, polling, other names of a file."""

from typing import Final

from mutant import Mutant

FOLLOWED: Final = "tests/acceptance/test_followed_by_the_watch.py"
LISTENING: Final = "syncd/adapters/sources/filesystem/listening.py"
POLLED: Final = "tests/acceptance/test_polled.py"
SCRUB: Final = "syncd/sync/scrub.py"
SCRUBBER: Final = "syncd/daemon/scrubber.py"
SURVEY: Final = "syncd/sync/survey.py"
TENDER: Final = "tests/unit/test_daemon_tender.py"
TESTS: Final = "tests/acceptance/test_scrub.py"
WATCH: Final = "syncd/daemon/watch.py"
MAPPED: Final = (f"{TESTS}::test_what_a_mapping_wrote_is_found_and_brought_in",)

UNSEEN: Final = (
    Mutant(
        "scrub: an equal stat key is believed",
        SCRUB,
        "return self.tags.content(got.digest) == row.content",
        "return True",
        MAPPED,
    ),
    Mutant(
        "scrub: what is found is not due",
        SCRUB,
        "tx.ledger.put_doc(replace(row, due=Due.LOOK))",
        "tx.ledger.put_doc(row)",
        MAPPED,
    ),
    Mutant(
        "scrub: the page of what is found stays closed",
        SCRUB,
        "    reopen(tx.ledger, row.page)\n",
        "",
        (f"{TESTS}::test_a_whole_scan_brings_it_in_as_well",),
    ),
    Mutant(
        "scrub: the history does not name what is found",
        SCRUB,
        "    tx.audit(Event(found, Phase.OUTCOME, install.fresh_id(), source=row.source, doc=row.doc, actor=actor))\n",
        "",
        MAPPED,
    ),
    Mutant(
        "scrub: each portion begins anew",
        SCRUB,
        "for row in view.docs(tags.source_id, after):",
        "for row in view.docs(tags.source_id):",
        (f"{TESTS}::test_it_goes_on_where_it_was",),
    ),
    Mutant(
        "scrub: whoever waits goes on waiting",
        SCRUB,
        "if portion.come_to == most or wanted():",
        "if portion.come_to == most:",
        (f"{TESTS}::test_whoever_waits_goes_first",),
    ),
    Mutant(
        "scrub: what everybody sees is a finding",
        SCRUB,
        "if seen is None or self.tags.version(seen) != row.version or self._other_readers(row, seen):",
        "if seen is None:",
        (f"{TESTS}::test_what_the_stat_key_tells_is_left_to_who_looks_at_it",),
    ),
    Mutant(
        "scrub: what is found waits for a scan",
        SCRUBBER,
        "for key in (*done.found, *done.unlike):",
        "for key in ():",
        (f"{TESTS}::test_a_daemon_scrubs_when_it_has_nothing_to_do",),
    ),
    Mutant(
        "scrub: a commit for every document",
        SCRUBBER,
        "if pace.due >= pace.portion and not",
        "if pace.due >= 1 and not",
        ("tests/unit/test_daemon_scrubber.py::test_documents_are_read_in_portions",),
    ),
    Mutant(
        "scrub: also while it is paused",
        SCRUBBER,
        "return station is None or station.paused",
        "return station is None",
        (f"{TESTS}::test_a_source_that_is_paused_is_not_scrubbed",),
    ),
    Mutant(
        "poll: what can't be watched waits for the schedule",
        WATCH,
        "            self._poll(station)\n",
        "",
        (f"{TENDER}::test_what_can_not_be_watched_is_polled",),
    ),
    Mutant(
        "poll: asked for again while it is under way",
        WATCH,
        " and not station.asked and station.doing is None",
        "",
        (f"{TENDER}::test_what_can_not_be_watched_is_polled",),
    ),
    Mutant(
        "poll: a part that can't be watched is scanned as seldom as ever",
        WATCH,
        "longest=station.poll_every)",
        "longest=300.0)",
        (f"{TENDER}::test_a_part_that_can_not_be_watched_is_scanned_as_often_as_the_source_wants",),
    ),
    Mutant(
        "blind: one part that can't be watched has all of it scanned",
        WATCH,
        "        if blind.whole:\n",
        "        if True:\n",
        (f"{TENDER}::test_a_blind_part_is_scanned_alone", f"{POLLED}::test_a_silent_part_is_scanned_alone"),
    ),
    Mutant(
        "blind: nobody looks where nothing tells",
        WATCH,
        "            self._scan_blind(station, blind)\n",
        "",
        (f"{TENDER}::test_a_blind_part_is_scanned_alone", f"{POLLED}::test_a_silent_part_is_scanned_alone"),
    ),
    Mutant(
        "blind: what is blind is not tried again",
        WATCH,
        "                station.watch.regain()\n",
        "                pass\n",
        (f"{TENDER}::test_a_part_that_is_watched_again_is_not_blind", f"{POLLED}::test_a_silent_part_is_scanned_alone"),
    ),
    Mutant(
        "blind: a part is as fresh as the rest",
        "syncd/core/freshness.py",
        "if parts is not None and now - parts.looked_at > target:",
        "if False:",
        ("tests/unit/test_core_freshness.py::test_the_verdict_on_one_source",),
    ),
    Mutant(
        "blind: a look at a part of it is one at all of it",
        "syncd/daemon/sight.py",
        "if covered(tree, trees):",
        "if True:",
        ("tests/unit/test_daemon_station.py::test_a_blind_part_is_known_as_far_as_it_was_looked_at",),
    ),
    Mutant(
        "blind: new parts count as looked at",
        "syncd/daemon/sight.py",
        "if within(tree, former)]",
        "]",
        ("tests/unit/test_daemon_station.py::test_parts_that_become_others_stay_known",),
    ),
    Mutant(
        "watch: a hard link is looked at after the name that went",
        LISTENING,
        "Calm.DONE if event.mask & _SETTLED else Calm.OPEN",
        "Calm.DONE if event.mask & _SETTLED & ~_Event.IN_CREATE else Calm.OPEN",
        (f"{FOLLOWED}::test_a_move_costs_nothing_and_is_called_one",),
    ),
    Mutant(
        "hints: other names of a file are left as they are",
        SURVEY,
        "    _link(run, found, view, opened)\n",
        "",
        (f"{FOLLOWED}::test_what_is_done_through_one_name_of_a_file_is_seen_under_all",),
    ),
)
