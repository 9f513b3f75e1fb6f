"""A signing process for the tests, as `alliance signer` would run it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from ledger_service.custody.requests import BindDomain

BOND = BindDomain(31337, b"\xcc" * 20, b"\xdd" * 20)
_PROGRAM = """
import sys
from pathlib import Path
from ledger_service.custody.process import SignerSettings, main
from ledger_service.custody.vault import CustodialLimits
limits = CustodialLimits(5_000_000, 10_000_000)
settings = SignerSettings(Path(sys.argv[1]), Path(sys.argv[2]), replay=True, limits=limits)
sys.exit(main(sys.argv[3:], settings))
"""


class Signer:
    """A signing process and where it lives."""

    def __init__(self, directory: Path) -> None:
        self.keystore = directory / "keystore.json"
        self.socket = directory / "signer.sock"
        self.process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            self._line(*arguments), input=stdin, capture_output=True, text=True, check=False
        )

    def start(self) -> None:
        """The process serves afterwards."""
        self.process = subprocess.Popen(self._line("serve"), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("signing on ")

    def stop(self, how: signal.Signals) -> int:
        """The process has ended."""
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        self.process = None
        return code

    def _line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", _PROGRAM, str(self.keystore), str(self.socket), *arguments]
