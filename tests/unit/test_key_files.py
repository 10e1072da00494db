"""Keys in files: whatever is wrong with one of them is an error, and nothing is opened with the wrong one."""

import base64
import json
import os
import stat
from pathlib import Path

import pytest

from syncd.adapters.keys import FileKeys, create_keys
from syncd.errors import CryptoUnavailable, Exit, KeyMissing, KeyUnsafe, KeyWrong
from syncd.seal import aead

NAMES = ("kek", "keyring.json", "audit-signing-key")


def made(folder: Path) -> FileKeys:
    """Fresh keys in `folder`."""
    folder.mkdir()
    create_keys(folder, algorithm=aead.GCM_SIV, origin="syncd/test")
    return keys_in(folder)


def keys_in(folder: Path) -> FileKeys:
    """What lies in `folder`."""
    kek, keyring, signing = (folder / name for name in NAMES)
    return FileKeys(kek=kek, keyring=keyring, signing_key=signing)


def opened(keys: FileKeys) -> None:
    """Open everything."""
    keys.keyring()
    keys.signing_key()


def rewrite(path: Path, data: bytes) -> None:
    """Replace the bytes of a key file."""
    path.chmod(0o600)
    path.write_bytes(data)


def test_what_was_made_opens(tmp_path):
    """Every key is 32 bytes, no two are equal, and another install has none of them."""
    one, other = made(tmp_path / "one").keyring(), made(tmp_path / "other").keyring()
    secrets = []
    for ring in (one, other):
        identity = ring.identity
        secrets += [identity.name, identity.fp, identity.pid, identity.acl, identity.page, identity.row, ring.current.cmk]
    assert {len(secret) for secret in secrets} == {32}
    assert len(set(secrets)) == len(secrets)
    assert one.install != other.install


def test_no_secret_lies_open(tmp_path):
    """The files are for their owner alone whatever the umask, and the keyring holds no key that is not wrapped."""
    before = os.umask(0)
    try:
        keys = made(tmp_path / "keys")
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) for name in NAMES} == {0o400}
    stored = (tmp_path / "keys/keyring.json").read_bytes()
    ring = keys.keyring()
    for secret in (ring.identity.name, ring.identity.fp, ring.identity.row, ring.current.cmk):
        assert base64.b64encode(secret)[:-2] not in stored


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o440, 0o700])
def test_a_mode_that_lets_others_in_is_refused(tmp_path, name, mode):
    """Whatever others may do with a key file, it is not used: exit 78."""
    keys = made(tmp_path / "keys")
    (tmp_path / "keys" / name).chmod(mode)
    with pytest.raises(KeyUnsafe, match=f"{mode:04o}") as caught:
        opened(keys)
    assert caught.value.exit is Exit.CONFIG


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_another_account_is_refused(tmp_path, name, monkeypatch):
    """A key that somebody else owns may be one that he chose."""
    keys = made(tmp_path / "keys")
    mine = os.geteuid()
    if mine == 0:
        os.chown(tmp_path / "keys" / name, 4242, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(KeyUnsafe, match="owner"):
        opened(keys)


@pytest.mark.parametrize("name", NAMES)
def test_a_link_or_a_folder_in_the_place_of_a_key_is_refused(tmp_path, name):
    """No symlink is followed to a key, and what is no file is none."""
    keys = made(tmp_path / "keys")
    (tmp_path / "keys" / name).rename(tmp_path / "elsewhere")
    (tmp_path / "keys" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyMissing):
        opened(keys)
    (tmp_path / "keys" / name).unlink()
    (tmp_path / "keys" / name).mkdir(mode=0o600)
    with pytest.raises(KeyUnsafe, match="regular"):
        opened(keys)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_is_missing_or_cut_is_missing(tmp_path, name):
    """No file, an empty one, or one of another length: exit 78, and no default takes its place."""
    keys = made(tmp_path / "keys")
    path = tmp_path / "keys" / name
    whole = path.read_bytes()
    for data in (whole[:-1], b"", whole + b"x" if name != "keyring.json" else b"[]"):
        rewrite(path, data)
        with pytest.raises(KeyMissing) as caught:
            opened(keys)
        assert caught.value.exit is Exit.CONFIG
    path.unlink()
    with pytest.raises(KeyMissing):
        opened(keys)


def test_a_wrong_kek_opens_nothing(tmp_path):
    """The KEK of another install is told as such."""
    keys = made(tmp_path / "keys")
    made(tmp_path / "other")
    rewrite(tmp_path / "keys/kek", (tmp_path / "other/kek").read_bytes())
    with pytest.raises(KeyWrong) as caught:
        keys.keyring()
    assert caught.value.exit is Exit.CONFIG


def test_a_keyring_that_was_edited_opens_nothing(tmp_path):
    """Keys exchanged, one dropped, another install or an unknown algorithm: refused."""
    keys = made(tmp_path / "keys")
    path = tmp_path / "keys/keyring.json"
    stored = json.loads(path.read_text())
    wrapped = stored["keys"]
    for changed, error in (
        ({**stored, "keys": {**wrapped, "name": wrapped["fp"]}}, KeyWrong),
        ({**stored, "install": "00" * 16}, KeyWrong),
        ({**stored, "keys": {name: blob for name, blob in wrapped.items() if name != "row"}}, KeyMissing),
        ({**stored, "algorithm": "ROT13"}, CryptoUnavailable),
        ({**stored, "algorithm": aead.GCM}, KeyWrong),
    ):
        rewrite(path, json.dumps(changed).encode())
        with pytest.raises(error):
            keys.keyring()


def test_existing_keys_are_never_overwritten(tmp_path):
    """Making keys where there are some fails, and those that were there still open."""
    keys = made(tmp_path / "keys")
    before = keys.keyring()
    with pytest.raises(FileExistsError):
        create_keys(tmp_path / "keys", algorithm=aead.GCM_SIV, origin="syncd/test")
    assert keys.keyring() == before
