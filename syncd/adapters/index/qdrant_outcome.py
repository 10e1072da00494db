"""What becomes of a request to a server, as one of the four errors of an index; and an end to waiting for an answer.

The messages carry a status, never what was sent. Importing this module costs seconds, as qdrant_rest.py does.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError

from httpx import ConnectError, ConnectTimeout, Headers, ReadTimeout, Request, Response, SyncByteStream
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from syncd.errors import IndexInvalid, IndexNotFound, IndexUnavailable, IndexUnknownOutcome

_REFUSED_BUT_SOUND = frozenset({401, 403, 408, 429})
"""Client errors that say nothing against the request itself: a key, a limit, a slow line."""
_ENDS = "syncd.ends"


@contextmanager
def outcome(collection: str, *, writing: bool) -> Iterator[None]:
    """Around one request: what the client raises becomes IndexInvalid, IndexNotFound, IndexUnavailable or IndexUnknownOutcome."""
    lost = IndexUnknownOutcome if writing else IndexUnavailable
    try:
        yield
    except ResourceExhaustedResponse as error:
        seconds = error.retry_after_s
        raise IndexUnavailable(detail=f"too many requests, try again in {seconds} s", retry_after=float(seconds)) from error
    except QdrantException as error:  # the client can't read a Retry-After that is a date, and says that instead
        raise IndexUnavailable(detail="too many requests") from error
    except UnexpectedResponse as error:
        raise _refused(error.status_code or 500, error.headers, collection, lost) from error
    except ResponseHandlingException as error:
        if isinstance(error.source, ConnectError | ConnectTimeout):
            raise IndexUnavailable(detail=f"no connection ({type(error.source).__name__})") from error
        raise lost(detail=f"no answer ({type(error.source).__name__})") from error
    except (JSONDecodeError, UnicodeDecodeError, AssertionError) as error:
        # a page of somebody in between, half an answer, or one without a result: the client lets these through as they are
        raise lost(detail="an answer that is none of Qdrant's") from error


def _refused(
    status: int, headers: Headers, collection: str, lost: type[IndexUnavailable | IndexUnknownOutcome]
) -> IndexInvalid | IndexNotFound | IndexUnavailable | IndexUnknownOutcome:
    after = headers.get("retry-after", "")
    detail = f"the server answered {status}" + (f", try again in {after} s" if after.isascii() and after.isdigit() else "")
    seconds = float(after) if after.isascii() and after.isdigit() else 0.0
    if status in _REFUSED_BUT_SOUND:
        return IndexUnavailable(detail=detail, retry_after=seconds)
    if status == 404:
        return IndexNotFound(collection=collection)
    if 400 <= status < 500:
        return IndexInvalid(detail=detail)
    return lost(detail=detail, retry_after=seconds)


def in_time(seconds: float) -> dict[str, list[Callable[..., None]]]:
    """Event hooks for httpx: the whole body of an answer has to come within `seconds` of its request.

    httpx itself counts its timeout anew for every piece that arrives, so that an answer in small pieces may take for ever. What
    is left: an answer whose *head* comes in small pieces.
    """

    def begin(request: Request) -> None:
        request.extensions[_ENDS] = time.monotonic() + seconds

    def bound(response: Response) -> None:
        if isinstance(response.stream, SyncByteStream):
            response.stream = _Bounded(response.stream, response.request.extensions[_ENDS])

    return {"request": [begin], "response": [bound]}


class _Bounded(SyncByteStream):
    """A body that ends in time, or with an error."""

    def __init__(self, stream: SyncByteStream, ends: float) -> None:
        self._stream = stream
        self._ends = ends

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() > self._ends:
                raise ReadTimeout("the answer came too slowly")
            yield piece

    def close(self) -> None:
        """Let go of the connection."""
        self._stream.close()
