"""Keys as systemd hands them to a service: readable for a group in one folder, and only there."""

import os
import struct

import pytest

from syncd.adapters.keys import FileKeys, create_keys
from syncd.errors import KeyMissing, KeyUnsafe
from syncd.seal import aead


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """Keys in a credentials directory as systemd makes it: the files 0440, the folder for nobody to write."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    create_keys(folder, algorithm=aead.GCM_SIV, origin="syncd/test")
    for file in folder.iterdir():
        file.chmod(0o440)
    folder.chmod(0o550)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    yield FileKeys(kek=folder / "kek", keyring=folder / "keyring.json", signing_key=folder / "audit-signing-key")
    folder.chmod(0o700)


def opened(keys):
    """Open everything."""
    keys.keyring()
    return keys.signing_key()


def test_what_systemd_makes_opens(keys):
    """Mode 0440 in the credentials directory is what a newer systemd gives, 0400 what an older one does."""
    seed = opened(keys)
    for file in keys._kek.parent.iterdir():
        file.chmod(0o400)
    assert opened(keys) == seed


@pytest.mark.parametrize("mode", [0o444, 0o460, 0o640, 0o550, 0o404, 0o4440])
def test_more_than_reading_by_the_group_is_refused(keys, mode):
    """What others may read, or anybody write or run, is no credential."""
    keys._signing_key.chmod(mode)
    with pytest.raises(KeyUnsafe, match="mode"):
        opened(keys)


@pytest.mark.parametrize("named", ["", ".", "{folder}/..", "{folder}/nothing", "/run/credentials/other.service"])
def test_another_folder_vouches_for_nothing(keys, monkeypatch, named):
    """The mode is excused in the very folder that the service manager names, which has to be an absolute path."""
    folder = keys._kek.parent
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", named.format(folder=folder))
    with pytest.raises(KeyUnsafe, match="0440"):
        opened(keys)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(KeyUnsafe, match="0440"):
        opened(keys)


@pytest.mark.parametrize("mode", [0o770, 0o757, 0o777])
def test_a_folder_that_others_write_vouches_for_nothing(keys, mode):
    """Whoever may write in the folder could have put the key there."""
    keys._kek.parent.chmod(mode)
    with pytest.raises(KeyUnsafe, match="0440"):
        opened(keys)


def test_a_link_to_a_folder_vouches_for_nothing(keys, monkeypatch, tmp_path):
    """A symlink in the place of the folder may lead elsewhere tomorrow."""
    link = tmp_path / "link"
    link.symlink_to(keys._kek.parent)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(link))
    linked = FileKeys(kek=link / "kek", keyring=link / "keyring.json", signing_key=link / "audit-signing-key")
    with pytest.raises(KeyUnsafe, match="0440"):
        opened(linked)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_another_account_vouches_for_nothing(keys):
    """The folder is of root or of the service, as systemd makes it."""
    os.chown(keys._kek.parent, 4242, -1)
    with pytest.raises(KeyUnsafe, match="0440"):
        opened(keys)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_credential_of_another_account_is_refused(keys):
    """The place excuses the mode and nothing else."""
    os.chown(keys._kek, 4242, -1)
    with pytest.raises(KeyUnsafe, match="owner"):
        opened(keys)


def test_a_credential_that_is_missing_is_missing(keys):
    """A credential that was not loaded is told as a key that is not there."""
    keys._kek.parent.chmod(0o700)
    keys._kek.unlink()
    with pytest.raises(KeyMissing):
        opened(keys)


def test_what_an_acl_shows_as_group(keys):
    """An ACL for one account turns 0400 into 0440: that is how systemd comes to this mode."""
    nobody = 0xFFFFFFFF
    entries = ((0x01, 4, nobody), (0x02, 4, 4242), (0x04, 0, nobody), (0x10, 4, nobody), (0x20, 0, nobody))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    keys._kek.chmod(0o400)
    try:
        os.setxattr(keys._kek, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("no ACLs on this filesystem")
    assert keys._kek.stat().st_mode & 0o777 == 0o440
    opened(keys)
