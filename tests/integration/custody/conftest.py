"""A signing process that serves, and a client of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.custody.client import SignerClient
from tests.integration.custody.signer import BOND, Signer


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Signer]:
    """A signer that serves."""
    made = Signer(tmp_path)
    assert made.command("init").returncode == 0
    made.start()
    yield made
    if made.process is not None:
        made.stop(signal.SIGKILL)


@pytest.fixture
def client(signer: Signer) -> Iterator[SignerClient]:
    """A client that bound the signer to the alliance."""
    made = SignerClient(signer.socket)
    made.bind(BOND)
    yield made
    made.close()
