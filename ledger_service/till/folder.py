"""The till's folder: enrolment and signing key in files that only their owner reads; one process at work."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ledger_service.kernel.eip712 import Domain
from ledger_service.till.refusals import TillRefused

KEY_BYTES = 32
_ENROLMENT, _KEY, _LOCK, _BOOK = "enrolment.json", "till.key", "till.lock", "till.db"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Which service, terminal, store and alliance the till belongs to; addresses are ``0x`` and hex."""

    url: str
    api_key: str = field(repr=False)
    terminal: str
    store: str
    currency: str
    chain_id: int
    clearing_house: str
    receipt_signer: str
    timeout_millis: int = 2_000
    known_only: bool = False

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of the alliance."""
        return Domain(self.chain_id, bytes.fromhex(self.clearing_house[2:]))

    @property
    def subject(self) -> str:
        """The scope of the till's idempotency keys at the service."""
        return f"terminal:{self.terminal}"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on a local disk."""

    path: Path

    @property
    def book(self) -> Path:
        """Where the queue lies."""
        return self.path / _BOOK

    def enrolment(self) -> Enrolment:
        """What ``enrol`` has written.

        Raises:
            TillRefused: the till is not enrolled.
        """
        try:
            return Enrolment(**json.loads((self.path / _ENROLMENT).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise TillRefused("till-not-enrolled", "run `alliance till enrol`") from None

    def enrol(self, enrolment: Enrolment) -> None:
        """The till belongs there from now on."""
        self._write(_ENROLMENT, json.dumps(asdict(enrolment)).encode())

    def key(self) -> bytes:
        """The till's 32-byte signing key; made when there is none."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.path / _KEY
        if not path.exists():
            self._write(_KEY, secrets.token_bytes(KEY_BYTES).hex().encode())
        if path.stat().st_mode & 0o077:
            raise TillRefused("till-key-open", f"others may read {path}: chmod 600 it")
        return bytes.fromhex(path.read_text(encoding="ascii").strip())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process of this till works during the block."""
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, name: str, content: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self.path / f"{name}.new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, self.path / name)
        self._sync()

    def _sync(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
