"""One install, wired: what its configuration names, built when it is first asked for."""

import json
import os
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from syncd.adapters.anchors.appended import AppendedFile
from syncd.adapters.anchors.last_note import LastNote
from syncd.adapters.keys import SECRET, FileKeys, keys_in
from syncd.adapters.ledger import SqlLedger
from syncd.adapters.principals import NssDirectory
from syncd.adapters.system import SystemClock, SystemEntropy, boot_id, login_uid
from syncd.audit.anchors import Anchors
from syncd.audit.event import Actor
from syncd.audit.lineage import Lineage, Mark
from syncd.audit.log import AuditLog
from syncd.audit.note import Signer, Verifier
from syncd.config import Config
from syncd.core.acl import Reader
from syncd.core.chunking import Sizes
from syncd.core.guard import Limits
from syncd.core.keys import Keyring
from syncd.core.rows import CollectionRow
from syncd.errors import AnchorsAway, KeyringOlder, LedgerLost, LedgerMissing, RecoveryUnfinished, SigningKeyWrong
from syncd.ports import Embedder, Source, VectorIndex
from syncd.retrieval.dump import Dump
from syncd.retrieval.holdings import Holdings
from syncd.retrieval.reader import Retriever
from syncd.seal.aead import NONCE
from syncd.seal.points import TextMode
from syncd.sync.collection import Collection, filling, serving
from syncd.sync.install import Install, Policy
from syncd.sync.recover import recovering
from syncd.sync.restore import sealed_since
from syncd.wiring.engines import make_embedder, make_index
from syncd.wiring.patience import Patience
from syncd.wiring.sources import local_realms, make_source


class Wiring:
    """One install, opened for one command: it builds what the command needs, and closes what it built.

    writer: take the ledger's lock, and make the ledger where there is none. keep_space: work with the embedder that the serving
    collection was made with, though the configuration names another. restoring: the ledger may be older than its anchors.
    """

    def __init__(self, config: Config, *, writer: bool, keep_space: bool = False, restoring: bool = False) -> None:
        self.config = config
        self.writer = writer
        self._keep_space = keep_space
        self._restoring = restoring
        self.via = "cli"
        """How the audit log says that what nobody asked for came about."""
        self._closing = ExitStack()
        os.umask(0o077)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.close()

    # -- keys, clocks, people ------------------------------------------------------------------------------------------

    clock = SystemClock()
    entropy = SystemEntropy()

    @cached_property
    def patience(self) -> Patience:
        """How ports that may be away are asked."""
        return Patience(self.clock, self.entropy)

    @cached_property
    def keys(self) -> FileKeys:
        """Where the keys are."""
        keys = self.config.keys
        return FileKeys(kek=keys.kek, keyring=keys.keyring, signing_key=keys.signing_key)

    @cached_property
    def keyring(self) -> Keyring:
        """The opened keyring: nothing is touched before it opens."""
        return self.keys.keyring()

    @cached_property
    def realms(self) -> tuple[str, ...]:
        """The realms whose users and groups are this machine's."""
        return local_realms(self.config.sources)

    @cached_property
    def directory(self) -> NssDirectory:
        """Who somebody is."""
        return NssDirectory(self.realms)

    @cached_property
    def actor(self) -> Actor:
        """Whoever types this command."""
        return Actor("account", uid=os.getuid(), auid=login_uid(), via="cli")

    # -- the world -----------------------------------------------------------------------------------------------------

    @cached_property
    def ledger(self) -> SqlLedger:
        """The ledger, which is as new as its anchors know.

        Raises LedgerMissing when a reader comes before the first sync, LedgerLost, LedgerStale, AnchorsAway, KeyringOlder,
        RecoveryUnfinished.
        """
        if self.writer:
            _ = self.audit  # every key is looked at before anything is written
        path = self.config.state.ledger
        marks = {} if self._restoring else self.marks()
        ledger = SqlLedger.open(path, writer=self.writer)
        self._closing.callback(ledger.close)
        if not self._restoring:
            with ledger.read() as view:
                self.anchors.check(view, marks)
                if (epoch := sealed_since(view)) > self.keyring.current.number:
                    raise KeyringOlder(file=self.config.keys.keyring, epoch=epoch)
                if recovering(view):
                    raise RecoveryUnfinished
        return ledger

    def marks(self) -> dict[str, Mark]:
        """How far the anchors know the history to have come; read before the ledger is, so that they can't be ahead of it.

        Raises LedgerLost where they know of one and there is none, AnchorsAway.
        """
        if self.config.state.ledger.exists():
            return self.anchors.marks()
        if self.writer:
            self.anchors.begin()
        try:
            marks = self.anchors.marks()
        except AnchorsAway:
            if self.writer:
                raise
            return {}
        if marks:
            raise LedgerLost(detail=f"{next(iter(marks))} knows of one, and {self.config.state.ledger} is not there")
        return marks

    @cached_property
    def anchors(self) -> Anchors:
        """Where checkpoints are kept out of the ledger."""
        audit = self.config.audit
        places = [AppendedFile(place) for place in audit.anchors]
        return Anchors(Lineage(audit.origin), self.verifier, [LastNote(self.config.state.anchor)], places)

    @cached_property
    def signer(self) -> Signer | None:
        """What signs the history; None where nothing may be written."""
        return Signer(self.config.audit.origin, self.keys.signing_key()) if self.writer else None

    @property
    def verifier(self) -> Verifier | None:
        """The key by which the history is believed: the pinned one, else that of the signer, if there is one."""
        if self.config.audit.public_key:
            return Verifier.parse(self.config.audit.public_key)
        return self.signer.verifier if self.signer is not None else None

    def renew_epoch(self) -> None:
        """Seal under a new key from here on; what was sealed before opens still. Before anything else is built."""
        nonces = [self.entropy.bytes(NONCE) for _ in range(keys_in(self.keyring) + 1)]
        self.keyring = self.keys.add_epoch(self.entropy.bytes(SECRET), nonces)

    @cached_property
    def ledger_or_empty(self) -> SqlLedger:
        """The ledger, or an empty one in memory's stead, for commands that show what a first sync would do."""
        try:
            return self.ledger
        except LedgerMissing:
            folder = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="syncd-"))
            ledger = SqlLedger.open(Path(folder) / "empty.db", writer=True)
            self._closing.callback(ledger.close)
            return ledger

    @cached_property
    def index(self) -> VectorIndex:
        """The engine that is configured."""
        index = make_index(self.config.index, self.config.state.index)
        self._closing.callback(index.close)
        return self.patience.index(index)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder of the serving collection: the one that is configured, unless another space is being filled for that."""
        row = self._serving()
        configured = self.configured_embedder
        if row is None or not row.embedder or row.space == configured.space or not self._agreed(configured):
            return configured
        return self.patience.embedder(make_embedder(self.config.embedder.model_copy(update=json.loads(row.embedder))))

    @cached_property
    def configured_embedder(self) -> Embedder:
        """The embedder that is configured; nothing is loaded yet."""
        return self.patience.embedder(make_embedder(self.config.embedder))

    def _serving(self) -> CollectionRow | None:
        try:
            with self.ledger.read() as view:
                return serving(view)
        except LedgerMissing:
            return None

    def _agreed(self, configured: Embedder) -> bool:
        """Whether somebody wants the space of the configured embedder beside the serving one."""
        if self._keep_space:
            return True
        with self.ledger.read() as view:
            other = filling(view)
        return other is not None and other.space == configured.space

    def under(self, config: Config) -> "Wiring":
        """The same install, with everything that is open, under another configuration."""
        other = Wiring(config, writer=self.writer, keep_space=self._keep_space)
        kept = ("keys", "keyring", "ledger", "index", "audit", "anchors", "embedder", "patience")
        other.via = self.via
        other.__dict__.update({name: self.__dict__[name] for name in kept if name in self.__dict__})
        return other

    def sources(self, name: str | None = None) -> list[Source]:
        """The source called `name`, or all."""
        return [make_source(source, self.clock, self.realms) for source in self.config.select(name)]

    # -- what use cases work with --------------------------------------------------------------------------------------

    @cached_property
    def audit(self) -> AuditLog:
        """The writing side of the audit log."""
        if self.signer is not None and self.verifier != self.signer.verifier:
            raise SigningKeyWrong(file=self.config.keys.signing_key)
        return AuditLog(
            install=self.keyring.install,
            row_key=self.keyring.identity.row,
            signer=self.signer,
            verifier=self.verifier,
            clock=self.clock,
            entropy=self.entropy,
            boot=boot_id(),
            actor=Actor("process", uid=os.getuid(), via=self.via),
        )

    def policy(self, embedder: Embedder) -> Policy:
        """Settings of the use cases; how texts are cut depends on what `embedder` reads at once."""
        config, window = self.config, embedder.window
        most = config.chunking.max_tokens
        guard = Limits(config.guard.max_delete_share, config.guard.min_deletes)
        return Policy(
            sizes=Sizes.for_window(min(window, most) if most else window),
            text=TextMode(config.index.text),
            guard=guard,
            widening=Limits(config.guard.max_widen_share, config.guard.min_widenings),
            max_classes=config.acl.max_classes,
        )

    def install(self, ledger: SqlLedger | None = None, embedder: Embedder | None = None) -> Install:
        """Everything below, in one noun. ledger, embedder: others than the install's own."""
        from syncd.adapters.extract.text import TextExtractor

        chosen = embedder or self.embedder
        return Install(
            ledger=ledger or self.ledger,
            index=self.index,
            embedder=chosen,
            extractor=TextExtractor(),
            keyring=self.keyring,
            audit=self.audit,
            anchors=self.anchors,
            clock=self.clock,
            entropy=self.entropy,
            policy=self.policy(chosen),
        )

    def holdings(self, collection: Collection) -> Holdings:
        """What readers read from."""
        return Holdings(
            ledger=self.ledger,
            index=self.index,
            keyring=self.keyring,
            sealer=collection.sealer,
            collection=collection.name,
            sources=tuple(source.name for source in self.config.sources),
        )

    def retriever(self, collection: Collection) -> Retriever:
        """The reader."""
        return Retriever(self.holdings(collection), self.embedder, self.clock, self.config.acl.stale_after)

    def dump(self, collection: Collection) -> Dump:
        """The operators' view."""
        return Dump(self.holdings(collection))

    def caller(self) -> Reader:
        """All principals of whoever types this command."""
        return self.directory.account(os.getuid())
