"""The server of the control room: uvicorn in a thread of its own, on a socket of ours."""

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from socket import socket
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from syncd.daemon.control.app import ControlApp
from syncd.daemon.control.jobs_port import Jobs
from syncd.daemon.control.listening import Listener
from syncd.daemon.control.protocol import Limits, PeerProtocol
from syncd.daemon.control.roles import RoleTable
from syncd.daemon.log import get_logger
from syncd.operations.operation import Operation

if TYPE_CHECKING:
    from syncd.operations.desk import Desk

_GRACE_S: Final = 2.0
"""What is left to a server that was told to stop at once."""


class ControlServer:
    """Answers on the socket at `path`, which members of `group` can reach, from `start` to `stop`.

    desk, roles: asked for each question, for both change when the configuration is read again. A failure that ends the server is
    kept in `failed`: whoever watches over the daemon's threads looks there.
    """

    def __init__(
        self,
        operations: Sequence[Operation[Any]],
        desk: Callable[[], "Desk"],
        roles: Callable[[], RoleTable],
        path: Path,
        group: str,
        jobs: Jobs,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._path = path
        self._group = group
        self._limits = limits or Limits()
        self._app = ControlApp(operations, desk, roles, jobs)
        self._listener: Listener | None = None
        self._server: _Server | None = None
        self._thread: Thread | None = None
        self._stopping = False
        self.failed: BaseException | None = None

    def start(self) -> None:
        """Make the socket and answer from now on. Raises DaemonRunning, SocketRefused, or what kept the server from starting."""
        self._listener = Listener(self._path, self._group)
        if not self._listener.shared:
            get_logger().warning("control.own-group")
        settings = uvicorn.Config(
            self._app,
            http=PeerProtocol.within(self._limits),
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            workers=1,  # else the environment says how many
            log_config=None,
            log_level="warning",
            access_log=False,  # it would hold what is asked
            proxy_headers=False,  # nobody but the kernel says who asks
            server_header=False,
            date_header=False,
            timeout_keep_alive=self._limits.keep_alive,
        )
        self._server = _Server(settings)
        self._thread = Thread(target=self._serve, args=(self._server, self._listener.socket), name="control", daemon=True)
        self._thread.start()
        self._server.settled.wait()
        if self.failed is not None:
            self._listener.remove()
            raise self.failed

    def stop(self, deadline: float) -> None:
        """Let nobody in any more, give those inside `deadline` seconds to get their answers, then cut them off.

        A second call does nothing.
        """
        server, thread, self._stopping = self._server, self._thread, True
        if server is None or thread is None or self._listener is None:
            return
        self._listener.remove()
        server.config.timeout_graceful_shutdown = max(0, math.floor(deadline))
        server.should_exit = True
        thread.join(deadline + _GRACE_S)
        self._app.close()
        self._server = self._thread = None
        if not server.drained:
            get_logger().warning("control.late", deadline=deadline)

    def _serve(self, server: "_Server", listening: socket) -> None:
        """The thread."""
        try:
            asyncio.run(_run(server, listening))
            if not self._stopping:
                raise RuntimeError("the control server ended by itself")  # noqa: TRY301 - kept like any other failure
        except BaseException as error:  # noqa: BLE001 - kept, for the one who watches over the threads
            self.failed = error
            get_logger().error("control.ended", exc_info=error)
        finally:
            listening.close()
            server.settled.set()


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready and whether it had to cut somebody off."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = Event()
        self.drained = False

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """As it does, and say so."""
        await super().startup(sockets=sockets)
        self.settled.set()

    async def _wait_tasks_to_complete(self) -> None:
        await super()._wait_tasks_to_complete()
        self.drained = True


async def _run(server: _Server, listening: socket) -> None:
    asyncio.get_running_loop().set_exception_handler(_logged)
    await server.serve(sockets=[listening])


def _logged(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What goes wrong where nobody waits for it. asyncio itself would log the texts, which may hold what was asked."""
    get_logger().error("control.lost-error", exc_info=context.get("exception"))
