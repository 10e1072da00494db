"""The unit for systemd: what it promises to the daemon, and what it keeps from it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from syncd.cli.daemon_socket import RUNNING
from syncd.daemon.supervise import DRAIN
from syncd.errors import Exit

UNIT = Path(__file__).parents[2] / "systemd/syncd.service"
ANALYZE = shutil.which("systemd-analyze")


@pytest.fixture(scope="module")
def service():
    """The lines of the unit, by key; a key may come more than once."""
    lines = [line.strip() for line in UNIT.read_text().splitlines() if line.strip() and not line.lstrip().startswith(("#", "["))]
    found = {}
    for line in lines:
        key, _, value = line.partition("=")
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("Type", ["notify"]),
        ("NotifyAccess", ["main"]),
        ("ExecStart", ["/opt/syncd/bin/syncd --config /etc/syncd/config.toml run"]),
        ("ExecReload", ["/bin/kill -HUP $MAINPID"]),
        ("WatchdogSec", ["60"]),
        ("Restart", ["on-failure"]),
        ("StartLimitIntervalSec", ["0"]),
        ("TimeoutStopSec", ["35"]),
        ("TimeoutStartSec", ["300"]),
        ("KillMode", ["mixed"]),
        ("User", ["syncd"]),
        ("Group", ["syncd"]),
        ("StateDirectory", ["syncd"]),
        ("StateDirectoryMode", ["0711"]),
        ("RuntimeDirectory", ["syncd"]),
        ("RuntimeDirectoryMode", ["0750"]),
        ("UMask", ["0077"]),
        ("LoadCredential", ["kek:/etc/syncd/kek", "audit-signing-key:/etc/syncd/audit-signing-key"]),
        ("AmbientCapabilities", ["CAP_DAC_READ_SEARCH"]),
        ("CapabilityBoundingSet", ["CAP_DAC_READ_SEARCH"]),
        ("NoNewPrivileges", ["yes"]),
        ("PrivateUsers", ["no"]),
        ("PrivateTmp", ["yes"]),
        ("ProtectSystem", ["strict"]),
        ("ProtectHome", ["read-only"]),
        ("RestrictAddressFamilies", ["AF_UNIX AF_INET AF_INET6"]),
        ("SystemCallFilter", ["@system-service"]),
        ("MemoryDenyWriteExecute", ["no"]),
        ("LockPersonality", ["yes"]),
        ("LimitCORE", ["0"]),
    ],
)
def test_what_the_unit_says(service, key, values):
    """Each line that the daemon, its data or its hardening depends on, exactly once and with this value."""
    assert service[key] == values


def test_no_hub_is_asked(service):
    """Models come from disk, whatever the configuration of the machine."""
    assert "HF_HUB_OFFLINE=1" in service["Environment"][0].split()


def test_what_trying_again_can_not_mend_is_not_tried_again(service):
    """Wrong configuration or keys, and damage, need a person."""
    assert service["RestartPreventExitStatus"] == [f"{Exit.CONFIG:d} {Exit.INTEGRITY:d}"]


def test_the_daemon_may_drain_before_it_is_killed(service):
    """The service manager waits a little longer than the daemon takes."""
    assert DRAIN < int(service["TimeoutStopSec"][0]) <= DRAIN + 10


def test_the_keys_are_read_where_they_are_loaded(service):
    """The configuration that the unit advises names the credentials that it loads."""
    text = UNIT.read_text()
    for credential in service["LoadCredential"]:
        assert f'"/run/credentials/{UNIT.name}/{credential.split(":")[0]}"' in text


def test_its_socket_is_where_the_unit_makes_a_folder_for_it(service):
    """The configuration that the unit advises puts the socket into its runtime directory, where clients look anyway."""
    assert f'socket = "/run/{service["RuntimeDirectory"][0]}/syncd.sock"' in UNIT.read_text()
    assert Path(f"/run/{service['RuntimeDirectory'][0]}/syncd.sock") == RUNNING


@pytest.mark.skipif(ANALYZE is None, reason="no systemd here")
def test_systemd_takes_it(tmp_path):
    """`systemd-analyze verify` finds nothing, once the program is one that exists."""
    program = shutil.which("true")
    (tmp_path / UNIT.name).write_text(UNIT.read_text().replace("/opt/syncd/bin/syncd", program))
    done = subprocess.run([ANALYZE, "verify", tmp_path / UNIT.name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(ANALYZE is None, reason="no systemd here")
def test_systemd_finds_little_exposed():
    """`systemd-analyze security` gives 2.5 or less of 10, as far as this systemd can tell without running it."""
    command = [ANALYZE, "security", "--offline=yes", "--no-pager", "--threshold=25", UNIT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("an older systemd")
    assert done.returncode == 0, done.stdout + done.stderr
