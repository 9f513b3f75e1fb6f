"""The machine of a sandbox that a certification founded itself: its commands, and the box of its messages.

A sandbox by URL has none: nobody can print value cards there, or read what was sent to a phone.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ledger_service.certify.failures import CertificationFailed

_PATIENCE_SECONDS = 30.0
_MOST_CARDS = 40
_CODE = re.compile(r"\b[0-9]{8}\b")


@dataclass(frozen=True, slots=True)
class Machine:
    """``command`` begins every `alliance` command; ``printed`` are value cards that nobody has bought yet."""

    command: tuple[str, ...]
    folder: Path
    printed: list[str] = field(default_factory=list)

    @property
    def messages(self) -> Path:
        """Where the bridge lays down what members are sent."""
        return self.folder / "messages"

    def run(self, *arguments: str) -> None:
        """One command of the operator's has done its work.

        Raises:
            CertificationFailed: it refused.
        """
        done = subprocess.run([*self.command, *arguments], capture_output=True, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr)[-600:].decode(errors="replace")
            raise CertificationFailed(f"alliance {' '.join(arguments)}: {said}")

    def value_card(self, merchant: str, definition: str, may_go_out: Callable[[], bool]) -> str:
        """The code of a fresh card as it came from the printer; the first one has a list of them made, which
        leaves the house once the chain knows its root.
        """
        if not self.printed:
            name, into = "certified-cards", self.folder / "cards.csv"
            wanted = ("--merchant", merchant, "--definition", definition, "--count", str(_MOST_CARDS))
            self.run("coupons", "generate", name, *wanted)
            until(may_go_out, "the chain does not hear of the list")
            self.run("coupons", "export", name, "--into", str(into))
            rows = into.read_text(encoding="utf-8").splitlines()
            self.printed.extend(row.split(",")[0] for row in rows[1:])
        return self.printed.pop()

    def code_sent_to(self, address: str) -> str:
        """The one-time code that was sent to a phone which was sent no other.

        Raises:
            CertificationFailed: none came in time.
        """
        until(lambda: bool(self._sent_to(address)), f"no message to {address} in {self.messages}")
        found = _CODE.search(self._sent_to(address)[0])
        if found is None:
            raise CertificationFailed("the message has no code")
        return found.group()

    def _sent_to(self, address: str) -> list[str]:
        told = [json.loads(one.read_text(encoding="utf-8")) for one in self.messages.glob("*.json")]
        return [one["text"] for one in told if one["to"] == address]


def until(true: Callable[[], bool], otherwise: str) -> None:
    """It has come true.

    Raises:
        CertificationFailed: it did not in time.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise CertificationFailed(otherwise)
        time.sleep(0.1)
