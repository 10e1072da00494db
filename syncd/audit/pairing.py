"""Each intent has its outcome: checked over the events in order, holding the open ones only."""

from syncd.audit.event import EventType, Phase
from syncd.audit.leaf import Columns
from syncd.audit.report import Findings, Kind


class Pairing:
    """Pairs intents with outcomes by op.

    A clean stop is a `run.finished` after which no source has a run in progress. A run on hints may have its turn within another
    one of its source; any other run.started ends an earlier run that was killed, whose intents were settled before. An intent
    older than the last clean stop and still open at the end is a fault; a younger one may be of a run in progress.
    """

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._open: dict[str, int] = {}
        self._running: dict[str, list[str]] = {}
        self._clean_stop = -1

    def see(self, event: Columns, *, hinted: bool = False) -> None:
        """The next event. hinted: it is the start of a run on hints."""
        if event.phase == Phase.OUTCOME:
            self._open.pop(event.op, None)
        elif event.op in self._open:
            self._found.add(Kind.PAIR, event.seq, event.seq, f"op {event.op} was opened before, at {self._open[event.op]}")
        else:
            self._open[event.op] = event.seq
        match event.type:
            case EventType.RUN_STARTED:
                self._running[event.source] = [*(self._running.get(event.source, []) if hinted else []), event.run]
            case EventType.RUN_FINISHED if event.run in self._running.get(event.source, [event.run]):
                left = [run for run in self._running.pop(event.source, []) if run != event.run]
                if left:
                    self._running[event.source] = left
                if not self._running:
                    self._clean_stop = event.seq

    def finish(self) -> None:
        """No more events."""
        for op, seq in self._open.items():
            if seq < self._clean_stop:
                self._found.add(Kind.PAIR, seq, seq, f"op {op} has no outcome up to the clean stop at {self._clean_stop}")
            else:
                self._found.add(Kind.OPEN, seq, seq, f"op {op} has no outcome yet")
