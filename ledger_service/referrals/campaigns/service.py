"""Commands on referral campaigns: ask for terms, decide as another person, go live, end, move the budget.

Each runs in the caller's unit of work and locks the campaign's row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from ledger_service.coupons.definitions.queries import terms_in_force
from ledger_service.coupons.terms.values import InstrumentKind
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.text import clean_text
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.points.models import programme
from ledger_service.points.programmes import id_of
from ledger_service.referrals.campaigns.errors import (
    ShareBudgetTooSmall,
    ShareCampaignStateWrong,
    ShareCampaignTaken,
    ShareCampaignUnknown,
    ShareTermsRefused,
)
from ledger_service.referrals.campaigns.models import share_campaign, share_campaign_version
from ledger_service.referrals.campaigns.rules import Terms, check_terms, terms_text

_C, _V = share_campaign.c, share_campaign_version.c


@dataclass(frozen=True, slots=True)
class Budget:
    """The most a campaign may promise: points, and by count rewards of every kind and coupons among them."""

    points: int
    rewards: int
    coupons: int = 0


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign that a merchant asks for, with its first terms and its budget."""

    code: str
    merchant_id: int
    programme: str
    name: str
    terms: Terms
    budget: Budget


@dataclass(frozen=True, slots=True)
class Said:
    """Who says something, and when; ``merchant_id`` is whose campaigns it may touch, None for all."""

    by: str
    at: datetime
    merchant_id: int | None = None


def ask(conn: Connection, new: NewCampaign, said: Said) -> bytes:
    """A draft waits for a second person; returns the campaign's id.

    Raises:
        ShareTermsRefused, ShareCampaignTaken, ProgrammeUnknown.
    """
    check_terms(new.terms)
    programme_id = id_of(conn, new.programme)
    _check_funder(conn, programme_id, new.merchant_id)
    _check_coupons(conn, new.terms, new.merchant_id, said.at)
    if conn.execute(select(_C.code).where(_C.code == new.code)).first() is not None:
        raise ShareCampaignTaken
    campaign_id = derive_id("share campaign", new.code)
    conn.execute(insert(share_campaign).values(
        campaign_id=campaign_id, code=new.code, merchant_id=new.merchant_id, programme_id=programme_id,
        name=clean_text(new.name, "name", 100), state="draft", version=0, most_points=new.budget.points,
        most_rewards=new.budget.rewards, most_coupons=new.budget.coupons, used_points=0, used_rewards=0,
        used_coupons=0, live_at=None, ended_at=None, created_at=said.at,
    ))  # fmt: skip
    _add_version(conn, campaign_id, 1, new.terms, said)
    return campaign_id


def revise(conn: Connection, code: str, terms: Terms, said: Said) -> int:
    """Another version waits for a second person; who was touched before keeps the one of that time.

    Raises:
        ShareCampaignUnknown, ShareTermsRefused, ShareCampaignStateWrong: it has ended, or a draft waits.
    """
    check_terms(terms)
    row = locked(conn, code, said.merchant_id)
    _check_depth(row, terms.depth)
    _check_coupons(conn, terms, row["merchant_id"], said.at)
    its = _V.campaign_id == row["campaign_id"]
    last = conn.execute(select(_V.version, _V.state).where(its).order_by(_V.version.desc()).limit(1)).one()
    if row["state"] == "ended" or last.state == "draft":
        raise ShareCampaignStateWrong(row["state"] if row["state"] == "ended" else "draft")
    _add_version(conn, row["campaign_id"], last.version + 1, terms, said)
    return int(last.version) + 1


def decide(conn: Connection, code: str, said: Said, *, approve: bool) -> str:
    """The version that waits is in force, or declined; returns the campaign's state.

    Raises:
        ShareCampaignUnknown, SecondPersonNeeded, ShareCampaignStateWrong: nothing waits. ShareTermsRefused:
            the chain has been told of fewer levels since.
    """
    row = locked(conn, code, said.merchant_id)
    its = (_V.campaign_id == row["campaign_id"]) & (_V.state == "draft")
    waiting = conn.execute(select(_V.version, _V.asked_by, _V.depth).where(its)).one_or_none()
    if waiting is None or row["state"] == "ended":
        raise ShareCampaignStateWrong(row["state"])
    if waiting.asked_by == said.by:
        raise SecondPersonNeeded
    if approve:
        _check_depth(row, waiting.depth)
    decided = {"state": "approved" if approve else "declined", "decided_by": said.by, "decided_at": said.at}
    conn.execute(update(share_campaign_version).where(its).values(decided))
    if not approve:
        return str(row["state"])
    state = "approved" if row["state"] == "draft" else row["state"]
    _change(conn, row, version=waiting.version, state=state)
    return str(state)


def go_live(conn: Connection, code: str, said: Said) -> None:
    """Touches count from now on.

    Raises:
        ShareCampaignUnknown, ShareCampaignStateWrong.
    """
    row = locked(conn, code, said.merchant_id)
    if row["state"] != "approved":
        raise ShareCampaignStateWrong(row["state"])
    _change(conn, row, state="live", live_at=said.at)


def end(conn: Connection, code: str, said: Said) -> None:
    """Purchases from now on are rewarded no more; what was promised stays promised.

    Raises:
        ShareCampaignUnknown, ShareCampaignStateWrong.
    """
    row = locked(conn, code, said.merchant_id)
    if row["state"] != "live":
        raise ShareCampaignStateWrong(row["state"])
    _change(conn, row, state="ended", ended_at=said.at)


def set_budget(conn: Connection, code: str, budget: Budget, said: Said) -> None:
    """The campaign may promise so much in all.

    Raises:
        ShareCampaignUnknown, ShareBudgetTooSmall.
    """
    row = locked(conn, code, said.merchant_id)
    used = Budget(row["used_points"], row["used_rewards"], row["used_coupons"])
    if not _fits(used, budget):
        raise ShareBudgetTooSmall(used.points, used.rewards, used.coupons)
    most = {"most_points": budget.points, "most_rewards": budget.rewards, "most_coupons": budget.coupons}
    _change(conn, row, **most)


class Budgets:
    """What campaigns may still promise: their rows are locked, what is taken is written down at once."""

    def __init__(self, conn: Connection, campaign_ids: Iterable[bytes]) -> None:
        its = select(share_campaign).where(_C.campaign_id.in_(list(campaign_ids)))
        rows = conn.execute(its.order_by(_C.campaign_id).with_for_update()).mappings()
        self._conn = conn
        self._rows = {row["campaign_id"]: row for row in rows}
        self._taken: dict[bytes, Budget] = {}

    def take(self, campaign_id: bytes, more: Budget) -> bool:
        """So much is promised; False where the budget does not hold that much, and then nothing is."""
        row, taken = self._rows[campaign_id], _sum(self._taken.get(campaign_id, Budget(0, 0)), more)
        used = _sum(Budget(row["used_points"], row["used_rewards"], row["used_coupons"]), taken)
        if not _fits(used, Budget(row["most_points"], row["most_rewards"], row["most_coupons"])):
            return False
        self._taken[campaign_id] = taken
        return True

    def write(self) -> None:
        """Write down what was taken; the constraints of the campaign's row say its budget again."""
        for campaign_id, taken in self._taken.items():
            used = {
                "used_points": _C.used_points + taken.points,
                "used_rewards": _C.used_rewards + taken.rewards,
                "used_coupons": _C.used_coupons + taken.coupons,
            }
            its = update(share_campaign).where(_C.campaign_id == campaign_id)
            self._conn.execute(its.values(used))


def locked(conn: Connection, code: str, merchant_id: int | None) -> RowMapping:
    """The campaign's row, locked.

    Raises:
        ShareCampaignUnknown: no such campaign of this merchant.
    """
    its = select(share_campaign).where(_C.code == code).with_for_update()
    row = conn.execute(its).mappings().one_or_none()
    if row is None or merchant_id not in (None, row["merchant_id"]):
        raise ShareCampaignUnknown
    return row


def _sum(one: Budget, other: Budget) -> Budget:
    return Budget(one.points + other.points, one.rewards + other.rewards, one.coupons + other.coupons)


def _fits(used: Budget, most: Budget) -> bool:
    return used.points <= most.points and used.rewards <= most.rewards and used.coupons <= most.coupons


def _check_coupons(conn: Connection, terms: Terms, merchant_id: int, at: datetime) -> None:
    """Coupons are the merchant's own, in force, free, and at its cost alone: it funds the campaign."""
    for definition_id in terms.coupons:
        found = terms_in_force(conn, definition_id, at)
        if found is None or found.kind is InstrumentKind.PAID:
            raise ShareTermsRefused("coupon-not-offered")
        if found.payer != merchant_id:
            raise ShareTermsRefused("coupon-of-another")


def _check_depth(row: RowMapping, depth: int) -> None:
    """Who joined a campaign of one level did not join one of two (INV-14): the contract refuses it too."""
    if row["told"] and depth > row["told_depth"]:
        raise ShareTermsRefused("deeper-than-opened")


def _check_funder(conn: Connection, programme_id: int, merchant_id: int) -> None:
    its = select(programme.c.merchant_id).where(programme.c.programme_id == programme_id)
    if conn.execute(its).scalar_one() != merchant_id:
        raise ShareTermsRefused("points-of-another")


def _add_version(conn: Connection, campaign_id: bytes, number: int, terms: Terms, said: Said) -> None:
    conn.execute(insert(share_campaign_version).values(
        campaign_id=campaign_id, version=number, body=terms_text(terms), depth=terms.depth,
        trigger_kind=terms.trigger.value, state="draft", asked_by=said.by, asked_at=said.at,
        decided_by=None, decided_at=None,
    ))  # fmt: skip


def _change(conn: Connection, row: RowMapping, **values: Any) -> None:
    conn.execute(update(share_campaign).where(_C.campaign_id == row["campaign_id"]).values(values))
