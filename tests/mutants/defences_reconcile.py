"""Defences of the comparison with the store: what differs is found, proven, mended, and not called mended before it is."""

from typing import Final

from mutant import Mutant

COMPARE: Final = "syncd/sync/compare.py"
DRIFT: Final = "syncd/core/drift.py"
MEND: Final = "syncd/sync/mend.py"
SAMPLING: Final = "syncd/sync/sampling.py"
TESTS: Final = "tests/acceptance/test_reconcile.py"

RECONCILE: Final = (
    Mutant(
        "reconcile: nothing is compared",
        COMPARE,
        "return recorded, recorded.differing(there)",
        "return recorded, []",
        (f"{TESTS}::test_sums_find_whatever_stands_in_plain", f"{TESTS}::test_an_index_of_last_week_is_seen_and_mended"),
    ),
    Mutant(
        "reconcile: a point with a number has a bucket of its own",
        DRIFT,
        "return 0 if is_number(id_) else int(id_[:3], 16)",
        "return int(id_[:3], 16)",
        (f"{TESTS}::test_sums_find_whatever_stands_in_plain",),
    ),
    Mutant(
        "reconcile: numbers come after UUIDs",
        "syncd/core/points.py",
        "return (False, int(point)) if is_number(point) else (True, UUID(point).int)",
        "return (True, int(point)) if is_number(point) else (False, UUID(point).int)",
        ("tests/contract/test_index.py::test_ids_that_are_numbers",),
    ),
    Mutant(
        "reconcile: counts alone are compared",
        DRIFT,
        '        self.sums[bucket] = (self.sums[bucket] + int.from_bytes(digest, "big")) & _MASK\n',
        "",
        (f"{TESTS}::test_sums_find_whatever_stands_in_plain",),
    ),
    Mutant(
        "reconcile: what a point says is not looked at",
        DRIFT,
        "        return Drift.UNFENCED if self.unknown else Drift.ALTERED\n",
        "        return None\n",
        (f"{TESTS}::test_every_damage_is_found_and_mended",),
    ),
    Mutant(
        "reconcile: no seal is opened",
        COMPARE,
        "if wrong is not None or not seals:",
        "if wrong is not None or seals:",
        (f"{TESTS}::test_every_damage_is_found_and_mended",),
    ),
    Mutant(
        "reconcile: the ACL's seal is not opened",
        COMPARE,
        "                sealer.open_acl(present.payload, row.doc, class_)\n",
        "                pass\n",
        (f"{TESTS}::test_every_damage_is_found_and_mended",),
    ),
    Mutant(
        "reconcile: any vector will do",
        SAMPLING,
        "cosine(vector, points[id_].vector) < NEAR",
        "cosine(vector, points[id_].vector) < -2",
        (f"{TESTS}::test_vectors_that_are_not_the_models_are_found",),
    ),
    Mutant(
        "reconcile: vectors that are not believed are used again",
        MEND,
        "due=Due.EMBED if embed else max(row.due, Due.LOOK)",
        "due=max(row.due, Due.LOOK)",
        (f"{TESTS}::test_vectors_that_are_not_the_models_are_found",),
    ),
    Mutant(
        "reconcile: points of nobody stay",
        MEND,
        "        install.index.delete(self.collection.name, Where((Ids(tuple(ids)),)))\n",
        "",
        (f"{TESTS}::test_every_damage_is_found_and_mended",),
    ),
    Mutant(
        "reconcile: what nobody may read stays readable",
        MEND,
        "issued=row.issued + 1, fence=Fence.ACL)",
        "issued=row.issued + 1)",
        (f"{TESTS}::test_what_nobody_may_read_is_closed",),
    ),
    Mutant(
        "reconcile: what was not mended counts as mended",
        "syncd/operations/reconcile.py",
        ".total + mender.undone()",
        ".total",
        (f"{TESTS}::test_a_source_that_is_away_leaves_it_undone",),
    ),
)
