"""The paper of owners: a merchant's lines of a period, split to who owned the store where each happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from ledger_service.chain.period_lines import period_lines, redemptions_behind
from ledger_service.checkout.spent_at import places_of_redemptions
from ledger_service.merchants.owners.queries import owners_after, ownership_of
from ledger_service.merchants.owners.rules import Share, split
from ledger_service.settlement.papers.owned import NOBODY, Split, owned_csv, owned_of

_MOST_OWNERS = 1_000_000


def owners_paper(conn: Connection, period: int, merchant: int) -> bytes | None:
    """The CSV of the merchant's owners; None for a merchant that registered none.

    The chain knows the lines, the database where each happened. The parts of all owners, and of nobody (no
    set in force then, or a sale that an archive holds), sum to the statement.
    """
    found = owners_after(conn, merchant, None, _MOST_OWNERS)
    persons = {person.owner_id: (person.name, person.tax_number) for person in found}
    if not persons:
        return None
    lines = [line for line in period_lines(conn, period, own=True) if line.creditor == merchant]
    behind = redemptions_behind(conn, period)
    redemptions = {behind.get(line.op_id, line.op_id) for line in lines}
    places, ownership = places_of_redemptions(conn, merchant, redemptions), ownership_of(conn, merchant)
    shares = {op_id: ownership.at(*place) for op_id, place in places.items()}
    owned = owned_of(merchant, lines, lambda op_id: _split_by(shares.get(behind.get(op_id, op_id), ())))
    return owned_csv(merchant, owned, persons)


def _split_by(shares: Sequence[Share]) -> Split:
    def by_shares(amount: int) -> Mapping[str, int]:
        return split(amount, shares) if shares else {NOBODY: amount}

    return by_shares
