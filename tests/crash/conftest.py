"""What the tests of bad days share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disks import Disk, mounted


@pytest.fixture
def disks() -> Iterator[Callable[[Path, str], Disk]]:
    """Makes disks, and takes them away in the end."""
    with mounted() as make:
        yield make
