"""Which findings open a case, and how a case may go on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.traceability.scanning.rules import Judgement

CONTRADICTION = "contradiction"
KINDS = ("unknown-burst", "repeat", "impossible-travel", "diversion", CONTRADICTION)
STATES = ("open", "assigned", "closed")
CLOSURES = ("confirmed", "false-alarm", "diverted", "counterfeit", "explained", "duplicate")
EVENTS = ("opened", "seen", "assigned", "noted", "closed")
# Evidence beyond these is in the scans; a case must stay readable.
MOST_EVENTS = 200


def kinds_of(judgement: Judgement) -> Sequence[str]:
    """The kinds of case that a scan's judgement asks for."""
    said = (*judgement.reasons, *judgement.hints)
    asked = {"burst-of-unknown": "unknown-burst", "claimed-by-another": "repeat", "sold-twice": "repeat",
             "impossible-travel": "impossible-travel", "outside-market": "diversion"}  # fmt: skip
    return tuple(dict.fromkeys(asked[reason] for reason in said if reason in asked))
