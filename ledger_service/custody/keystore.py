"""The keystore: one 0600 file with a master seed, from which every key follows, and imported keys by name.

A key is HMAC-SHA-256 of the seed over its name, so a backup of one line restores them all; an
imported key replaces the derived one of its name (rotation, or a key brought from elsewhere).
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger_service.custody.errors import KeystoreUnusable
from ledger_service.kernel.secp256k1 import address_of_key

_FORM = "alliance-keystore-1"
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_OWNER_ONLY = 0o600
_FORMER = "former "


@dataclass(frozen=True)
class Keystore:
    """The seed and the imported keys, in memory; never printed."""

    seed: bytes = field(repr=False)
    imported: Mapping[str, bytes] = field(repr=False, default_factory=dict)

    def key(self, name: str) -> bytes:
        """The 32-byte private key of a name."""
        return self.imported.get(name) or self._derived(f"key {name}".encode())

    def custodial_key(self, account: bytes) -> bytes:
        """The private key that signs for a custodial member's account."""
        return self._derived(b"custodial " + account)

    def secret(self, purpose: str) -> bytes:
        """32 secret bytes for a purpose of the service; never a signing key."""
        return hmac.digest(self.seed, f"alliance secret {purpose}".encode(), sha256)

    def _derived(self, label: bytes) -> bytes:
        # A digest outside 1..n-1 is as good as impossible; the counter makes it harmless too.
        for attempt in range(256):
            key = hmac.digest(self.seed, b"alliance " + label + bytes([attempt]), sha256)
            if 0 < int.from_bytes(key, "big") < _ORDER:
                return key
        raise KeystoreUnusable("no key follows from this seed")


def create_keystore(path: Path) -> Keystore:
    """A new keystore with a random seed stands at ``path``, readable by its owner alone.

    Raises:
        KeystoreUnusable: something is there already; a seed is never overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    keystore = Keystore(secrets.token_bytes(32))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise KeystoreUnusable(f"{path} exists; a keystore is never overwritten") from None
    _write(descriptor, keystore)
    _sync_directory(path.parent)
    return keystore


def import_key(path: Path, name: str, key: bytes) -> bytes:
    """From now on the name means this private key; the file is replaced as a whole.

    Returns:
        The key's address.

    Raises:
        KeystoreUnusable: no usable keystore at ``path``, or no private key.
    """
    if len(key) != 32 or not 0 < int.from_bytes(key, "big") < _ORDER:
        raise KeystoreUnusable("not a secp256k1 private key")
    old = load_keystore(path)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    _write(descriptor, Keystore(old.seed, {**old.imported, name: key}))
    os.replace(beside, path)
    _sync_directory(path.parent)
    return address_of_key(key)


def exchange_key(path: Path, name: str, key: bytes | None = None) -> bytes:
    """From now on the name means ``key``, or (None) the key that it meant before; the file keeps both.

    So a rotation that was begun too early can be taken back, and nothing is lost by a slip.

    Returns:
        The address of the key that the name means now.

    Raises:
        KeystoreUnusable: no usable keystore at ``path``, no private key, or nothing to go back to.
    """
    kept, old = _FORMER + name, load_keystore(path)
    following = key if key is not None else old.imported.get(kept)
    if following is None:
        raise KeystoreUnusable(f"{name} never meant another key")
    import_key(path, kept, old.key(name))
    return import_key(path, name, following)


def load_keystore(path: Path) -> Keystore:
    """The keystore at ``path``.

    Raises:
        KeystoreUnusable: missing, not ours alone (mode wider than 0600, another owner), or not a keystore.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise KeystoreUnusable(f"{path}: {error.strerror}; make one with `alliance signer init`") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            raise KeystoreUnusable(f"{path} is not a file of this user")
        if stat.S_IMODE(found.st_mode) & ~_OWNER_ONLY:
            raise KeystoreUnusable(
                f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, 0600 at most is allowed"
            )
        raw = file.read()
    return _parsed(path, raw)


def _parsed(path: Path, raw: bytes) -> Keystore:
    refusal = KeystoreUnusable(f"{path} is not a keystore")
    try:
        fields: Any = json.loads(raw)
        seed = bytes.fromhex(fields["seed"])
        imported = {str(name): bytes.fromhex(key) for name, key in fields["keys"].items()}
        form = fields["form"]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise refusal from None
    if form != _FORM or len(seed) != 32 or any(len(key) != 32 for key in imported.values()):
        raise refusal
    return Keystore(seed, imported)


def _write(descriptor: int, keystore: Keystore) -> None:
    keys = {name: key.hex() for name, key in sorted(keystore.imported.items())}
    text = json.dumps({"form": _FORM, "seed": keystore.seed.hex(), "keys": keys}, indent=1)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
