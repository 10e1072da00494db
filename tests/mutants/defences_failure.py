"""Defences of failure units: one bad thing costs itself, what is away is left alone, and nobody gains access by a failure."""

from typing import Final

from mutant import Mutant

LINE: Final = "syncd/adapters/patient/line.py"
EMBEDDER: Final = "syncd/adapters/patient/embedder.py"
BREAKER: Final = "syncd/core/breaker.py"
RETRY: Final = "syncd/core/retry.py"
UPSERTS: Final = "syncd/sync/upserts.py"
CONTENTS: Final = "syncd/sync/contents.py"
APPLY: Final = "syncd/sync/apply.py"
SURVEY: Final = "syncd/sync/survey.py"
COORDINATOR: Final = "syncd/daemon/coordinator.py"
FOLLOWER: Final = "syncd/daemon/follower.py"
ABSENCES: Final = "syncd/daemon/absences.py"
INBOX: Final = "syncd/daemon/inbox.py"
FRESHNESS: Final = "syncd/core/freshness.py"
PATIENT: Final = "tests/unit/test_patient.py"
UNITS: Final = "tests/acceptance/test_failure_units.py"
WITHOUT: Final = "tests/acceptance/test_daemon_without.py"
INBOX_TESTS: Final = "tests/unit/test_daemon_inbox.py"
DOWN: Final = "tests/acceptance/test_source_down.py"

FAILURE: Final = (
    Mutant(
        "failure: every text of a bad batch is refused",
        EMBEDDER,
        "        if len(texts) == 1:\n            return [Refusal(Reason.EMBEDDING, failure.detail)]\n",
        "        if texts:\n            return [Refusal(Reason.EMBEDDING, failure.detail)] * len(texts)\n",
        (f"{UNITS}::test_a_text_that_breaks_its_batch_costs_its_document_only",),
    ),
    Mutant(
        "failure: a model that is away has its texts refused",
        EMBEDDER,
        "            return found\n        self._prove()\n        return self._apart(texts, lane, found)\n",
        "            return found\n        return self._apart(texts, lane, found)\n",
        (f"{PATIENT}::test_a_model_that_fails_for_everything_is_away_and_no_text_is_blamed",),
        also=(("                if len(part) == 1:\n                    self._prove()\n", ""),),
    ),
    Mutant(
        "failure: a model that dies in the midst of a batch has a text refused",
        EMBEDDER,
        "                if len(part) == 1:\n                    self._prove()\n",
        "",
        (f"{PATIENT}::test_a_model_that_dies_while_a_batch_is_cut_blames_no_text",),
    ),
    Mutant(
        "failure: vectors are given to the wrong texts",
        EMBEDDER,
        "if not isinstance(found, _Failure) and len(found) != len(texts):",
        "if False:",
        (f"{PATIENT}::test_too_few_vectors_are_no_vectors",),
    ),
    Mutant(
        "failure: an embedder that is away ends the run at once",
        "syncd/sync/vectors.py",
        "            run.away = error\n",
        "            raise\n",
        (f"{UNITS}::test_without_an_embedder_all_is_done_that_takes_no_vectors",),
    ),
    Mutant(
        "failure: a page with a document that waits is done",
        APPLY,
        "            self.unsettled |= {run.tags.page(item.prefix) for item in waiting}\n",
        "",
        (f"{UNITS}::test_without_an_embedder_all_is_done_that_takes_no_vectors",),
    ),
    Mutant(
        "failure: what waits for the embedder was seen as it is",
        "syncd/sync/run.py",
        "complete = not self.pages_failed and run.away is None",
        "complete = not self.pages_failed",
        (f"{UNITS}::test_without_an_embedder_all_is_done_that_takes_no_vectors",),
    ),
    Mutant(
        "failure: new texts are read for nothing",
        CONTENTS,
        "if row is None and run.away is not None:",
        "if False:",
        (f"{UNITS}::test_new_texts_are_not_read_while_nothing_can_be_embedded",),
    ),
    Mutant(
        "failure: a point that is invalid fails the run",
        UPSERTS,
        "        if len(points) == 1:\n",
        "        if len(points) > 1:\n            raise\n        if len(points) == 1:\n",
        (f"{UNITS}::test_a_point_that_the_index_finds_invalid_costs_its_document_only",),
    ),
    Mutant(
        "failure: a wrong collection has every document parked",
        UPSERTS,
        "            install.index.ensure_collection(collection.name, collection.row.dimension)\n",
        "",
        (f"{UNITS}::test_a_collection_that_takes_nothing_blames_no_document",),
    ),
    Mutant(
        "failure: an ACL that is invalid fails the run",
        "syncd/sync/retag.py",
        "with suppress(IndexInvalid):",
        "with suppress(ZeroDivisionError):",
        (f"{UNITS}::test_an_acl_that_the_index_finds_invalid_closes_its_document_only",),
    ),
    Mutant(
        "failure: without an index only the first page is fenced",
        SURVEY,
        "            run.away = error  # they",
        "            raise  # they",
        (f"{UNITS}::test_without_an_index_everybody_who_lost_access_is_out_at_once",),
    ),
    Mutant(
        "failure: without an index a scan fences nothing",
        "syncd/sync/every.py",
        "        if known is None or not sources:\n            raise\n",
        "        raise\n",
        (f"{UNITS}::test_a_scan_without_an_index_hides_whoever_lost_access",),
    ),
    Mutant(
        "failure: a run is done although the index could not be counted",
        "syncd/sync/run.py",
        "        self.run.away = away\n",
        "",
        ("tests/acceptance/test_server_under_fault.py::test_reads_that_fail_cost_a_run_and_nothing_else",),
    ),
    Mutant(
        "failure: without an index later hints fence nothing",
        FOLLOWER,
        "            if known is None:\n                raise\n            return known\n",
        "            raise\n",
        (f"{WITHOUT}::test_without_an_index_who_loses_access_is_fenced_at_once",),
    ),
    Mutant(
        "failure: what waits keeps up who loses access",
        FOLLOWER,
        "if self._lead.absences.caused(error) or isinstance(error, DiskFull):",
        "if False:",
        (f"{WITHOUT}::test_without_an_embedder_who_loses_access_is_out_at_once",),
    ),
    Mutant(
        "failure: what waited waits for ever",
        ABSENCES,
        "            self._inbox.release()\n",
        "",
        (f"{WITHOUT}::test_without_an_embedder_who_loses_access_is_out_at_once",),
    ),
    Mutant(
        "failure: filling another model ends with what was away",
        COORDINATOR,
        "            self.unfinished.go_on()\n",
        "            pass\n",
        (
            "tests/acceptance/test_coordinator_jobs.py::test_filling_goes_on_when_what_was_away_is_back",
            "tests/acceptance/test_coordinator_jobs.py::test_a_comparison_is_made_once_what_was_away_is_back",
        ),
    ),
    Mutant(
        "failure: nobody looks whether it is back",
        ABSENCES,
        "            self._look()\n",
        "            pass\n",
        (f"{WITHOUT}::test_without_an_embedder_who_loses_access_is_out_at_once",),
    ),
    Mutant(
        "failure: something that is said to be back is asked all the time",
        INBOX,
        "                station.held_rest = station.held_rest.after(self._now(), HINTS)\n",
        "",
        (f"{INBOX_TESTS}::test_what_is_said_to_be_back_and_is_not_is_tried_ever_more_rarely",),
    ),
    Mutant(
        "failure: what is away is asked by everybody",
        BREAKER,
        "return self.state is BreakerState.CLOSED or (self.state is BreakerState.OPEN and not self.rest.left(now))",
        "return True",
        (f"{PATIENT}::test_what_is_away_is_left_alone_and_then_asked_by_one",),
    ),
    Mutant(
        "failure: everybody asks once the rest is over",
        BREAKER,
        "(self.state is BreakerState.OPEN and not self.rest.left(now))",
        "not self.rest.left(now)",
        (f"{PATIENT}::test_one_asks_while_all_others_are_refused",),
    ),
    Mutant(
        "failure: a try that was cut off shuts the line for ever",
        LINE,
        "            self._change(Breaker.abandoned)\n",
        "",
        (f"{PATIENT}::test_a_try_that_is_cut_off_leaves_the_next_one_free",),
    ),
    Mutant(
        "failure: nothing is tried again",
        LINE,
        "if enough or not self._pause(seconds):",
        "if True:",
        (f"{PATIENT}::test_what_may_be_repeated_is_repeated_after_a_rest",),
    ),
    Mutant(
        "failure: the tries of one call have no end",
        RETRY,
        "return self.tries is None or failures < self.tries",
        "return failures < 9",
        (f"{PATIENT}::test_the_tries_of_one_call_have_an_end",),
    ),
    Mutant(
        "failure: a daemon that stops goes on trying",
        INBOX,
        "return not self._end.wait(seconds)",
        "return self._end.wait(seconds) or True",
        (f"{INBOX_TESTS}::test_a_rest_ends_with_the_daemon",),
    ),
    Mutant(
        "failure: a rest that was asked for is not given",
        LINE,
        "LEFT_ALONE, cause, draw, asked))",
        "LEFT_ALONE, cause, draw))",
        (f"{PATIENT}::test_a_store_that_asks_for_a_rest_gets_it",),
    ),
    Mutant(
        "failure: who waited long waits as long again",
        LINE,
        "or self._now() - began > LONG\n",
        "or False\n",
        (f"{PATIENT}::test_who_waited_long_waits_no_longer",),
    ),
    Mutant(
        "failure: a source that is down is fresh for ever late",
        FRESHNESS,
        "if down is not None and down <= target:",
        "if down is not None:",
        (f"{DOWN}::test_a_source_that_is_down_when_hints_are_followed",),
    ),
    Mutant(
        "failure: without its index a daemon calls itself fresh",
        FRESHNESS,
        "for each in away] + reasons",
        "for each in ()] + reasons",
        (f"{WITHOUT}::test_status_says_what_is_away",),
    ),
)
