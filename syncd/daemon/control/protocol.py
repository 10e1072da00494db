"""HTTP/1.1 as uvicorn speaks it, for peers on this machine: who they are, and how long they may take."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from syncd import __version__
from syncd.daemon.control.peers import Peer, peer_of
from syncd.daemon.control.problems import PROBLEM, RETRY_AFTER, Refused, encoded, problem, response_of
from syncd.errors import Exit

VERSION_HEADER: Final = "Syncd-Version"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may take. Times are seconds.

    connections, of_one: at once, by all and by one account; more are answered that they have to wait, twice as many are cut off.
    request: until head and body of a request are complete. keep_alive: until the next one begins. stall: until a client that
    does not read takes something of its answer.
    """

    connections: int = 128
    of_one: int = 64
    request: float = 30.0
    keep_alive: int = 5
    stall: float = 60.0


class PeerProtocol(H11Protocol):
    """One connection. The app finds the peer in the scope's state, as "peer".

    uvicorn itself would wait for ever for a request that does not come and for a client that does not read.
    """

    limits: ClassVar[Limits] = Limits()
    peer: Peer | None = None
    _request_due: asyncio.TimerHandle | None = None
    _reading_due: asyncio.TimerHandle | None = None

    @classmethod
    def within(cls, limits: Limits) -> type["PeerProtocol"]:
        """The same protocol, with other limits."""
        return type("PeerProtocol", (cls,), {"limits": limits})

    # -- the connection ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See who it is, and whether there is room for one more."""
        super().connection_made(transport)
        try:
            self.peer = peer_of(transport.get_extra_info("socket"))
        except OSError:  # the kernel doesn't say who it is: nobody
            transport.abort()
            return
        self.app_state = {**self.app_state, "peer": self.peer}
        peers = [each.peer.uid for each in self.connections if isinstance(each, PeerProtocol) and each.peer is not None]
        if len(self.connections) > 2 * self.limits.connections:
            transport.abort()
        elif len(self.connections) > self.limits.connections or peers.count(self.peer.uid) > self.limits.of_one:
            self.app = _too_many
        self._see_to_time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clocks."""
        super().connection_lost(exc)
        self._request_due = _stopped(self._request_due)
        self._reading_due = _stopped(self._reading_due)

    # -- time ----------------------------------------------------------------------------------------------------------

    def handle_events(self) -> None:
        """After each step: whoever owes the rest of a request has a clock running, and a trickle does not wind it up again."""
        super().handle_events()
        self._see_to_time()

    def _see_to_time(self) -> None:
        if self.conn.their_state not in {h11.IDLE, h11.SEND_BODY} or self.transport.is_closing():
            self._request_due = _stopped(self._request_due)
        elif self._request_due is None:
            self._request_due = self.loop.call_later(self.limits.request, self.transport.abort)

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        if self._reading_due is None:
            self._reading_due = self.loop.call_later(self.limits.stall, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._reading_due = _stopped(self._reading_due)

    # -- what is no HTTP -----------------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answer what is no HTTP as everything else is answered, if there is still an answer to give."""
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()
            return
        body = encoded(problem("NotHttp", "This is no HTTP/1.1 request.", Exit.USAGE))
        headers = [("content-type", PROBLEM), ("content-length", str(len(body))), ("connection", "close")]
        status = HTTPStatus.BAD_REQUEST
        head = h11.Response(status_code=status, headers=[*headers, (VERSION_HEADER, __version__)], reason=status.phrase)
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


async def _too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of a connection for which there is no room."""
    headers = {"Retry-After": str(RETRY_AFTER), "Connection": "close", VERSION_HEADER: __version__}
    told = problem("TooManyConnections", "Too many connections at once. Next: close some, then try again.", Exit.TRY_AGAIN)
    await response_of(Refused(HTTPStatus.SERVICE_UNAVAILABLE, told, headers))(scope, receive, send)


def _stopped(clock: asyncio.TimerHandle | None) -> Any:
    """No clock."""
    if clock is not None:
        clock.cancel()
    return None
