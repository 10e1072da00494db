"""A coordinator in this process that follows a real tree by the real watch: no socket and no schedule, nothing fed by hand."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from coordinating import Coordinated
from dict_index import DictIndex
from kit import Site
from runs import from_nothing, view

from syncd.adapters.embed.hash import HashEmbedder
from syncd.core.hints import Calm, Hint, What
from syncd.core.rows import DocRow, DocState
from syncd.seal.vault import Vault

MARKER = "marker.md"
"""Touched last: events come in order, so what was done before was told of before. It leads to no text and no write."""


@dataclass(frozen=True)
class Told:
    """What something came to. texts: embedded ones; writes: to the index; events: outcomes about documents that are there."""

    texts: list[str]
    writes: list[str]
    events: list[str]


class Following(Coordinated):
    """A coordinator under watch. heard: all hints that came; texts: all that were embedded."""

    def __init__(self, site: Site, *rest: Any) -> None:
        super().__init__(site, *rest)
        self.heard: list[Hint] = []
        self.texts: list[str] = []
        self._numbers = itertools.count()
        inbox = self.daemon.inbox
        real = inbox.hint

        def hint(source: str, hint: Hint) -> None:
            real(source, hint)
            self.heard.append(hint)

        inbox.hint = hint  # type: ignore[method-assign]

    @property
    def index(self) -> DictIndex:
        """The engine."""
        assert isinstance(self.site.index, DictIndex)
        return self.site.index

    def tend(self) -> None:
        """What the thread that looks after the watches does every second."""
        self.daemon.tender.tend(self.station)

    def quiet(self) -> None:
        """Return when all that was done by now was told, and is followed."""
        before = self._told()
        moment = next(self._numbers)
        os.utime(self.site.docs / MARKER, (moment, moment))
        # A fault in between has it mended and scanned, after which nothing is told of what was before: then the scan will do.
        self.until(lambda: self._told() > before or self.station.watch_fault is not None or self.tend())
        self.until(lambda: self.tend() or (self.station.watch_fault is None and self.idle()))

    def _told(self) -> int:
        return self.heard.count(Hint(What.KEY, MARKER, Calm.DONE))

    def shows_the_tree(self) -> None:
        """What is indexed is what is on the disk: keys, spans, texts, vectors and readers; and nothing is in doubt."""
        self.quiet()
        assert view(self.site) == from_nothing(self.site)
        self.sound()

    def rows(self) -> dict[str, DocRow]:
        """Every document that is there, by its key, without the marker."""
        install = self.daemon.desk.install
        vault = Vault(install.keyring)
        with install.ledger.read() as ledger:
            rows = {vault.card(row).key: row for row in ledger.docs() if row.state is DocState.LIVE}
        return {key: row for key, row in rows.items() if key != MARKER}

    def lives(self) -> dict[str, bytes]:
        """The documents by their keys."""
        return {key: row.doc for key, row in self.rows().items()}

    def through(self, deed: Callable[[], object]) -> Told:
        """Do it; what came of it once all is quiet."""
        self.quiet()
        events, texts, writes = len(self.events()), len(self.texts), len(self.index.writes)
        deed()
        self.quiet()
        docs = {row.doc.hex() for row in self.rows().values()}
        told = [(event.type, event.phase) for event in self.events()[events:] if event.doc in docs]
        return Told(
            self.texts[texts:],
            self.index.writes[writes:],
            sorted({type_ for type_, phase in told if phase == "outcome"}),
        )


@contextmanager
def following(site: Site) -> Iterator[Following]:
    """A coordinator that has begun to watch `site`, and has scanned it; ended at the end."""
    site.index = site.index or DictIndex()
    site.write(MARKER, "the marker")
    real = HashEmbedder.embed
    with site.open(writer=True) as wiring:
        here = Following(site, wiring)

        def embed(self: HashEmbedder, texts: Any, *rest: Any) -> Any:
            here.texts += list(texts)
            return real(self, texts, *rest)

        here.station.watch_fault, here.station.mends = "not watched yet", 0
        HashEmbedder.embed = embed  # type: ignore[method-assign]
        try:
            here.start()
            here.until(lambda: here.tend() or (here.station.watch_fault is None and here.idle()))
            yield here
        finally:
            HashEmbedder.embed = real  # type: ignore[method-assign]
            here.stop()
            here.daemon.tender.close()


def acl_attribute(*readers: int) -> bytes:
    """A POSIX ACL that lets these users read, as the kernel stores it: the owner may write, nobody else may anything."""
    none = 0xFFFFFFFF
    entries = [(1, 6, none), *((2, 4, uid) for uid in sorted(readers)), (4, 0, none), (16, 4, none), (32, 0, none)]
    return (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + id_.to_bytes(4, "little") for tag, bits, id_ in entries
    )


def set_acl(path: "os.PathLike[str] | str", *readers: int) -> bool:
    """Let these users read; False where the file system has no such ACLs."""
    try:
        os.setxattr(path, "system.posix_acl_access", acl_attribute(*readers))
    except OSError:
        return False
    return True
