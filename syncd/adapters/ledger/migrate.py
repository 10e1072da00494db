"""Schema versions of the ledger: which one a file has, making a new file, bringing an older one up to date."""

import os
from pathlib import Path

from sqlalchemy import Engine, text

from syncd.adapters.ledger.engine import writer_engine
from syncd.errors import LedgerCorrupt, LedgerNewer, LedgerUnavailable

REVISIONS = ("0001", "0002")
"""Every revision under migrations/versions, oldest first. Kept here too, so that opening a current file loads no Alembic."""

QUICK_CHECK_BELOW = 64 * 1024 * 1024
"""Bytes up to which a file's structure is checked whenever it is opened; reading a larger one would take seconds."""

SIDE_FILES = ("-wal", "-shm", "-journal")


def revision(engine: Engine, path: Path) -> str:
    """The schema revision of the ledger behind `engine`, once it proved sound. Raises LedgerNewer, LedgerCorrupt."""
    with engine.begin() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        if len(found) != 1:
            raise LedgerCorrupt(file=path, detail="it has no schema version")
        if found[0] not in REVISIONS:
            raise LedgerNewer(file=path, found=found[0], known=REVISIONS[-1])
        if path.stat().st_size < QUICK_CHECK_BELOW:
            verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
            if verdict != "ok":
                raise LedgerCorrupt(file=path, detail=verdict.splitlines()[-1])  # the line before names the database
        return str(found[0])


def upgrade(engine: Engine) -> None:
    """Bring the schema behind `engine` to the newest revision, in one transaction."""
    # Alembic takes a fifth of a second to import and is needed once in the life of a ledger.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "syncd.adapters.ledger:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def create(path: Path) -> None:
    """Make an empty ledger at `path`, complete or not at all: it is built under another name, then renamed.

    So a file that is there but holds no ledger was damaged, and is never mistaken for a new one. Raises LedgerUnavailable,
    and LedgerCorrupt when the log of a lost ledger is still there: SQLite would replay it into the new one.
    """
    if path.with_name(path.name + "-wal").exists():
        raise LedgerCorrupt(file=path, detail="its write-ahead log is there, but the file itself is gone")
    new = path.with_name(path.name + ".new")
    try:
        for leftover in (new, *(new.with_name(new.name + suffix) for suffix in SIDE_FILES)):
            leftover.unlink(missing_ok=True)
        os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        new.chmod(0o600)  # whatever the umask was
        engine = writer_engine(new)
        try:
            upgrade(engine)
        finally:
            engine.dispose()  # the last connection folds the log into the file
        new.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise LedgerUnavailable(file=path, detail=error.strerror) from error


def make_private(path: Path) -> None:
    """Take from everybody but the owner what a restore may have given to others. Raises LedgerUnavailable."""
    try:
        for file in (path, *(path.with_name(path.name + suffix) for suffix in SIDE_FILES)):
            if file.exists() and file.stat().st_mode & 0o777 != 0o600:
                file.chmod(0o600)
    except OSError as error:
        raise LedgerUnavailable(file=path, detail=error.strerror) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
