"""Defences against a server that fails: whatever comes back, or nothing, is one of the port's errors, and comes in time."""

from typing import Final

from mutant import Mutant

INDEX: Final = "syncd/adapters/index/qdrant.py"
OUTCOME: Final = "syncd/adapters/index/qdrant_outcome.py"
REST: Final = "syncd/adapters/index/qdrant_rest.py"
FAULTS: Final = "tests/contract/test_index_qdrant_faults.py"
REFUSALS: Final = "tests/contract/test_index_qdrant_refusals.py"
LATE: Final = "tests/acceptance/test_server_late_writes.py"

SERVER: Final = (
    Mutant(
        "server: an answer of somebody else ends the program",
        OUTCOME,
        "except (JSONDecodeError, UnicodeDecodeError, AssertionError) as error:",
        "except ZeroDivisionError as error:",
        (f"{FAULTS}::test_a_read_without_an_answer_is_unavailable",),
    ),
    Mutant(
        "server: a lost write is a failed one",
        OUTCOME,
        "lost = IndexUnknownOutcome if writing else IndexUnavailable",
        "lost = IndexUnavailable",
        (f"{FAULTS}::test_a_write_without_an_answer_may_have_been_done_and_is_repeated",),
    ),
    Mutant(
        "server: a limit without seconds ends the program",
        OUTCOME,
        "except QdrantException as error:",
        "except ZeroDivisionError as error:",
        (f"{REFUSALS}::test_a_limit_is_understood_whatever_the_server_says_of_its_end",),
    ),
    Mutant(
        "server: what was never sent is unknown",
        OUTCOME,
        "if isinstance(error.source, ConnectError | ConnectTimeout):",
        "if False:",
        (f"{REFUSALS}::test_a_server_that_is_down_has_done_nothing",),
    ),
    Mutant(
        "server: an answer in small pieces has no end",
        OUTCOME,
        "if time.monotonic() > self._ends:",
        "if False:",
        (f"{FAULTS}::test_nobody_is_waited_for_beyond_the_timeout",),
    ),
    Mutant(
        "server: a read before a write has an unknown outcome",
        REST,
        "        with outcome(collection, writing=False):\n            return self._client.collection_exists(collection)\n",
        "        with outcome(collection, writing=True):\n            return self._client.collection_exists(collection)\n",
        (f"{FAULTS}::test_a_read_that_goes_before_a_write_is_a_read",),
    ),
    Mutant(
        "server: a write that was only noted is done",
        REST,
        "if result.status is not models.UpdateStatus.COMPLETED:",
        "if False:",
        (f"{REFUSALS}::test_a_write_that_is_only_noted_is_not_done",),
    ),
    Mutant(
        "server: nothing was changed, and that is all right",
        REST,
        "    if not result:\n",
        "    if False:\n",
        (f"{REFUSALS}::test_a_write_that_is_only_noted_is_not_done",),
    ),
    Mutant(
        "server: whoever is second to make a collection fails",
        REST,
        "            if not self._exists(collection):\n                raise\n",
        "            raise\n",
        (f"{REFUSALS}::test_who_makes_a_collection_at_the_same_time_is_no_error",),
    ),
    Mutant(
        "server: a collection that is gone is remembered",
        INDEX,
        "            self._dimensions.pop(collection, None)\n            raise\n",
        "            raise\n",
        (f"{REFUSALS}::test_a_collection_that_somebody_else_dropped_is_not_found",),
    ),
    Mutant(
        "server: an older ACL that arrives last is taken",
        "syncd/sync/retag.py",
        'Where((Eq("doc", doc), Lt("acl_version", item.row.issued)))',
        'Where((Eq("doc", doc),))',
        (f"{LATE}::test_an_older_acl_that_arrives_last_changes_nothing",),
    ),
)
