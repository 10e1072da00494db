"""Defences of the index: nothing malformed reaches an engine, an empty condition is nothing, what was acknowledged stays."""

from typing import Final

from mutant import Mutant

CHECKS: Final = "syncd/adapters/index/checks.py"
CHILD: Final = "syncd/adapters/index/edge_child.py"
EDGE: Final = "syncd/adapters/index/edge.py"
PROCESS: Final = "syncd/adapters/index/edge_process.py"
REST: Final = "syncd/adapters/index/qdrant_rest.py"
STORE: Final = "syncd/adapters/index/edge_store.py"
CONTRACT: Final = "tests/contract/test_index.py"
EDGE_TESTS: Final = "tests/contract/test_index_edge.py"
CHILD_TESTS: Final = "tests/crash/test_engine_child.py"
EMPTY: Final = (f"{CONTRACT}::test_an_empty_condition_matches_nothing",)
BAD: Final = (f"{CONTRACT}::test_a_bad_point_is_refused_with_its_whole_batch",)
ORDERED: Final = ("tests/contract/test_index_qdrant.py::test_writes_wait_and_the_ones_that_revoke_are_ordered_strongly",)
FLUSH: Final = (f"{CHILD_TESTS}::test_what_a_barrier_covered_needs_no_log",)

INDEX: Final = (
    # -- checked before any engine sees it
    Mutant("index: points are not checked", EDGE, "        checks.check_points(points, self._dimension(collection))\n", "", BAD),
    Mutant("index: vectors of infinity", CHECKS, "if not finite.all():", "if False:", BAD),
    Mutant(
        "index: ids in any spelling",
        CHECKS,
        "if not isinstance(point, str) or not (POINT_ID.fullmatch(point) or _is_number(point)):",
        "if False:",
        BAD,
    ),
    Mutant(
        "index: fields of the wrong type",
        CHECKS,
        "if (field in KEYWORD_FIELDS and not isinstance(value, str)) or",
        "if False and",
        BAD,
    ),
    Mutant(
        "index: filters are not checked",
        CHECKS,
        "            _check_condition(condition)\n",
        "            pass\n",
        (f"{CONTRACT}::test_a_bad_filter_is_refused_by_every_call",),
    ),
    Mutant(
        "index: a name that leads elsewhere",
        CHECKS,
        "if not NAME.fullmatch(name):",
        "if False:",
        (f"{CONTRACT}::test_bad_arguments_are_refused",),
    ),
    # -- empty conditions (security.md, test 3)
    Mutant(
        "index: an empty condition is put to the engine",
        CHECKS,
        "return where is not None and any(map(_is_empty, where.must))",
        "return False",
        EMPTY,
    ),
    Mutant(
        "index: an empty list of classes is no condition",
        CHECKS,
        "            return not values\n",
        "            return False\n",
        EMPTY,
    ),
    Mutant(
        "index: a security filter that is optional",
        REST,
        "return models.Filter(must=[_build",
        "return models.Filter(should=[_build",
        ("tests/contract/test_index_qdrant.py::test_a_security_filter_is_sent_as_must",),
    ),
    # -- what was acknowledged stays
    Mutant(
        "index: a barrier flushes nothing",
        EDGE,
        "            if self._unflushed:\n                self._ask(",
        "            if False:\n                self._ask(",
        FLUSH,
    ),
    Mutant(
        "index: a barrier forgets what a dead child took",
        EDGE,
        "            self._child.kill()\n            self._child = None\n",
        "            self._child.kill()\n            self._child = None\n            self._unflushed.clear()\n",
        FLUSH,
    ),
    Mutant(
        "index: a flush does not reach the engine",
        STORE,
        "                self._opened(collection).shard.flush()\n",
        "                self._opened(collection)\n",
        FLUSH,
    ),
    Mutant(
        "index: a lost write is a failed one",
        EDGE,
        "self._ask(operation, arguments, IndexUnknownOutcome)",
        "self._ask(operation, arguments, IndexUnavailable)",
        (f"{CHILD_TESTS}::test_a_write_in_flight_has_an_unknown_outcome",),
    ),
    Mutant(
        "index: a dead child is asked again",
        EDGE,
        "if self._child and not self._child.alive:",
        "if False:",
        (f"{CHILD_TESTS}::test_what_was_acknowledged_survives_a_kill_and_the_next_call_works",),
    ),
    Mutant(
        "index: answers of another call",
        PROCESS,
        'case [number, "ok", value] if number == self._calls:',
        'case [_, "ok", value]:',
        (f"{CHILD_TESTS}::test_a_child_that_speaks_nonsense_is_killed",),
    ),
    Mutant(
        "index: a child that is out of step goes on",
        PROCESS,
        "            if not done:\n",
        "            if False:\n",
        (f"{CHILD_TESTS}::test_a_child_that_hangs_is_killed_at_the_timeout",),
    ),
    Mutant(
        "index: a full disk is found out by the engine",
        EDGE,
        "if free < needed:",
        "if False:",
        (f"{EDGE_TESTS}::test_a_nearly_full_disk_is_refused_before_the_engine_is_asked",),
    ),
    Mutant(
        "index: two at a time",
        "syncd/adapters/index/lock.py",
        "fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.flock(self.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)",
        (f"{EDGE_TESTS}::test_one_syncd_at_a_time",),
    ),
    Mutant(
        "index: a collection half made",
        STORE,
        "shutil.rmtree(leftover)",
        "pass",
        (f"{EDGE_TESTS}::test_what_was_half_made_or_half_removed_is_swept_away",),
    ),
    Mutant(
        "index: writes to a server are not waited for",
        REST,
        "self._client.upsert(collection, batch, wait=True)",
        "self._client.upsert(collection, batch, wait=False)",
        ORDERED,
    ),
    Mutant(
        "index: a revocation may be overtaken",
        REST,
        "build_filter(where), wait=True, ordering=models.WriteOrdering.STRONG",
        "build_filter(where), wait=True",
        ORDERED,
    ),
    # -- the engine's process
    Mutant(
        "engine: open to other accounts",
        EDGE,
        "self._path.chmod(0o700)",
        "pass",
        (f"{EDGE_TESTS}::test_only_the_owner_may_look_inside",),
    ),
    Mutant(
        "engine: files for everybody",
        CHILD,
        "os.umask(0o077)",
        "os.umask(0)",
        (f"{EDGE_TESTS}::test_only_the_owner_may_look_inside",),
    ),
    Mutant(
        "engine: it inherits the environment",
        PROCESS,
        "env=_environment(),",
        "env={**os.environ, **_environment()},",
        (f"{EDGE_TESTS}::test_the_engine_gets_no_secrets",),
    ),
    Mutant(
        "engine: it outlives its parent",
        CHILD,
        "    if ctypes.CDLL(None, use_errno=True).prctl(",
        "    if 0 and ctypes.CDLL(None, use_errno=True).prctl(",
        (f"{CHILD_TESTS}::test_the_child_does_not_outlive_its_parent",),
    ),
    Mutant(
        "engine: Ctrl-C ends it",
        CHILD,
        "for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):",
        "for ignored in ():",
        (f"{CHILD_TESTS}::test_signals_to_the_whole_group_leave_the_child_alone",),
    ),
)
