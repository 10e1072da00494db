"""A PostgreSQL of the tests' own: in a temporary folder, on a Unix socket there, gone when they are through."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

ADMIN = "postgres"
OTHER = "nobody"
"""Who the server runs as where the tests run as root, which PostgreSQL refuses."""
_serial = count()


SYSTEM = Path("/usr/lib/postgresql")
"""Where Debian has its versions of PostgreSQL."""


def available() -> bool:
    """Whether there is one here: not with a Python for which nobody has built the package, on a system without it."""
    return any(SYSTEM.glob("*/bin/postgres")) or find_spec("pgserver") is not None


def binaries(folder: Path) -> Path:
    """The programs of a PostgreSQL: of the system, else of the package `pgserver`.

    folder: where those of the package are copied to for an account that could not come to them where they are.
    """
    found = sorted(SYSTEM.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    spec = find_spec("pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() == 0:
        shutil.copytree(package / "pginstall", folder / "pgserver/pginstall")
        shutil.copytree(package.with_name("pgserver.libs"), folder / "pgserver.libs")
        package = folder / "pgserver"
    return package / "pginstall/bin"


class Server:
    """It runs from when it is made until it is stopped."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
        self._user = OTHER if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._binaries = binaries(self.folder)
        self._call("initdb", "-D", self.data, "-A", "trust", "-U", ADMIN, "-N", "-E", "UTF8", "--locale=C")
        self.start()

    @property
    def data(self) -> str:
        """Its data folder."""
        return str(self.folder / "data")

    def start(self) -> None:
        """Begin to answer."""
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c max_connections=60 -c shared_buffers=64MB"
        self._call("pg_ctl", "-D", self.data, "-o", options, "-l", str(self.folder / "log"), "-w", "start")

    def stop(self) -> None:
        """Answer no more, and drop all connections."""
        self._call("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def close(self) -> None:
        """Stop, and leave nothing."""
        self.stop()
        shutil.rmtree(self.folder)

    def database(self) -> "Database":
        """A new, empty one."""
        name = f"test{next(_serial)}"
        with self.connect("postgres") as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return Database(self, name)

    def connect(self, database: str, user: str = ADMIN) -> psycopg.Connection:
        """A connection that commits each statement at once."""
        return psycopg.connect(host=str(self.folder), dbname=database, user=user, autocommit=True)

    def _call(self, program: str, *arguments: str) -> None:
        group = pwd.getpwnam(self._user).pw_gid if self._user else None
        subprocess.run(
            [str(self._binaries / program), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            group=group,
            extra_groups=[] if self._user else None,
            cwd="/",
        )


class Database:
    """One database of the server, and a connection of a writer."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.writer = server.connect(name)

    @property
    def url(self) -> str:
        """As a configuration names it."""
        return f"postgresql://{ADMIN}@/{self.name}?host={self.server.folder}"

    def execute(self, statement: str, *values: object) -> list[tuple]:
        """One statement, committed."""
        done = self.writer.execute(statement, values or None)
        return done.fetchall() if done.description else []

    def take_away(self) -> None:
        """Let nobody in any more, and throw out who is."""
        with self.server.connect("postgres") as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(self.name)))
            admin.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                (self.name,),
            )

    def bring_back(self) -> None:
        """Let everybody in again."""
        with self.server.connect("postgres") as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(self.name)))
        self.writer.close()
        self.writer = self.server.connect(self.name)

    def close(self) -> None:
        """Drop it."""
        self.writer.close()
        with self.server.connect("postgres") as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.name)))


@contextmanager
def running() -> Iterator[Server]:
    """A server while the context lasts."""
    server = Server()
    try:
        yield server
    finally:
        server.close()
