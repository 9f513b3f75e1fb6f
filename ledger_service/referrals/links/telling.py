"""The chain of commitments on its way into the transparency log, so that it is not the operator's alone.

Each commitment is a word of the log: its number and hash, the chain's hash behind it, and when it was made.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from ledger_service.kernel.canonical import Canonical, canonical_json
from ledger_service.kernel.clock import format_instant
from ledger_service.referrals.links.binding import Committed, commitments_after
from ledger_service.referrals.links.models import share_head
from ledger_service.traceability.log.words import Word, last_told, tell

KIND = "share"
STEP_WORDS = 1_000


def word_of(link: Committed) -> Word:
    """What the log says of a commitment; nobody can tell from it who brought whom."""
    said: Canonical = {
        "share": link.number, "commitment": link.commitment.hex(), "chain": link.hash.hex(),
        "at": format_instant(link.committed_at),
    }  # fmt: skip
    return Word(link.number, canonical_json(said))


def something_to_tell(conn: Connection) -> bool:
    """Whether there are commitments that the log does not have."""
    made = conn.execute(select(share_head.c.number)).scalar_one_or_none() or 0
    return made > last_told(conn, KIND)


def tell_commitments(conn: Connection, most: int = STEP_WORDS) -> int:
    """The next commitments are in the log's order when the caller commits; returns how many.

    Idempotency: what was told last is where it goes on.
    """
    links = commitments_after(conn, last_told(conn, KIND), most)
    tell(conn, KIND, [word_of(link) for link in links])
    return len(links)
