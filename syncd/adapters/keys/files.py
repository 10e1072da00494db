"""Keys in files: KEK (32 raw bytes), keyring (JSON, every key wrapped) and audit signing key (32 raw bytes), each mode 0400."""

import base64
import json
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from syncd.audit.note import Signer
from syncd.core.keys import Epoch, IdentityKeys, Keyring
from syncd.errors import Forged, KeyDamaged, KeyMissing, KeyUnsafe, KeyWrong, NotPermitted
from syncd.seal import aead
from syncd.seal.wrapping import IDENTITY_ROLES, unwrap_keyring, wrap_keyring

KEK, KEYRING, SIGNING = "kek", "keyring.json", "audit-signing-key"
SECRET = 32


class FileKeys:
    """The `Keys` port over three files. Whatever is wrong with one of them is an error before anything is written."""

    def __init__(self, *, kek: Path, keyring: Path, signing_key: Path) -> None:
        self._kek = kek
        self._keyring = keyring
        self._signing_key = signing_key

    def keyring(self) -> Keyring:
        """Open the keyring with the KEK."""
        kek = _read_secret(self._kek)
        text = read_private(self._keyring)
        try:
            stored = json.loads(text)
            algorithm, install = str(stored["algorithm"]), bytes.fromhex(stored["install"])
            wrapped = {str(name): base64.b64decode(value, validate=True) for name, value in stored["keys"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeyDamaged(file=self._keyring, detail="it is no keyring") from error
        aead.probe(algorithm)
        try:
            keyring = unwrap_keyring(wrapped, kek, algorithm=algorithm, install=install)
        except Forged as error:
            raise KeyWrong(file=self._kek, keyring=self._keyring) from error
        except (ValueError, KeyError) as error:
            raise KeyDamaged(file=self._keyring, detail="a key is not in it") from error
        if not keyring.epochs:
            raise KeyDamaged(file=self._keyring, detail="no epoch's key is in it")
        return keyring

    def signing_key(self) -> bytes:
        """The Ed25519 seed of the audit log."""
        return _read_secret(self._signing_key)

    def add_epoch(self, cmk: bytes, nonces: Sequence[bytes]) -> Keyring:
        """The keyring with one more epoch, whose master key is `cmk`; one nonce a key. The file is replaced as a whole."""
        keyring = self.keyring()
        added = replace(keyring, epochs=(*keyring.epochs, Epoch(keyring.current.number + 1, cmk)))
        beside = self._keyring.with_name(f".{self._keyring.name}.new")
        try:
            beside.unlink(missing_ok=True)
            _write_private(beside, _stored(added, _read_secret(self._kek), nonces))
            beside.replace(self._keyring)
        except OSError as error:
            raise KeyUnsafe(
                file=self._keyring,
                what="place",
                detail=f"a new key can't be put into it: {error.strerror}",
                advice="let the account that owns the state write there",
            ) from error
        return added


def keys_in(keyring: Keyring) -> int:
    """How many keys are wrapped in it."""
    return len(IDENTITY_ROLES) + len(keyring.epochs)


def _stored(keyring: Keyring, kek: bytes, nonces: Sequence[bytes]) -> bytes:
    """The keyring as its file has it."""
    wrapped = wrap_keyring(keyring, kek, list(nonces))
    stored = {
        "format": 1,
        "install": keyring.install.hex(),
        "algorithm": keyring.algorithm,
        "keys": {name: base64.b64encode(blob).decode("ascii") for name, blob in wrapped.items()},
    }
    return json.dumps(stored, indent=1).encode()


def create_keys(folder: Path, *, algorithm: str, origin: str) -> str:
    """Make KEK, keyring and signing key in `folder`; returns the verifier key that a configuration pins."""
    aead.probe(algorithm)
    keyring = Keyring(
        install=secrets.token_bytes(16),
        algorithm=algorithm,
        identity=IdentityKeys(**{role: secrets.token_bytes(SECRET) for role in IDENTITY_ROLES}),
        epochs=(Epoch(1, secrets.token_bytes(SECRET)),),
    )
    kek, seed = secrets.token_bytes(SECRET), secrets.token_bytes(SECRET)
    nonces = [secrets.token_bytes(aead.NONCE) for _ in range(keys_in(keyring))]
    _write_private(folder / KEK, kek)
    _write_private(folder / KEYRING, _stored(keyring, kek, nonces))
    _write_private(folder / SIGNING, seed)
    return str(Signer(origin, seed).verifier)


def _write_private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def read_private(path: Path) -> bytes:
    """The bytes of `path` after its kind, mode and owner were found safe. Waits for nobody, also where the file is a FIFO."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError as error:
        raise NotPermitted(what=f"{path}: reading the keys", needed="the account that owns the state") from error
    except OSError as error:
        raise KeyMissing(file=path) from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise KeyUnsafe(file=path, what="kind", detail="not a regular file", advice="restore the file from its backup")
        mode = stat.S_IMODE(facts.st_mode)
        if mode & 0o177 and not (mode == 0o440 and _is_credential(path)):
            detail = f"{mode:04o} instead of 0400 or 0600"
            raise KeyUnsafe(file=path, what="mode", detail=detail, advice=f"`chmod 0400 {path}` as its owner")
        if facts.st_uid not in (0, os.geteuid()):
            detail = f"uid {facts.st_uid} instead of {os.geteuid()}"
            advice = f"find out who put it there; if it is yours, `chown {os.geteuid()} {path}` as root"
            raise KeyUnsafe(file=path, what="owner", detail=detail, advice=advice)
        return os.read(handle, 1 << 20)
    finally:
        os.close(handle)


def _is_credential(path: Path) -> bool:
    """Whether the service manager put `path` where nobody else can put anything: then its group may read, as the mode has it.

    For a service with an account of its own, systemd makes credentials 0440 of root. The group's bits are then the mask of an
    ACL that names that account alone: they do not tell who may read, so the place has to vouch for it.
    """
    folder = Path(os.environ.get("CREDENTIALS_DIRECTORY", ""))
    if not folder.is_absolute() or path.parent != folder:
        return False
    try:
        facts = folder.lstat()
    except OSError:
        return False  # a folder that can't be looked at excuses no mode
    return stat.S_ISDIR(facts.st_mode) and not facts.st_mode & 0o022 and facts.st_uid in {0, os.geteuid()}


def _read_secret(path: Path) -> bytes:
    data = read_private(path)
    if len(data) != SECRET:
        raise KeyDamaged(file=path, detail=f"{len(data)} bytes instead of {SECRET}")
    return data
