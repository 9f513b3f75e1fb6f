"""A forged payload of an intent ends no process, also where a library has raised the recursion limit."""

from __future__ import annotations

import subprocess
import sys

_READ = (
    "import sys; sys.setrecursionlimit(10**6); from ledger_service.kernel.intents import read_payload;"
    "print(read_payload('[' * 100_000), read_payload('{\"a\":' * 100_000))"
)


def test_a_deeply_nested_payload_is_unreadable() -> None:
    done = subprocess.run([sys.executable, "-c", _READ], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["None", "None"])
