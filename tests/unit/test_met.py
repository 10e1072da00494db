"""What a scan met, in little memory."""

import sys

from syncd.core.met import Met


def test_a_set_that_counts_each_once() -> None:
    """It knows what was added, each once however often it came, also what is added after it was asked."""
    met = Met()
    locators = [bytes([number]) * 32 for number in (7, 3, 255, 0)]
    assert len(met) == 0
    assert locators[0] not in met
    for locator in [*locators, *locators]:
        met.add(locator)
    assert len(met) == 4
    assert all(locator in met for locator in locators)
    assert bytes([8]) * 32 not in met
    assert bytes([1]) * 32 not in met
    met.add(bytes([8]) * 32)
    assert bytes([8]) * 32 in met
    assert len(met) == 5


def test_eight_bytes_a_page() -> None:
    """A hundred thousand pages take less than a megabyte and a half."""
    met = Met()
    for number in range(100_000):
        met.add(number.to_bytes(8, "big") * 4)
    assert len(met) == 100_000
    assert sys.getsizeof(met._heads) < 1_500_000
