"""A site whose ledger is put back to an older state, or lost."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faults import Killed
from kit import TESTER, Site, make_site, open_folders

from syncd.adapters.ledger import SqlLedger
from syncd.audit.verify import verify
from syncd.config import load
from syncd.core.drift import Drift
from syncd.core.model import Point
from syncd.operations.ledger import accept_restore, recover_ledger
from syncd.operations.operation import Reply
from syncd.operations.reconcile import ReconcileRequest, carry_out
from syncd.sync.collection import ensure_collection
from syncd.wiring.desk import direct_desk
from syncd.wiring.restoring import recovering, restored

DOCUMENTS = 12
EVERY_COMMAND = (("sync",), ("run",), ("search", "words"), ("status",), ("plan",), ("reconcile", "--repair"))
"""Commands that use the ledger, each in its way."""
REPEATED = 70
"""How often one document says the same: more often than a recovery looks for."""


def filled(place: Path) -> Site:
    """Documents of a few chunks, a third of them of one reader only, and one that repeats itself."""
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    for number in range(DOCUMENTS):
        text = "\n\n".join(f"## Part {part} of {number}\n\n{f'Words of part {part} in {number}. ' * 40}" for part in range(3))
        site.write(f"{number % 3}/{number}.md", text, mode=0o600 if number % 3 == 0 else 0o644)
    site.write("again.md", "\n\n".join(f"## Again\n\n{'The same words. ' * 60}" for _ in range(REPEATED)))
    site.sync()
    return site


def lose(site: Site) -> None:
    """The ledger is gone, and what belongs to it."""
    for path in site.state.glob("ledger.db*"):
        path.unlink()


def put_back(site: Site, copy: Path) -> None:
    """An older ledger in the place of the one that is there."""
    lose(site)
    shutil.copy(copy, site.state / "ledger.db")


def accept(site: Site) -> Reply:
    """`syncd ledger accept-restore`, in this process."""
    with restored(load(site.config)) as (wiring, known):
        return accept_restore(direct_desk(wiring), TESTER, "a test", known, lambda *_: None)


def recover(site: Site) -> Reply:
    """`syncd recover`, in this process."""
    with recovering(load(site.config)) as (wiring, known, _):
        return recover_ledger(direct_desk(wiring), TESTER, "a test", known, lambda *_: None)


WRITES = (*range(7), 9, 12, 16, 20, 25, 1000)
"""Transactions before which a command is killed in turn; before the last of these it is through."""


@contextmanager
def killed_at(write: int) -> Iterator[list[int]]:
    """The process dies before its ledger's transaction number `write`; gives how many it had, when there were fewer."""
    real, seen = SqlLedger.write, [0]

    @contextmanager
    def counted(ledger: SqlLedger) -> Iterator[object]:
        if seen[0] == write:
            raise Killed
        seen[0] += 1
        with real(ledger) as tx:
            yield tx

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlLedger, "write", counted)
        yield seen


def points(site: Site) -> list[Point]:
    """Everything in the index."""
    with site.open(writer=True) as wiring:
        return wiring.index.scroll(ensure_collection(wiring.install()).name, None, None, 10_000, vectors=False)[0]


def fresh(site: Site) -> list[tuple[object, ...]]:
    """What an install that is built from nothing says."""
    other = site.fresh(f"fresh-{os.urandom(4).hex()}")
    other.sync()
    return sorted(map(shown, other.dump()))


def equals_fresh(site: Site, expected: list[tuple[object, ...]] | None = None) -> None:
    """Index and ledger say what an install built from nothing says, nothing is unrecorded, and the history holds."""
    assert sorted(map(shown, site.dump())) == (fresh(site) if expected is None else expected)
    assert len(points(site)) == len(site.dump())
    with site.open(writer=True) as wiring:
        request = ReconcileRequest(full=True, sample=0)
        compared = carry_out(direct_desk(wiring), TESTER, request, lambda *_: None)
        assert not any(compared.payload[kind.value] for kind in Drift)
        with wiring.ledger.read() as view:
            assert verify(view, verifier=wiring.verifier, row_key=wiring.keyring.identity.row).good


def shown(chunk: object) -> tuple[object, ...]:
    """A chunk as two installs have to agree on it."""
    return tuple(getattr(chunk, name) for name in ("source", "key", "span", "text_sha256", "vector_sha256", "readers"))


def embedded(reply: Reply) -> int:
    """Texts that its runs embedded."""
    return sum(run["chunks"]["embedded"] for run in reply.payload["runs"])
