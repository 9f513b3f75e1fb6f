"""The command of the main run as the tests give it."""

from __future__ import annotations

import sys
from pathlib import Path

# Goods of few makers: their batches are made before the first basket is sold.
MAKERS = 4


def command(state: Path, data: Path, port: int, chain_port: int) -> list[str]:
    """One day, once, over converted data that stands already."""
    return [
        sys.executable, "-m", "ledger_service.demo", "run", "--once", "--days", "1", "--state", str(state),
        "--data", str(data), "--manufacturers", str(MAKERS), "--port", str(port),
        "--chain-port", str(chain_port),
    ]  # fmt: skip
