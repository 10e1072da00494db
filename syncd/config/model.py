"""What can be configured: frozen typed models, one class a section of the file. `config.example.toml` is their manual."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self, cast

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from syncd.config.control import Control, Daemon
from syncd.config.filesystem import FilesystemSource
from syncd.config.section import Duration, Place, Places, Section, Share
from syncd.config.sources import Source
from syncd.config.units import inside, seconds
from syncd.config.values import broken, endpoint, verifier_key
from syncd.errors import SourceUnknown

Origin = Annotated[str, Field(pattern=r"^[!-*,-~]{1,128}$")]
"""The name of a log in a signed note: printable ASCII without space and `+`."""

SOCKET: Final = "syncd.sock"
"""The daemon's socket in the folder of the state that is for it, unless [control] names another."""
KEY_FILES: Final = {"kek": "kek", "keyring": "keyring.json", "signing_key": "audit-signing-key"}
"""What `syncd init` calls the key files, by the key of [keys] that may name others."""


class State(Section):
    """Where everything that syncd remembers lies."""

    dir: Place = Field(default=Path(), validate_default=True)

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.dir / "ledger.db"

    @property
    def anchor(self) -> Path:
        """The file that holds the last checkpoint, beside the ledger."""
        return self.dir / "anchor"

    @property
    def index(self) -> Path:
        """The folder of the embedded engine."""
        return self.dir / "index"

    @property
    def keys(self) -> Path:
        """The folder of the keys that `syncd init` made."""
        return self.dir / "keys"

    @property
    def run(self) -> Path:
        """The folder of the daemon's socket."""
        return self.dir / "run"


class Keys(Section):
    """Where the keys are. The keys themselves are never in the configuration."""

    kek: Place
    keyring: Place
    signing_key: Place


class Crypto(Section):
    """How things are sealed."""

    algorithm: Literal["A256GCMSIV", "A256GCM"] = "A256GCMSIV"


class Audit(Section):
    """Whose history this is, and the key that auditors trust. An empty `public_key`: nothing is pinned.

    anchors: files out of this machine's reach that checkpoints are appended to.
    """

    origin: Origin = "syncd"
    public_key: Annotated[str, BeforeValidator(verifier_key)] = ""
    anchors: Places = ()

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.public_key and self.public_key.split("+", 1)[0] != self.origin:
            raise broken(f'is not of the origin "{self.origin}"', "public_key")
        return self


class Embedder(Section):
    """What turns text into vectors. An empty `revision`: the model's newest; `batch_tokens` None: as the device can take."""

    backend: Literal["sentence-transformers", "hash"] = "sentence-transformers"
    model: Annotated[str, Field(min_length=1)] = "sentence-transformers/all-MiniLM-L6-v2"
    revision: str = ""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d{1,3})?)$")] = "auto"
    batch_tokens: Annotated[int, Field(ge=1, le=2**20)] | None = None


class Index(Section):
    """Where vectors are kept. `url` is needed by, and only used for, `qdrant`."""

    backend: Literal["edge", "qdrant", "null"] = "edge"
    url: Annotated[str, BeforeValidator(endpoint)] | None = None
    api_key_file: Place | None = None
    text: Literal["sealed", "omitted", "plain"] = "sealed"
    min_free_mib: Annotated[int, Field(ge=0, le=2**30)] = 512

    @model_validator(mode="after")
    def _server_has_address(self) -> Self:
        if self.backend == "qdrant" and self.url is None:
            raise broken('is needed by backend = "qdrant", such as "http://localhost:6333"', "url")
        return self


class Chunking(Section):
    """How text is cut. `max_tokens` None: as much as the model reads at once."""

    max_tokens: Annotated[int, Field(ge=16, le=2**17)] | None = None


class AclRules(Section):
    """How far permissions are trusted."""

    stale_after: Duration = seconds("7d")
    max_classes: Annotated[int, Field(ge=1, le=2**20)] = 4_096


class Guard(Section):
    """What stops a run and waits for a person: it takes the share *and* the count.

    The same for what becomes open to everyone.
    """

    max_delete_share: Share = 0.2
    min_deletes: Annotated[int, Field(ge=0, le=2**40)] = 50
    max_widen_share: Share = 0.2
    min_widenings: Annotated[int, Field(ge=0, le=2**40)] = 50


class Freshness(Section):
    """How old an answer may be."""

    target: Duration = seconds("60s")


class Reconcile(Section):
    """How often a daemon compares the index with what is recorded of it, how closely, and whether it mends what differs.

    sample: vectors that are computed anew each time; full: every seal is opened.
    """

    every: Duration = seconds("1d")
    sample: Annotated[int, Field(ge=0, le=100_000)] = 64
    full: bool = False
    repair: bool = True


class Config(Section):
    """The whole configuration, checked. Paths are absolute, durations are seconds, sizes are bytes."""

    state: State = Field(default_factory=dict, validate_default=True)
    keys: Keys = Field(default_factory=dict, validate_default=True)
    crypto: Crypto = Crypto()
    audit: Audit = Audit()
    embedder: Embedder = Embedder()
    index: Index = Index()
    chunking: Chunking = Chunking()
    acl: AclRules = AclRules()
    guard: Guard = Guard()
    freshness: Freshness = Freshness()
    reconcile: Reconcile = Reconcile()
    daemon: Daemon = Daemon()
    control: Control = Field(default_factory=dict, validate_default=True)
    sources: Annotated[tuple[Source, ...], Field(alias="source", min_length=1, strict=False)]

    @field_validator("keys", mode="before")
    @classmethod
    def _keys_lie_in_the_state(cls, given: object, info: ValidationInfo) -> object:
        state = info.data.get("state")
        if not isinstance(given, dict) or not isinstance(state, State):
            return given  # the error is reported where it was made
        return {key: state.keys / name for key, name in KEY_FILES.items()} | cast("dict[str, object]", given)

    @field_validator("control", mode="before")
    @classmethod
    def _the_socket_lies_in_the_state(cls, given: object, info: ValidationInfo) -> object:
        state = info.data.get("state")
        if not isinstance(given, dict) or not isinstance(state, State):
            return given  # the error is reported where it was made
        return {"socket": state.run / SOCKET} | cast("dict[str, object]", given)

    @field_validator("sources", mode="after")
    @classmethod
    def _sources_are_apart(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        for place, source in enumerate(sources):
            for other in sources[:place]:
                if source.name == other.name:
                    raise broken("is the name of another source too", place, "name")
                if not (isinstance(source, FilesystemSource) and isinstance(other, FilesystemSource)):
                    continue
                if inside(source.root, other.root) or inside(other.root, source.root):
                    raise broken(f"overlaps the root of source {other.name}: files would come twice", place, "root")
        return sources

    @model_validator(mode="after")
    def _state_is_no_source(self) -> Self:
        for source in self.sources:
            if isinstance(source, FilesystemSource) and inside(self.state.dir, source.root):
                raise broken(f"lies in the root of source {source.name}: syncd would index itself", "state", "dir")
        return self

    def select(self, name: str | None) -> tuple[Source, ...]:
        """The source called `name`, or all of them when None. Raises SourceUnknown."""
        if name is None:
            return self.sources
        found = tuple(source for source in self.sources if source.name == name)
        if not found:
            raise SourceUnknown(source=name, known=", ".join(source.name for source in self.sources))
        return found
