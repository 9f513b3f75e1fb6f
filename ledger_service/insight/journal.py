"""The journal of erasures: a file beside the database, by which a restored backup erases again.

One line for each: the member's row number, when it enrolled, when it was erased; nobody is found by these. It
must outlive the database and its backups.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from ledger_service.insight.erasing import Erased
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import MalformedField


@dataclass(frozen=True, slots=True)
class Journal:
    """The file at a path, which need not be there yet."""

    path: Path

    def append(self, erased: Iterable[Erased]) -> None:
        """The erasures stand in the journal, on the disk; a line that was written twice does no harm."""
        lines = b"".join(
            b"\n" + orjson.dumps({
                "member": one.member_id, "enrolled": format_instant(one.enrolled_at),
                "at": format_instant(one.at),
            })
            for one in erased
        )  # fmt: skip
        with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
            # A line that a crash cut off ends here, and its erasure is written again.
            file.write(lines + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[Erased]:
        """What stands in the journal, in its order; a line that was cut off is left out."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for line in file:
                found = _erased(line)
                if found is not None:
                    yield found


def _erased(line: bytes) -> Erased | None:
    try:
        told = orjson.loads(line)
        enrolled = parse_instant(told["enrolled"], "enrolled")
        return Erased(int(told["member"]), enrolled, parse_instant(told["at"], "at"))
    except (ValueError, KeyError, TypeError, MalformedField):
        return None
