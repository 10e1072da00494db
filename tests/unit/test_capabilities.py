"""Capabilities: what the service manager gives to the daemon stays with it."""

import os
import shutil
import subprocess
import sys

import pytest

SETPRIV = shutil.which("setpriv")
SHOW = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')))"
SCRIPT = f"""
import subprocess, sys
from syncd.adapters.capabilities import keep_to_itself
if sys.argv[1] == "keep":
    keep_to_itself()
{SHOW}
sys.stdout.flush()
subprocess.run([sys.executable, "-c", {SHOW!r}], check=True)
"""
READ_SEARCH = 1 << 2


@pytest.mark.skipif(os.geteuid() != 0 or SETPRIV is None, reason="only root can give capabilities")
@pytest.mark.parametrize(("how", "child"), [("keep", 0), ("leave", READ_SEARCH)])
def test_no_program_that_is_started_has_them(how, child):
    """An account with the right to read everything, as the unit gives it: this process has it, its children do not."""
    given = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--bounding-set=+all"]
    account = [SETPRIV, "--reuid=65534", "--regid=65534", "--clear-groups", *given]
    # Reading what only root may read is what it is for: this account could not import the checkout otherwise.
    done = subprocess.run(
        [*account, sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    assert [int(line, 16) for line in done.stdout.split()] == [READ_SEARCH, child]
