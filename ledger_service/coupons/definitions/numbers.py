"""The GCN (AI 255) of a definition: 13 digits with the check digit, as an integer."""

from __future__ import annotations

from ledger_service.kernel.gs1 import with_check_digit

_BODY = 12


def gcn_of(prefix: str, definition: int) -> int | None:
    """The GCN of a definition under a GS1 company prefix; None where the prefix leaves no room for it."""
    room = _BODY - len(prefix)
    if room < 1 or definition >= 10**room:
        return None
    return int(with_check_digit(f"{prefix}{definition:0{room}d}"))
