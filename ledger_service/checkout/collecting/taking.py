"""A reward whose receipts fell below its spend goes back: the coupon where it is free, else a debt (D10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.checkout.collecting.models import spend_reward
from ledger_service.checkout.collecting.rules import LOST, OWED, TAKEN
from ledger_service.checkout.couponing.models import sale_coupon, sale_coupon_return
from ledger_service.coupons.terms.values import Reward, Terms
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import Act, note
from ledger_service.coupons.wallet.rules import AVAILABLE, CONSUMED, RESERVED, VOID
from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.money import micros_of_minor
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.issuance import Grant, add_debt
from ledger_service.points.parties import Holder
from ledger_service.points.rules import terms_in_force

USE: Load = load_by(sale_coupon, "sale_id", "coupon_id")
RETURNS: Load = load_by(sale_coupon_return, "sale_id", "coupon_id")
SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Taking:
    """Who takes rewards back: of which member, when, and what a point of each programme is worth."""

    holder: Holder
    at: datetime
    points: Catalogue
    exponent: int

    def back(self, draft: Draft, reward: Mapping[str, Any], terms: Terms) -> bool:
        """The reward is no more; False where a hold reserves its coupon, whose end must be waited for.

        Reads: the coupon, ``uses_of`` it, and the member's standing.
        """
        reward_id = reward["reward_id"]
        row = draft.get(coupon, reward_id)
        if row is None or row["state"] == RESERVED:
            return False
        mine = row["state"] == AVAILABLE and row["holder"] == self.holder.member_id
        if mine:
            act = Act(reward_id, self.holder.member_id, SERVICE, self.at)
            note(draft, row, ("voided", act), state=VOID)
        minor = 0 if mine or row["state"] == VOID else _worth(draft, row, terms)
        points = self._owed(draft, reward_id, terms, minor) if minor else 0
        state = TAKEN if not minor else OWED if points else LOST
        ended = {"state": state, "ended_at": self.at, "minor": minor, "points": points}
        draft.change(spend_reward, reward_id, **ended)
        return True

    def _owed(self, draft: Draft, reward_id: bytes, terms: Terms, minor: int) -> int:
        """The points of the owner that the member owes for it, rounded down; 0 where it has no programme."""
        second = seconds_floor(self.at)
        for programme in self.points.by_issuer.get(terms.merchant, ()):
            worth = terms_in_force(programme.terms, second)
            if worth is not None and worth.point_value_micros:
                points = micros_of_minor(minor, self.exponent) // worth.point_value_micros
                if points:
                    add_debt(draft, self._grant(programme, reward_id, points), points)
                return points
        return 0

    def _grant(self, programme: Programme, reward_id: bytes, points: int) -> Grant:
        facts = {"reason": "spend-reward", "reward": id_text(reward_id)}
        cause = derive_id("spend reward back", reward_id)
        return Grant(self.holder, programme, points, self.at, cause, facts=facts)


def uses_of(row: Mapping[str, Any]) -> list[Need]:
    """What is read of a coupon's use, where it was used."""
    if row["state"] != CONSUMED:
        return []
    key = row["used_by"], row["coupon_id"]
    return [USE.of(*key), RETURNS.of(*key)]


def _worth(draft: Draft, row: Mapping[str, Any], terms: Terms) -> int:
    """What the coupon took off and did not give back; of one that was given away, what it may take off."""
    if row["state"] != CONSUMED:
        return terms.benefit.minor if isinstance(terms.benefit, Reward) else 0
    key = row["used_by"], row["coupon_id"]
    used = draft.get(sale_coupon, key)
    back = sum(one["returned_minor"] for one in draft.find(RETURNS, *key))
    return 0 if used is None else int(used["discount_minor"]) - back
