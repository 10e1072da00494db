"""What is answered when something is refused or fails: one document, and the HTTP status that fits."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from syncd.daemon.log import get_logger
from syncd.errors import DocUnknown, Exit, JobUnknown, SyncdError

PROBLEM: Final = "application/problem+json"
RETRY_AFTER: Final = 5
"""Seconds after which a client may try again what had to wait."""
STATUS: Final = {
    Exit.OK: HTTPStatus.CONFLICT,
    Exit.ERROR: HTTPStatus.BAD_REQUEST,
    Exit.USAGE: HTTPStatus.BAD_REQUEST,
    Exit.INCOMPLETE: HTTPStatus.CONFLICT,
    Exit.HALTED: HTTPStatus.CONFLICT,
    Exit.INTEGRITY: HTTPStatus.CONFLICT,
    Exit.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Exit.TRY_AGAIN: HTTPStatus.SERVICE_UNAVAILABLE,
    Exit.PERMISSION: HTTPStatus.FORBIDDEN,
    Exit.CONFIG: HTTPStatus.CONFLICT,
}
"""The status of an error, by its exit code."""
UNKNOWN: Final = (DocUnknown, JobUnknown)
"""Errors that say that something is not there."""


class Refused(Exception):
    """A request that no operation gets to see."""

    def __init__(self, status: HTTPStatus, problem: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status.phrase)
        self.status = status
        self.problem = problem
        self.headers = headers or {}


def encoded(value: object) -> bytes:
    """`value` as JSON on one line, in ASCII, so that names that are no UTF-8 survive."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def problem(error: str, message: str, exit_: Exit, **more: object) -> dict[str, Any]:
    """The document. error: a class or a condition by name; message: for a person; exit: what a command would end with."""
    return {"error": error, "message": message, "exit": int(exit_), **more}


def problem_of(error: Exception) -> dict[str, Any]:
    """The document of an error. Of one that nobody foresaw nothing is said, and only its class gets into the log."""
    if isinstance(error, SyncdError):
        return problem(type(error).__name__, str(error), error.exit)
    if isinstance(error, Refused):
        return dict(error.problem)
    get_logger().error("control.failed", exc_info=error)
    return problem("internal", "The daemon failed unexpectedly. Next: look into its log and report what it says.", Exit.ERROR)


def response_of(error: Exception) -> Response:
    """The whole answer for an error."""
    document = problem_of(error)
    status, headers = HTTPStatus.INTERNAL_SERVER_ERROR, {}
    if isinstance(error, Refused):
        status, headers = error.status, dict(error.headers)
    elif isinstance(error, SyncdError):
        status = HTTPStatus.NOT_FOUND if isinstance(error, UNKNOWN) else STATUS[error.exit]
        headers = {"Retry-After": str(RETRY_AFTER)} if error.exit is Exit.TRY_AGAIN else {}
    return Response(encoded(document), int(status), headers, PROBLEM)
