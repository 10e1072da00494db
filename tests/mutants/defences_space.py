"""Defences of a second collection, of a reindex under way, of waiting and of what status tells."""

from typing import Final

from mutant import Mutant

LIVE: Final = "tests/acceptance/test_daemon_reindex.py"
FILL: Final = "syncd/sync/newspace.py"
SPACES: Final = "tests/acceptance/test_new_space.py"
COPIES: Final = "tests/contract/test_ledger_copies.py"
QUERIES: Final = "syncd/adapters/ledger/queries.py"
TX: Final = "syncd/adapters/ledger/tx.py"
MEANWHILE: Final = (f"{SPACES}::test_a_change_while_nobody_filled_is_in_the_new_collection",)
KILLED: Final = (f"{SPACES}::test_a_killed_fill_goes_on_where_it_was",)
LACKS: Final = (f"{COPIES}::test_what_lacks_a_copy_is_found",)
ADOPTED: Final = (f"{COPIES}::test_copies_take_the_place_of_what_was_recorded",)
REPLACED: Final = (f"{SPACES}::test_a_model_is_replaced_without_a_daemon",)

SPACE: Final = (
    Mutant("space: a copy of an older content will do", QUERIES, "    COPY.c.content != DOCUMENT.c.content,\n", "", LACKS),
    Mutant("space: a copy of an older ACL will do", QUERIES, "    COPY.c.issued != DOCUMENT.c.issued,\n", "", LACKS),
    Mutant("space: a copy cut otherwise will do", QUERIES, '    COPY.c.shape != bindparam("shape"),\n', "", LACKS),
    Mutant(
        "space: points of copies count before they are written",
        QUERIES,
        'bindparam("fps", expanding=True)), COPY_POINT.c.state == PointState.LIVE\n',
        'bindparam("fps", expanding=True))\n',
        (f"{COPIES}::test_points_of_copies_are_apart",),
    ),
    Mutant(
        "space: a copy keeps the old name",
        "syncd/sync/moves.py",
        "        tx.ledger.drop_copy(row.doc)  # its card has the old name\n",
        "",
        MEANWHILE,
    ),
    Mutant(
        "space: what was deleted meanwhile serves again",
        FILL,
        "        self._drop_orphans()\n        with target.ledger.read() as view:\n            left, recorded",
        "        with target.ledger.read() as view:\n            left, recorded",
        (f"{SPACES}::test_what_is_deleted_once_it_was_copied_does_not_serve_again",),
        also=(("                self._turns.give()\n        self._drop_orphans()\n", "                self._turns.give()\n"),),
    ),
    Mutant(
        "space: points of an older ACL stay",
        FILL,
        "            if item.existing:  # what was there before may carry an older ACL\n",
        "            if False:\n",
        MEANWHILE,
    ),
    Mutant(
        "space: points that were lost are not missed",
        FILL,
        "there := target.index.count(row.name, None)) < recorded",
        "there := target.index.count(row.name, None)) < 0",
        (f"{SPACES}::test_points_that_the_new_collection_lost_are_noticed",),
    ),
    Mutant(
        "space: a killed fill is begun anew",
        FILL,
        "    if other is None:\n        other = new_collection",
        "    if True:\n        other = new_collection",
        KILLED,
    ),
    Mutant(
        "space: a fill without an intent",
        FILL,
        "tx.ledger.put_intent(IntentRow(item.op",
        "(lambda _: None)(IntentRow(item.op",
        KILLED,
    ),
    Mutant(
        "space: the alias stays with the old",
        FILL,
        "        target.index.switch_alias(alias_of(target), row.name)\n",
        "",
        REPLACED,
    ),
    Mutant(
        "space: the old collection is left behind",
        FILL,
        "            target.index.drop_collection(before.name)\n",
        "            pass\n",
        REPLACED,
    ),
    Mutant(
        "space: documents without a copy are forgotten",
        TX,
        "        self._connection.execute(_LOOK_AT_THE_OTHERS)\n",
        "",
        ADOPTED,
    ),
    Mutant("space: points of the old space stay recorded", TX, "        self._connection.execute(delete(POINT))\n", "", ADOPTED),
    Mutant(
        "space: a fill is not gone on with",
        "syncd/daemon/chores.py",
        "        self.resume()\n",
        "",
        (f"{SPACES}::test_a_daemon_goes_on_filling_after_a_restart",),
    ),
    Mutant(
        "space: any other model is taken",
        "syncd/sync/collection.py",
        "    if row.space != install.embedder.space:\n",
        "    if False:\n",
        (f"{SPACES}::test_another_model_is_refused_by_name",),
    ),
    Mutant(
        "space: a second collection of the same space",
        FILL,
        "now.space == target.embedder.space",
        "False",
        (f"{SPACES}::test_the_same_model_is_not_filled",),
    ),
    Mutant(
        "space: a plan for the same space",
        "syncd/operations/newspace.py",
        "if target.embedder.space == now.space:",
        "if False:",
        (f"{SPACES}::test_the_same_model_is_not_filled",),
    ),
    # -- a reindex under way
    Mutant(
        "reindex: a sync goes on with what rests",
        "syncd/sync/run.py",
        "        due = order.scope.whole and not (work is not None and work.paused)\n",
        "        due = order.scope.whole\n",
        (f"{LIVE}::test_it_rests_and_goes_on",),
    ),
    Mutant(
        "reindex: what was marked meanwhile is left",
        "syncd/operations/reindex.py",
        "        if not (through and moved and _left(desk, sources)):\n",
        "        if True:\n",
        (f"{LIVE}::test_a_second_request_joins_the_first",),
    ),
    Mutant(
        "reindex: it is never over",
        "syncd/sync/backfill.py",
        "        put_backfill(tx, source, None)\n",
        "        pass\n",
        (f"{LIVE}::test_everything_is_embedded_once_again",),
    ),
    # -- an upgrade
    Mutant(
        "upgrade: folders do not learn where they lie",
        "syncd/adapters/ledger/migrations/versions/v0002_daemon.py",
        '    op.execute("UPDATE page SET stamp = NULL")\n',
        "",
        ("tests/acceptance/test_upgrade.py::test_an_older_ledger_is_brought_up_to_date",),
    ),
    # -- threads and the ledger
    Mutant(
        "ledger: two threads write at once",
        "syncd/adapters/ledger/ledger.py",
        "        if not self._writing.acquire(timeout=TURN_S):\n",
        "        if False:\n",
        (f"{COPIES}::test_threads_take_turns",),
    ),
    # -- runs that decide
    Mutant(
        "guard: hints that followed hide a halted run",
        QUERIES,
        'or_(RUN.c.trigger != "hint", RUN.c.state == "halted")',
        "RUN.c.run.is_not(None)",
        (f"{COPIES}::test_the_run_that_decides_is_no_run_on_hints",),
    ),
    Mutant(
        "quarantine: what was dropped is counted",
        QUERIES,
        ".where(QUARANTINE.c.dropped.is_(False))",
        "",
        (f"{COPIES}::test_what_was_dropped_is_not_counted",),
    ),
)
