"""The way of a thing as it is shown: without what somebody told of it who had nothing to do with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from ledger_service.traceability.epcis.contradictions import standing
from ledger_service.traceability.epcis.findings import facts_by_key
from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.things import key_of
from ledger_service.traceability.epcis.walk import History, history_of
from ledger_service.traceability.moving.containers import SSCC, counting
from ledger_service.traceability.moving.service import brands_of

# One round finds strangers' words about what the round before led to; a pallet is four deep.
_MOST_ROUNDS = 6


def way_of(conn: Connection, names: Sequence[str]) -> History:
    """All that counts of an item, by time; what strangers packed it into is not followed.

    Args:
        conn: any; a snapshot where the answer must hold together.
        names: of the item, in any form, as ``history_of`` has them.
    """
    strange: set[int] = set()
    known: set[str] = set()
    found = history_of(conn, names)
    for _ in range(_MOST_ROUNDS):
        fresh = {*map(normal_name, names), *(step.subject for step in found.steps)} - known
        known |= fresh
        more = strangers_events(conn, fresh) - strange
        if not more:
            break
        strange |= more
        found = history_of(conn, names, strange)
    return found


def strangers_events(conn: Connection, names: Iterable[str]) -> set[int]:
    """The numbers of the events that somebody told of items of ours, cases and pallets who had nothing to do
    with them."""
    wanted = {key_of(name): name for name in names}
    if not wanted:
        return set()
    brands = brands_of(conn, wanted.values())
    judged = brands.keys() | {key for key, name in wanted.items() if name.startswith(SSCC)}
    facts = {key: standing(some) for key, some in facts_by_key(conn, sorted(judged)).items()}
    held = counting(conn, facts, brands)
    return {one.event_seq for key in facts for one in held[key].foreign}
