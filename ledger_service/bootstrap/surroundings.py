"""What a monitor sees around a serving process: leading bridge, signing process, last audit, disk, alarms.

Times here are real ones, also in replay: leases, audits and disks know no other clock (D16).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from ledger_service.chain.status import alarm_counts, leaderless_since
from ledger_service.config import Settings
from ledger_service.coupons.wallet.guesses import locked_now

Reading = int | dict[str, int]
_PROBE_SECONDS = 0.5
_NOTE = "audit.json"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Looks where ``settings`` say; holds nothing and may be asked by any number of threads."""

    settings: Settings

    def of_machine(self) -> dict[str, Reading]:
        """The gauges that need no database; one whose source is not there is left out."""
        found: dict[str, Reading] = {"signer_reachable": int(_takes_connections(self.settings.signer_socket))}
        folder = self.settings.state_dir
        if folder.is_dir():
            found["state_free_bytes"] = shutil.disk_usage(folder).free
        noted = read_verdict(folder)
        if noted is not None:
            found["audit_age_seconds"] = _seconds_since(noted.at)
            found["audit_findings"] = noted.findings
        return found

    def of_database(self, conn: Connection) -> dict[str, Reading]:
        """The gauges that the database knows."""
        found: dict[str, Reading] = {"chain_alarms": alarm_counts(conn)}
        found["coupon_codes_locked"] = locked_now(conn, datetime.now(UTC))
        ends = leaderless_since(conn)
        if ends is not None:
            found["bridge_absent_seconds"] = _seconds_since(ends)
        return found


@dataclass(frozen=True, slots=True)
class NotedVerdict:
    """When an audit ended and how many differences it named."""

    at: datetime
    findings: int


def note_verdict(folder: Path, findings: int) -> None:
    """The verdict of an audit that ended now stands in the state folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{_NOTE}.{os.getpid()}"
    text = json.dumps({"at": datetime.now(UTC).isoformat(), "findings": findings})
    beside.write_text(text + "\n", encoding="ascii")
    os.replace(beside, folder / _NOTE)


def read_verdict(folder: Path) -> NotedVerdict | None:
    """The verdict noted last; None where there is none, or none that can be read."""
    try:
        noted = json.loads((folder / _NOTE).read_text(encoding="ascii"))
        return NotedVerdict(datetime.fromisoformat(noted["at"]), int(noted["findings"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _seconds_since(instant: datetime) -> int:
    return max(0, int((datetime.now(UTC) - instant).total_seconds()))


def _takes_connections(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            return probe.connect_ex(str(path)) == 0
        except OSError:  # the path is longer than a socket's may be
            return False
