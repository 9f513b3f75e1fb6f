"""A node as a real process, to talk to over HTTP and to kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.chain.node.builders import CHAIN_ID, GENESIS, GENESIS_TIME

ROOT = Path(__file__).resolve().parents[3]


class NodeProcess:
    """`alliance chain` on a free port.

    Args:
        store: the chain file.
        extra: further options.
    """

    def __init__(self, store: Path, *extra: str) -> None:
        self.store = store
        self._extra = extra or ("--time-control",)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> float:
        """The node answers; returns how many seconds that took."""
        begun = time.monotonic()
        command = [
            sys.executable, "-m", "ledger_service.chain.node.server",
            "--store", str(self.store), "--port", "0",
            "--chain-id", str(CHAIN_ID), "--genesis-time", str(GENESIS_TIME),
            "--fund", *GENESIS.funded, *self._extra,
        ]  # fmt: skip
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline() if self._process.stdout else ""
        self.url = line.strip().rpartition(" ")[2]
        if not self.url.startswith("http://127.0.0.1:"):
            raise AssertionError(f"the node did not start: {line!r}")
        return time.monotonic() - begun

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        status = process.wait(timeout=20)
        if process.stdout:
            process.stdout.close()
        return status

    @property
    def memory_mib(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self._process.pid if self._process else 0}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) // 1024

    def post(self, body: Any, timeout: float = 60.0) -> Any:
        """The decoded answer to a JSON body."""
        request = urllib.request.Request(
            self.url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.loads(answer.read())

    def ask(self, method: str, *arguments: Any) -> Any:
        """One method's result; its error object when it fails."""
        answer = self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)})
        return answer["error"] if "error" in answer else answer["result"]
