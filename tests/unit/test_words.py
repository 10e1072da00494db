"""Words that depend on a number."""

import pytest

from syncd.operations.words import counted


@pytest.mark.parametrize(("number", "said"), [(0, "0 chunks"), (1, "1 chunk"), (2, "2 chunks")])
def test_one_is_no_plural(number, said):
    """One chunk, no chunks, two chunks."""
    assert counted(number, "chunk") == said
