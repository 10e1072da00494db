"""What all tests share: the folder of this file is on the path, so that `kit` can be imported everywhere, and a umask."""

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Every test begins with the usual umask: an install that is opened in this process sets its own, for the whole process."""
    before = os.umask(0o022)
    try:
        return (yield)
    finally:
        os.umask(before)
