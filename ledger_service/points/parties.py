"""Who a points operation concerns, as its command has loaded it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.ledger.rules import Account, Part, member_account
from ledger_service.members.models import member
from ledger_service.merchants.models import merchant
from ledger_service.points.catalogue import Programme

MEMBER_BY_ID: Load = load_by(member, "member_id")
MEMBER_BY_ACCOUNT: Load = load_by(member, "account")
MEMBER_BY_NUMBER: Load = load_by(member, "member_number")
MERCHANT: Load = load_by(merchant, "merchant_id")


@dataclass(frozen=True, slots=True)
class Holder:
    """A member whose row is locked: the id, the pseudonymous account and the base of the ledger accounts.

    ``birthday`` is month times 100 plus day, where the member gave it; ``household`` marks one's account.
    """

    member_id: int
    account: bytes
    ledger_base: int
    birthday: int | None = None
    household: bool = False

    @staticmethod
    def of(row: Mapping[str, Any]) -> Holder:
        """The holder of a row of ``member``."""
        who = row["member_id"], row["account"], row["ledger_base"]
        return Holder(*who, row["birthday"], row["household"] is True)

    def part(self, part: Part) -> Account:
        """One of the member's own ledger accounts."""
        return member_account(self.member_id, self.ledger_base, part)


def issuer_need(programme: Programme) -> Need:
    """What ``issuer_is_suspended`` reads."""
    return MERCHANT.of(programme.merchant_id)


def issuer_is_suspended(draft: Draft, programme: Programme) -> bool:
    """Whether the contract would refuse issues and gifts of the programme that are accepted now (D7).

    Restores, clawbacks and expiries it takes from a suspended merchant too.
    """
    issuer = draft.one(MERCHANT, programme.merchant_id)
    return issuer is not None and issuer["status"] == "suspended"
