"""A command where no daemon answers and the keys are the service's credentials."""

import pytest
from kit import Site, make_site, open_folders


@pytest.fixture
def site(tmp_path) -> Site:
    """An install that was in use."""
    open_folders(tmp_path)
    made = make_site(tmp_path / "docs", tmp_path / "state")
    made.write("a.md", "# a")
    made.sync()
    return made


@pytest.mark.parametrize("command", [("status",), ("search", "text"), ("sync",)])
def test_the_service_is_missed_not_the_key(site: Site, command: tuple[str, ...]) -> None:
    """69, and the command that starts it: nobody has to restore a key that is where it belongs."""
    site.change("[embedder]\n", '[keys]\nkek = "/run/credentials/syncd.service/kek"\n\n[embedder]\n')
    done = site.cli(*command, check=69)
    assert "No daemon answers" in done.stderr
    assert "systemctl start syncd" in done.stderr


def test_a_key_that_is_lost_elsewhere_is_missed(site: Site) -> None:
    """78: starting a service would not help."""
    (site.state / "keys/kek").unlink()
    assert "restore the file" in site.cli("status", check=78).stderr


@pytest.mark.parametrize("command", [("recover",), ("ledger", "accept-restore")])
def test_what_only_the_service_can_open_is_the_units_to_do(site: Site, command: tuple[str, ...]) -> None:
    """69, and nothing is done: these commands are for when the service does not run, so its unit has to run them."""
    site.change("[embedder]\n", '[keys]\nkek = "/run/credentials/syncd.service/kek"\n\n[embedder]\n')
    before = (site.state / "ledger.db").read_bytes()
    assert "have the unit run it once" in " ".join(site.cli(*command, "--reason", "x", check=69).stderr.split())
    assert (site.state / "ledger.db").read_bytes() == before
