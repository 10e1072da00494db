"""The composition root: the only place that knows every class."""

import os
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from syncd.adapters.keys import FileKeys
from syncd.adapters.ledger import SqlLedger
from syncd.adapters.principals import NssDirectory
from syncd.adapters.sources.filesystem import AclRule, FilesystemSource
from syncd.adapters.system import SystemClock, SystemEntropy, boot_id, login_uid
from syncd.audit.event import Actor
from syncd.audit.log import AuditLog
from syncd.audit.note import Signer, Verifier
from syncd.config import Config
from syncd.config.source import Source as SourceConfig
from syncd.core.acl import Principal, PrincipalKind, Reader, everyone
from syncd.core.chunking import Sizes
from syncd.core.guard import Limits
from syncd.core.keys import Keyring
from syncd.errors import KeyMissing, LedgerMissing, SigningKeyWrong
from syncd.ports import Embedder, VectorIndex
from syncd.retrieval.dump import Dump
from syncd.retrieval.holdings import Holdings
from syncd.retrieval.reader import Retriever
from syncd.seal.points import TextMode
from syncd.sync.collection import Collection
from syncd.sync.install import Install, Policy

MIB = 1 << 20


class Wiring:
    """One install, opened for one command: it builds what the command needs, and closes what it built.

    writer: take the ledger's lock, and make the ledger where there is none.
    """

    def __init__(self, config: Config, *, writer: bool) -> None:
        self.config = config
        self._writer = writer
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
        """The realms of all sources."""
        return tuple(dict.fromkeys(source.realm for source in self.config.sources))

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
        """The ledger. Raises LedgerMissing when a reader comes before the first sync."""
        if self._writer:
            _ = self.audit  # every key is looked at before anything is written
        ledger = SqlLedger.open(self.config.state.ledger, writer=self._writer)
        self._closing.callback(ledger.close)
        return ledger

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
        index: VectorIndex
        settings = self.config.index
        match settings.backend:
            case "edge":
                from syncd.adapters.index.edge import EdgeIndex

                index = EdgeIndex(self.config.state.index, free_bytes=settings.min_free_mib * MIB)
            case "qdrant":
                from syncd.adapters.index.qdrant import QdrantIndex

                index = QdrantIndex(settings.url or "", api_key=_secret(settings.api_key_file))
            case "null":
                from syncd.adapters.index.null import NullIndex

                index = NullIndex()
        self._closing.callback(index.close)
        return index

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder that is configured; nothing is loaded yet."""
        settings = self.config.embedder
        if settings.backend == "hash":
            from syncd.adapters.embed.hash import HashEmbedder

            return HashEmbedder()
        from syncd.adapters.embed.sentence_transformer import SentenceTransformerEmbedder

        return SentenceTransformerEmbedder(
            settings.model,
            device=None if settings.device == "auto" else settings.device,
            batch_tokens=settings.batch_tokens,
            revision=settings.revision or None,
        )

    def sources(self, name: str | None = None) -> list[FilesystemSource]:
        """The source called `name`, or all."""
        return [self._source(source) for source in self.config.select(name)]

    def _source(self, source: SourceConfig) -> FilesystemSource:
        rules = tuple(
            AclRule(rule.glob, tuple(p for reader in rule.readers for p in self._named(reader, source.realm)))
            for rule in source.acl
        )
        return FilesystemSource(
            source.name,
            source.root,
            realm=source.realm,
            include=source.include,
            exclude=source.exclude,
            max_bytes=source.max_size,
            allow_everyone=source.allow_everyone,
            rules=rules,
            clock=self.clock,
        )

    def _named(self, reader: str, realm: str) -> list[Principal]:
        """The one principal that `user:NAME`, `group:NAME` or `everyone` is in `realm`."""
        if reader == "everyone":
            return [everyone(realm)]
        kind, _, name = reader.partition(":")
        known = NssDirectory((realm,))
        principals = known.user(name) if kind == "user" else known.group(name)
        return [p for p in principals if p.kind is PrincipalKind(kind)]

    # -- what use cases work with --------------------------------------------------------------------------------------

    @cached_property
    def audit(self) -> AuditLog:
        """The writing side of the audit log."""
        pinned = self.config.audit.public_key
        signer = Signer(self.config.audit.origin, self.keys.signing_key()) if self._writer else None
        if signer is not None and pinned and str(signer.verifier) != pinned:
            raise SigningKeyWrong(file=self.config.keys.signing_key)
        return AuditLog(
            install=self.keyring.install,
            row_key=self.keyring.identity.row,
            signer=signer,
            verifier=Verifier.parse(pinned) if pinned else None,
            clock=self.clock,
            entropy=self.entropy,
            boot=boot_id(),
            actor=Actor("process", uid=os.getuid(), via="cli"),
        )

    @cached_property
    def policy(self) -> Policy:
        """Settings of the use cases."""
        config, window = self.config, self.embedder.window
        most = config.chunking.max_tokens
        guard = Limits(config.guard.max_delete_share, config.guard.min_deletes)
        return Policy(
            sizes=Sizes.for_window(min(window, most) if most else window),
            text=TextMode(config.index.text),
            guard=guard,
            widening=Limits(config.guard.max_widen_share, config.guard.min_widenings),
            max_classes=config.acl.max_classes,
        )

    def install(self, ledger: SqlLedger | None = None) -> Install:
        """Everything below, in one noun."""
        from syncd.adapters.extract.text import TextExtractor

        keyring = self.keyring
        return Install(
            ledger=ledger or self.ledger,
            index=self.index,
            embedder=self.embedder,
            extractor=TextExtractor(),
            keyring=keyring,
            audit=self.audit,
            clock=self.clock,
            entropy=self.entropy,
            policy=self.policy,
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


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise KeyMissing(file=path) from error
