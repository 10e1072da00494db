"""syncd under a clock that is set: the real program, whose time of day is as far off as a file says.

`python stepped.py FILE ARGUMENTS` runs `syncd ARGUMENTS`. FILE holds seconds, and may change at any time. Time that can't be set
goes on as it does, and so do the times that the kernel gives to files: to them the daemon's day is another one.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

from syncd.adapters.system import SystemClock

DAY = 86_400.0


class SteppedClock(SystemClock):
    """The clock of this machine, `offset` seconds ahead."""

    offset = 0.0

    def now(self) -> datetime:
        """The present, as it would be if somebody had set the clock."""
        return super().now() + timedelta(seconds=self.offset)


class FileClock(SteppedClock):
    """One whose offset stands in `file`."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def now(self) -> datetime:
        """The present by the offset that stands there now."""
        self.offset = float(self.file.read_text())
        return super().now()


def main() -> None:
    """Run syncd by that clock."""
    from syncd.cli.main import main as syncd
    from syncd.wiring import Wiring

    Wiring.clock = FileClock(Path(sys.argv.pop(1)))
    syncd()


if __name__ == "__main__":
    main()
