"""The sockets: HTTP/1.1 by threads of the standard library, because a fault needs the connection itself in its hands."""

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from standin.api import Api, refusal
from standin.faults import WRITES, Done, Fault, Kind, Schedule
from standin.routes import Request, find, understand
from standin.translate import Refused
from syncd.ports import VectorIndex


class StandIn:
    """A server on a free port of 127.0.0.1, over `engine`, which it closes. Started again, it is on the same port with its data.

    api_key: what a client must send. faults: what goes wrong, and what was done.
    """

    def __init__(self, engine: VectorIndex, api_key: str | None = None) -> None:
        self.api = Api(engine)
        self.api_key = api_key
        self.faults = Schedule()
        self.port = 0
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the port that it had before."""
        self.stop()
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="stand-in")
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, cut every connection, and wait until what was begun is through."""
        if self._server is not None and self._thread is not None:
            self._server.quiet()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    @contextmanager
    def down(self) -> Iterator[None]:
        """A while in which nobody listens."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def faulty(self, *faults: Fault) -> Iterator[Schedule]:
        """These faults; afterwards there are none, and whoever was down is up again. Late writes stay late."""
        self.faults.set(*faults)
        try:
            yield self.faults
        finally:
            self.faults.faults = ()
            if any(fault.kind is Kind.DOWN for fault in faults):
                self.start()

    def __enter__(self) -> "StandIn":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and raise what went wrong in the stand-in itself: no test may pass over that."""
        self.stop()
        self.api.engine.close()
        if self.api.broken:
            raise self.api.broken[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that the end waits for them
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], standin: StandIn) -> None:
        self.standin = standin
        self.open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def quiet(self) -> None:
        """End the loop and the connections. From any thread but the loop's own."""
        self.shutdown()
        self.socket.close()
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what these tests are about; everything else is a mistake of the stand-in."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError):
            self.standin.api.broken.append(error)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        """One request."""
        standin = self.server.standin
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address = urlsplit(self.path)
        try:
            self._let_in()
            route, collection = find(self.command, address.path)
            parameters = dict(parse_qsl(address.query, keep_blank_values=True))
            request = understand(route, unquote(collection), parameters, body)
        except Refused as error:
            self._say(error.status, refusal(error))
            return
        if (fault := standin.faults.take(route.op)) is None:
            self._say(*self._carry_out(request))
        else:
            self._fail(fault, request)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 -- the names that http.server looks for

    def _let_in(self) -> None:
        wanted = self.server.standin.api_key
        if wanted is not None and self.headers.get("api-key") != wanted:
            raise Refused(401, "Must provide an API key or an Authorization bearer token")

    def _carry_out(self, request: Request) -> tuple[int, bytes]:
        standin = self.server.standin
        done = standin.api.carry_out(request)
        if request.route.op in WRITES and done[0] == 200:
            standin.faults.was_done(request.route.op)
        return done

    # -- faults --------------------------------------------------------------------------------------------------------

    def _fail(self, fault: Fault, request: Request) -> None:
        status, body = 200, b'{"result":true,"status":"ok","time":0.0}'
        match fault.done:
            case Done.YES:
                status, body = self._carry_out(request)
            case Done.LATER:
                self.server.standin.faults.postpone(fault, lambda: self._carry_out(request))
        match fault.kind:
            case Kind.ANSWER:
                self._say(fault.status, fault.body or body, fault.headers)
                return
            case Kind.SLOW:
                if self._patient(fault.seconds):
                    self._say(status, body)
                return
            case Kind.NEVER:
                self._patient(None)
            case Kind.HALF:
                self._send(self._message(status, body)[: -(len(body) // 2)])
            case Kind.DRIP:
                self._drip(self._message(status, body), len(body), fault.seconds)
            case Kind.RESET | Kind.DOWN:
                if fault.kind is Kind.DOWN:
                    self.server.quiet()
                # RST instead of FIN, and nothing that waits to be sent
                with suppress(OSError):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _patient(self, seconds: float | None) -> bool:
        """Wait; False when the client, or the stand-in, has gone meanwhile. Clients send nothing before they were answered."""
        try:
            self.connection.settimeout(seconds)
            self.connection.recv(1)
        except TimeoutError:
            self.connection.settimeout(None)
            return True
        except OSError:
            pass
        self.close_connection = True
        return False

    def _drip(self, message: bytes, body: int, seconds: float) -> None:
        self._send(message[:-body])
        for place in range(len(message) - body, len(message)):
            if not self._patient(seconds):
                return
            self._send(message[place : place + 1])

    # -- answers -------------------------------------------------------------------------------------------------------

    def _say(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._send(self._message(status, body, headers))

    def _message(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
        """The whole answer, for one write: two would wait for each other (Nagle)."""
        named = (("content-type", "application/json"), ("content-length", str(len(body))), *headers)
        head = "".join(f"{name}: {value}\r\n" for name, value in named)
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode() + body

    def _send(self, message: bytes) -> None:
        """Clients that have given up are gone: that is theirs to do."""
        try:
            self.connection.sendall(message)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Stay silent."""
