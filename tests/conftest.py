"""What all tests share: the folder of this file is on the path, so that `kit` can be imported everywhere."""

import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings
from postgres import Server, available, running

# In CI the same examples in every run, so that a change is judged by itself. Elsewhere they are drawn anew, and
# SYNCD_EXAMPLES=500 draws many: that is how new ones are found. No deadline: a slow machine is no failure.
settings.register_profile(
    "syncd", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("syncd")


# Whoever runs the tests in the background has SIGINT ignored, and so had Python, and every process that a test begins.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Every test begins with the usual umask: an install that is opened in this process sets its own, for the whole process."""
    before = os.umask(0o022)
    try:
        return (yield)
    finally:
        os.umask(before)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL of the session's own; each test works in databases of its own there."""
    if not available():
        pytest.skip("no PostgreSQL here: apt-get install postgresql, or pip install pgserver")
    with running() as server:
        yield server
