"""Commands on owners; each runs in the caller's unit of work and never commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import IdSource
from ledger_service.kernel.text import clean_text
from ledger_service.merchants.errors import MerchantUnknown, StoreUnknown
from ledger_service.merchants.models import merchant, store
from ledger_service.merchants.owners.errors import OwnersBackdated, OwnersKnown, OwnerUnknown
from ledger_service.merchants.owners.models import owner, store_owner
from ledger_service.merchants.owners.rules import BankAccount, Share, check_shares

_ID_BYTES = 8
_LONGEST_NAME, _LONGEST_TAX_NUMBER = 200, 32


@dataclass(frozen=True, slots=True)
class RegisterOwner:
    """A legal person of a merchant's, and where its money goes."""

    merchant_id: int
    name: str
    tax_number: str
    account: BankAccount


@dataclass(frozen=True, slots=True)
class SetOwners:
    """Whose a store is from an instant on; ``earliest`` is when the last closed period ended, if one has."""

    store_gln: int
    effective_from: datetime
    shares: Sequence[Share]
    earliest: datetime | None


class OwnersService:
    """Owners and their shares; ``by`` is the subject of the key that asked, and stands in the row."""

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids

    def register(self, conn: Connection, request: RegisterOwner, by: str, at: datetime) -> str:
        """The legal person stands; returns its id.

        Raises:
            MalformedField: a name or tax number that is no text.
            MerchantUnknown: no merchant has the GLN.
        """
        mine = select(merchant.c.merchant_id).where(merchant.c.merchant_id == request.merchant_id)
        if conn.execute(mine).first() is None:
            raise MerchantUnknown
        owner_id = self._ids.random_bytes(_ID_BYTES).hex()
        conn.execute(owner.insert().values(
            owner_id=owner_id, merchant_id=request.merchant_id,
            name=clean_text(request.name, "name", _LONGEST_NAME),
            tax_number=clean_text(request.tax_number, "tax_number", _LONGEST_TAX_NUMBER),
            iban=request.account.iban, bank_code=request.account.bank_code,
            account_number=request.account.account_number, created_by=by, created_at=at,
        ))  # fmt: skip
        return owner_id

    def set_owners(self, conn: Connection, request: SetOwners, by: str, at: datetime) -> None:
        """The store is theirs from the instant on, until a later set takes over.

        Raises:
            SharesNotWhole: the shares are not the whole, once each.
            OwnersBackdated: it would begin in a closed period.
            StoreUnknown: no store has the GLN.
            OwnerUnknown: an owner is not of the store's merchant.
            OwnersKnown: a set begins at the instant already.

        Locks: the store's row, so that two sets of one instant do not mix.
        """
        check_shares(request.shares)
        if request.earliest is not None and request.effective_from < request.earliest:
            raise OwnersBackdated(format_instant(request.earliest))
        where = store.c.gln == request.store_gln
        found = conn.execute(select(store.c.merchant_id).where(where).with_for_update()).one_or_none()
        if found is None:
            raise StoreUnknown
        self._must_be_of(conn, found.merchant_id, request.shares)
        s = store_owner.c
        same = (s.store_gln == request.store_gln) & (s.effective_from == request.effective_from)
        if conn.execute(select(s.owner_id).where(same)).first() is not None:
            raise OwnersKnown
        common = {"store_gln": request.store_gln, "effective_from": request.effective_from,
                  "set_by": by, "set_at": at}  # fmt: skip
        rows = [
            {**common, "owner_id": share.owner_id, "share_bps": share.share_bps} for share in request.shares
        ]
        conn.execute(store_owner.insert(), rows)

    def _must_be_of(self, conn: Connection, merchant_id: int, shares: Sequence[Share]) -> None:
        wanted = {share.owner_id for share in shares}
        mine = (owner.c.merchant_id == merchant_id) & owner.c.owner_id.in_(wanted)
        if set(conn.execute(select(owner.c.owner_id).where(mine)).scalars()) != wanted:
            raise OwnerUnknown
