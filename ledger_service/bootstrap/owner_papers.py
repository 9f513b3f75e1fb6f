"""The paper of owners: a merchant's lines of a period, split to who owned the store where each happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from ledger_service.chain.period_lines import period_lines, redemptions_behind
from ledger_service.checkout.spent_at import places_of_redemptions
from ledger_service.kernel.gs1 import gln_text
from ledger_service.merchants.owners.queries import OwnerView, owners_after, ownership_of
from ledger_service.merchants.owners.rules import Share, split
from ledger_service.settlement.bank.accounts import BankAccount, is_bic
from ledger_service.settlement.bank.errors import OwnersUntold
from ledger_service.settlement.bank.receipts import Due
from ledger_service.settlement.papers.owned import NOBODY, Owned, OwnedKey, Split, owned_csv, owned_of

_MOST_OWNERS = 1_000_000


def owners_paper(conn: Connection, period: int, merchant: int) -> bytes | None:
    """The CSV of the merchant's owners; None for a merchant that registered none.

    The chain knows the lines, the database where each happened. The parts of all owners, and of nobody (no
    set in force then, or a sale that a restore lost), sum to the statement.
    """
    found = owners_after(conn, merchant, None, _MOST_OWNERS)
    persons = {person.owner_id: (person.name, person.tax_number) for person in found}
    return owned_csv(merchant, _Behind(conn, period, merchant).owned(), persons) if persons else None


def owner_dues(conn: Connection, period: int, own: BankAccount) -> list[Due]:
    """What the period's lines owe each owner of a merchant's stores, the lowest id first; what has no owner
    is the merchant's own.

    Args:
        conn: a snapshot.
        period: a closed one, so that neither its lines nor its owners change any more.
        own: the merchant's account.

    Raises:
        OwnersUntold: sales of the period are not here any more.
    """
    behind = _Behind(conn, period, own.merchant)
    if behind.untold:
        raise OwnersUntold(gln_text(own.merchant), behind.untold)
    found = owners_after(conn, own.merchant, None, _MOST_OWNERS)
    accounts = {NOBODY: own} | {one.owner_id: _account_of(one) for one in found}
    owed: Counter[str] = Counter()
    for key, part in behind.owned().items():
        if key.issuer != own.merchant:
            owed[key.owner_id] += part.value_micros - part.fee_micros
    return [Due(accounts[owner_id], owed[owner_id]) for owner_id in sorted(owed)]


def _account_of(person: OwnerView) -> BankAccount:
    """A bank's code is a BIC, or its number in the national clearing system."""
    given = person.account
    if given.iban is not None:
        return BankAccount(person.merchant_id, person.name, iban=given.iban)
    code, number = given.bank_code or "", given.account_number or ""
    bank = {"bic": code} if is_bic(code) else {"member": code}
    return BankAccount(person.merchant_id, person.name, account=number, **bank)


class _Behind:
    """The redemptions behind a merchant's lines of a period, and whose the store of each was."""

    def __init__(self, conn: Connection, period: int, merchant: int) -> None:
        self._merchant = merchant
        self._lines = [line for line in period_lines(conn, period, own=True) if line.creditor == merchant]
        self._behind = redemptions_behind(conn, period)
        redemptions = {self._redemption(line.op_id) for line in self._lines}
        places, ownership = places_of_redemptions(conn, merchant, redemptions), ownership_of(conn, merchant)
        self._shares = {op_id: ownership.at(*place) for op_id, place in places.items()}
        self.untold = len(redemptions - places.keys())

    def owned(self) -> dict[OwnedKey, Owned]:
        """The lines split to owners; to nobody where no owner is known."""
        shares = self._shares
        return owned_of(
            self._merchant, self._lines, lambda op_id: _split_by(shares.get(self._redemption(op_id), ()))
        )

    def _redemption(self, op_id: bytes) -> bytes:
        return self._behind.get(op_id, op_id)


def _split_by(shares: Sequence[Share]) -> Split:
    def by_shares(amount: int) -> Mapping[str, int]:
        return split(amount, shares) if shares else {NOBODY: amount}

    return by_shares
