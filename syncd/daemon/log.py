"""The process log: what happened, in words, numbers and ids that the audit log shares.

Names, principals and text never reach it. So a line holds only keys from a closed list, and each value must look like what its
key stands for: anything else is left out or withheld. Other libraries are heard by level, module and class of error alone, for
nobody knows what they put into their messages.
"""

import logging
import math
import os
import re
import select
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO, cast

import structlog
from structlog.contextvars import merge_contextvars
from structlog.typing import FilteringBoundLogger, Processor

import syncd

Value = int | float | str | list[str]

WITHHELD: Final = "(withheld)"
"""Stands for a value that its key does not allow."""
CODE: Final = str(Path(syncd.__file__).parent) + os.sep
PATIENCE: Final = 0.5
"""Seconds that a line waits for a reader that is slow, once: the lines after it are lost at once, until one is taken."""
DEEPEST: Final = 16
"""How many causes, and how many places in the code, are told of one error."""

_WORD: Final = re.compile(r"[a-z0-9._-]{1,64}")
_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,127}")

# -- the closed list ---------------------------------------------------------------------------------------------------


def _number(value: object) -> Value:
    """A finite number that fits into 64 bits: a larger one could spell a text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return int(value)
    return float(value) if isinstance(value, float) and math.isfinite(value) else WITHHELD


def _word(value: object) -> Value:
    """One of the short words that syncd is written with, and the names of sources, which look alike."""
    return str.__str__(value) if isinstance(value, str) and _WORD.fullmatch(value) else WITHHELD


def _id(value: object) -> Value:
    """An id in hex, also from its 16 bytes."""
    if isinstance(value, bytes) and len(value) == 16:
        return value.hex()
    return str.__str__(value) if isinstance(value, str) and _ID.fullmatch(value) else WITHHELD


def _error(value: object) -> Value:
    """The class of an error: from one, from its class, or from a name that is one: other strings may be what an error says."""
    kind = value if isinstance(value, type) else type(value)
    if issubclass(kind, BaseException) and _NAME.fullmatch(kind.__name__):
        return kind.__name__
    return str.__str__(value) if isinstance(value, str) and _NAME.fullmatch(value) and _is_an_error(value) else WITHHELD


def _is_an_error(name: str) -> bool:
    """Whether a class of errors that is loaded is called so."""
    found, rest = set[type](), [BaseException]
    while rest:
        kind = rest.pop()
        if kind.__name__ == name:
            return True
        if kind not in found:
            found.add(kind)
            rest += kind.__subclasses__()
    return False


def _module(value: object) -> Value:
    """As much of a logger's name as is a module that runs here: libraries make up loggers, also from what they work on."""
    name = str.__str__(value) if isinstance(value, str) else ""
    while name and name not in sys.modules:
        name = name.rpartition(".")[0]
    return name if _NAME.fullmatch(name) else WITHHELD


_IDS = ("run", "job", "op", "doc", "source_id", "collection")
_WORDS = (
    *("source", "state", "was", "trigger", "reason", "kind", "task", "thread", "signal", "lane", "phase", "step", "by", "via"),
    *("action", "backend", "device", "method", "operation", "role", "transport", "version"),
)
_NUMBERS = (
    *("seconds", "age", "lag", "deadline", "interval", "target", "timeout", "wait"),
    *("documents", "chunks", "pages", "points", "sources", "hints", "events", "jobs", "threads", "callers", "keys", "lines"),
    *("added", "updated", "moved", "retagged", "deleted", "embedded", "reused", "removed", "repaired", "settled", "missing"),
    *("quarantined", "released", "fenced", "held", "parked", "pending", "queued", "dropped_hints", "overflowed", "refused"),
    *("attempt", "attempts", "count", "limit", "size", "bytes", "mib", "free_mib", "depth", "seq", "status", "exit"),
    *("pid", "uid", "auid", "batch_tokens", "dimension", "schema", "complete", "ok"),
)
KEYS: Final[Mapping[str, Callable[[object], Value]]] = {
    **dict.fromkeys(_IDS, _id),
    **dict.fromkeys(_WORDS, _word),
    **dict.fromkeys(_NUMBERS, _number),
    "error": _error,
    "logger": _module,
}
"""Every key that a caller may log, and what makes its value one to be seen. Numbers may stand under all; None is left out."""


def closed(_logger: object, level: str, given: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The processor that is the law: a line of nothing but known keys and allowed values.

    Keys that are not known are left out and counted under `dropped`. Of an exception remain its class and those of its causes
    (`error`, `causes`), and where in syncd it passed, the origin last (`at`).
    """
    raised = _exception(given.pop("exc_info", None))
    line: dict[str, Value] = {"timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")}
    line |= {"level": level, "event": _word(given.pop("event", None))}
    for key, value in given.items():
        check = KEYS.get(key)
        if check is not None and value is not None:
            line[key] = _number(value) if isinstance(value, int | float) else check(value)
    if unknown := len(given.keys() - KEYS.keys()):
        line["dropped"] = unknown
    if raised is not None:
        line["error"] = _error(raised)
        line["causes"] = [str(_error(cause)) for cause in _causes(raised)]
        line["at"] = _places(raised)
    return line


def _exception(given: object) -> BaseException | None:
    """The exception that a caller means by `exc_info`: itself, the usual three, or True for the one at hand."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return next((part for part in given if isinstance(part, BaseException)), None)
    return sys.exc_info()[1] if given else None


def _causes(raised: BaseException) -> Iterator[BaseException]:
    """What led to `raised`, nearest first; of a group its first."""
    error = raised
    for _ in range(DEEPEST):
        within = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
        cause = within or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            return
        yield cause
        error = cause


def _places(raised: BaseException) -> list[str]:
    """The lines of syncd that `raised` came through, the origin last. Other code has no place here: its paths are names."""
    places = []
    trace: TracebackType | None = raised.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(CODE):
            places.append(f"syncd/{file.removeprefix(CODE)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-DEEPEST:]


# -- where lines go ----------------------------------------------------------------------------------------------------


class _Output:
    """The one stream of lines. One that can't be written is counted and told with the next: no work stops for its log, or
    waits for one that nobody reads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: TextIO | None = None
        self._form: Processor = structlog.processors.JSONRenderer()
        self._lost = 0

    def aim(self, stream: TextIO, form: Processor) -> None:
        """Write to `stream` from now on, each line in `form`."""
        with self._lock:
            self._stream, self._form, self._lost = stream, form, 0

    def render(self, logger: object, level: str, line: MutableMapping[str, Any]) -> str:
        """The last processor: the line as it is written."""
        if self._lost:
            line["lost"] = self._lost
        return str(self._form(logger, level, line))

    def write(self, line: str) -> None:
        """Write one line, whole."""
        with self._lock:
            stream = self._stream or sys.stderr
            try:
                if not _takes(stream, 0 if self._lost else PATIENCE):
                    self._lost += 1
                    return
                stream.write(line + "\n")
                stream.flush()
            except (OSError, ValueError):  # a reader that went away, a full disk, a stream that was closed
                self._lost += 1
            else:
                self._lost = 0

    debug = info = warning = error = critical = write


def _takes(stream: TextIO, seconds: float) -> bool:
    """Whether `stream` takes a line now, or within `seconds`: a pipe that is full would have the writer wait for its reader."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # it is none of the system's: it never has anybody wait
        return True
    asked = select.poll()
    asked.register(descriptor, select.POLLOUT)
    return bool(asked.poll(seconds * 1000))


_OUTPUT: Final = _Output()
_PROCESSORS: Final[list[Processor]] = [merge_contextvars, closed, _OUTPUT.render]
_LEVELS: Final = structlog.make_filtering_bound_logger(logging.INFO)


def get_logger() -> FilteringBoundLogger:
    """The process log: `log.info("run.finished", run=run, seconds=1.5)`. It is as closed before `set_up` as after it.

    What is bound with `structlog.contextvars` stands in every line of the thread. Never log from a signal handler: it may have
    interrupted the very line that it would wait for.
    """
    logger = structlog.wrap_logger(
        _OUTPUT, processors=_PROCESSORS, wrapper_class=_LEVELS, context_class=dict, cache_logger_on_first_use=True
    )
    return cast("FilteringBoundLogger", logger)


def aim(stream: TextIO, environ: Mapping[str, str] = os.environ) -> None:
    """Send the log to `stream`: for a person where it is a terminal, in colour unless NO_COLOR or TERM=dumb; else JSON lines.

    Under journald it is a socket, so JSON. JOURNAL_STREAM is not asked: a terminal on a desktop inherits it too.
    """
    if stream.isatty():
        coloured = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        _OUTPUT.aim(stream, structlog.dev.ConsoleRenderer(colors=coloured, sort_keys=False))
    else:
        _OUTPUT.aim(stream, structlog.processors.JSONRenderer())


def set_up(stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Once, at the start of the daemon: aim the log (default: stderr), and bring everything else that would write under its law.

    That is structlog's own default, the standard library's logging, warnings, and errors that nobody caught, in any thread.
    """
    aim(sys.stderr if stream is None else stream, environ)
    structlog.configure(processors=_PROCESSORS, wrapper_class=_LEVELS, logger_factory=lambda *_: _OUTPUT)
    logging.setLogRecordFactory(_Record)
    logging.raiseExceptions = False  # it prints records to stderr when a handler fails
    logging.root.handlers[:] = [_Foreign(logging.WARNING)]
    logging.root.setLevel(logging.WARNING)
    warnings.showwarning = cast("Any", _warned)
    sys.excepthook = lambda _kind, error, _trace: get_logger().critical("process.crashed", exc_info=error)
    threading.excepthook = _thread_died
    sys.unraisablehook = lambda what: get_logger().error("error.ignored", exc_info=what.exc_value or what.exc_type)


# -- other people's code -----------------------------------------------------------------------------------------------


class _Record(logging.LogRecord):
    """What another library logs, without what it says: some bring handlers of their own, and those get no more to print."""

    def __init__(
        self, name: str, level: int, pathname: str, lineno: int, _msg: object, _args: object, exc_info: object, *_: object
    ) -> None:
        super().__init__(str(_module(name)), level, pathname, lineno, WITHHELD, (), None)
        self.raised = _exception(exc_info)


class _Foreign(logging.Handler):
    """Takes what reaches the root logger."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log that a library had something to say: how bad it is, who it was, the class of its error."""
        raised = getattr(record, "raised", None)
        told = {"logger": record.name} | ({} if raised is None else {"error": raised})
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        get_logger().log(level, "library.message", **told)


def _warned(_message: object, category: type[Warning], *_: object, **__: object) -> None:
    get_logger().warning("library.warning", error=category)


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:  # as Python has it: that is how a thread may end itself
        name = args.thread.name if args.thread is not None else None
        get_logger().error("thread.crashed", thread=name, exc_info=args.exc_value or args.exc_type)
