"""The configuration of the daemon: how it works, how it is reached, and what those who reach it may do."""

from typing import Annotated

from pydantic import Field

from syncd.config.section import Duration, Place, Readers, Section
from syncd.config.units import seconds
from syncd.config.values import EVERYONE


class Roles(Section):
    """Who has which role: users and groups of this machine; "everyone" is whoever can reach the socket.

    Root and the daemon's own account have every role, whatever stands here.
    """

    self_: Readers = Field(default=(EVERYONE,), alias="self")
    reader: Readers = ()
    operator: Readers = ()
    auditor: Readers = ()
    admin: Readers = ()

    def granted(self) -> dict[str, tuple[str, ...]]:
        """Those who have a role, by its name."""
        return {
            "self": self.self_,
            "reader": self.reader,
            "operator": self.operator,
            "auditor": self.auditor,
            "admin": self.admin,
        }


class Control(Section):
    """The socket on which the daemon answers, and who may ask for what.

    group: whose members may reach the socket. Where there is no such group, or the daemon may not give files to it, the socket
    stays with the daemon's own.
    """

    socket: Place
    group: Annotated[str, Field(pattern=r"^[^\s:,\x00]{1,255}$")] = "syncd"
    roles: Roles = Roles()


class Daemon(Section):
    """How the daemon works. Durations are seconds; `jobs_kept`: jobs that ended and can still be asked for."""

    scan_every: Duration = seconds("1h")
    stop_timeout: Duration = seconds("25s")
    checkpoint_every: Duration = seconds("60s")
    jobs_kept: Annotated[int, Field(ge=0, le=100_000)] = 100
