"""Paying and taking back: a due reward is issued once, pending first; it goes back with the goods (D10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.db.bulk import Row
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.ledger.book import lots_of
from ledger_service.outbox.models import State
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.issuance import STANDING_OF_MEMBER, Grant, Worker, add_debt, issue
from ledger_service.points.parties import MEMBER_BY_ID, Holder, issuer_is_suspended, issuer_need
from ledger_service.points.pending_rules import after_days
from ledger_service.points.reversal import (
    PENDING,
    EarnedIssue,
    Reversal,
    claw_back,
    clawable,
    leaf_of_issue,
    pending_left,
    take_pending,
)
from ledger_service.points.set_aside import INTENT, SET_ASIDE_OF_MEMBER
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.rewards.models import share_reward, share_reward_event
from ledger_service.referrals.rewards.rules import taken_back

REWARD: Load = load_by(share_reward, "reward_id")
EVENTS_OF_REWARD: Load = load_by(share_reward_event, "reward_id")
CAMPAIGN: Load = load_by(share_campaign, "campaign_id")
TRY_AGAIN = timedelta(hours=1)
_R = share_reward.c
SERVICE = "service"


def due_rewards(conn: Connection, at: datetime, most: int) -> list[bytes]:
    """Rewards that are to be issued now."""
    its = select(_R.reward_id).where(_R.state == "due", _R.until <= at)
    return list(conn.execute(its.order_by(_R.until, _R.reward_id).limit(most)).scalars())


def standing_after(conn: Connection, after: bytes, most: int) -> list[Any]:
    """Rewards that goods coming back would undo, behind an id: id, sale, and what must be left of it."""
    its = select(_R.reward_id, _R.sale_id, _R.least_kept_minor).where(
        _R.state.in_(("held", "due", "granted", "appealed")), _R.reward_id > after
    )
    return list(conn.execute(its.order_by(_R.reward_id).limit(most)))


class RewardCommand(BookCommand[str]):
    """What every command on one reward locks and reads; answers the state that follows."""

    def __init__(self, reward_id: bytes, catalogue: Catalogue, worker: Worker, at: datetime) -> None:
        """Take the reward."""
        self.reward_id, self.catalogue, self.worker, self.at = reward_id, catalogue, worker, at

    def probe(self) -> Iterable[Need]:
        """The reward, for its member."""
        return [REWARD.of(self.reward_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, the campaign whose budget it is of, the reward."""
        row = view.one(REWARD, self.reward_id)
        if row is not None:
            yield MEMBER_BY_ID.of(row["member_id"])
            yield CAMPAIGN.of(row["campaign_id"])
        yield REWARD.of(self.reward_id)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The member's lots and standing, the issue as it stands, the block of the cap."""
        yield EVENTS_OF_REWARD.of(self.reward_id)
        row = view.one(REWARD, self.reward_id)
        if row is None:
            return
        programme = self.catalogue.programme(row["programme_id"])
        yield lots_of(row["member_id"])
        yield STANDING_OF_MEMBER.of(row["member_id"])
        yield PENDING.of(self.reward_id)
        yield INTENT.of(self.reward_id)
        yield from self.worker.needs([programme])
        yield issuer_need(programme)

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What of the member the chain has refused, where it has refused the reward (D7)."""
        row = view.one(REWARD, self.reward_id)
        if row is None:
            return
        sent = view.one(INTENT, self.reward_id)
        if sent is not None and sent["state"] == State.SET_ASIDE.value:
            yield SET_ASIDE_OF_MEMBER.of(row["member_id"])


class PayCommand(RewardCommand):
    """A due reward is issued, or promised until it vests; one that cannot be now is tried again later.

    Idempotency: by the reward's state, and by the issue's id, which is the reward's.
    Invariants: INV-10, INV-14.
    """

    def apply(self, draft: Draft) -> str:
        """Pay.

        Raises:
            BlockEmpty: the block must be refilled first.
        """
        row = draft.get(share_reward, self.reward_id)
        if row is None or row["state"] != "due" or row["until"] > self.at:
            return "due" if row is None else str(row["state"])
        member = draft.one(MEMBER_BY_ID, row["member_id"])
        if member is None or member["status"] == "erased":
            return refuse(draft, row, "erased", (SERVICE, self.at))
        programme = self.catalogue.programme(row["programme_id"])
        if member["status"] == "frozen" or issuer_is_suspended(draft, programme):
            return self._later(draft, row)
        grant = Grant(
            Holder.of(member), programme, row["points"], self.at, self.reward_id, sale_id=self.reward_id,
            facts=_facts(row), pending=after_days(row["vest_days"]),
            since=min(seconds_floor(row["sold_at"]), seconds_floor(self.at)),
        )  # fmt: skip
        issued = issue(draft, grant, self.worker)
        if issued.refused is not None:
            return self._later(draft, row)
        values = {"leaf": issued.leaf, "epoch": issued.epoch, "collected": issued.collected}
        draft.change(share_reward, self.reward_id, state="granted", **values)
        note(draft, self.reward_id, ("granted", issued.state), (SERVICE, self.at))
        return "granted"

    def _later(self, draft: Draft, row: Row) -> str:
        draft.change(share_reward, row["reward_id"], until=self.at + TRY_AGAIN)
        return "due"


class ClawCommand(RewardCommand):
    """The goods came back: what was not issued is void, what was goes back, what was spent is a debt (D10).

    Idempotency: by the reward's state. Invariants: INV-1, INV-9 (a reversal of the member's own earn).
    """

    def apply(self, draft: Draft) -> str:
        """Take back."""
        row = draft.get(share_reward, self.reward_id)
        if row is None or row["state"] not in ("held", "due", "granted", "appealed"):
            return "void" if row is None else str(row["state"])
        by = (SERVICE, self.at)
        give_back_budget(draft, row)
        if row["state"] != "granted":
            draft.change(share_reward, self.reward_id, state="void")
            note(draft, self.reward_id, ("void", "returned"), by)
            return "void"
        self._undo(draft, row)
        draft.change(share_reward, self.reward_id, state="clawed")
        note(draft, self.reward_id, ("clawed", "returned"), by)
        return "clawed"

    def _undo(self, draft: Draft, row: Row) -> None:
        member = draft.one(MEMBER_BY_ID, row["member_id"])
        if member is None:
            raise LookupError("the member of a reward is gone")
        holder, programme = Holder.of(member), self.catalogue.programme(row["programme_id"])
        made = EarnedIssue(programme, self.reward_id, row["leaf"], row["epoch"])
        cause, facts = derive_id("share clawback", self.reward_id), _facts(row)
        reversal = Reversal(holder, cause, self.at, facts)
        free = sum(clawable(draft, holder, made, seconds_floor(self.at)).values())
        sent = leaf_of_issue(draft, made) is not None
        issued = row["points"] - row["collected"] if sent else 0
        taken = taken_back(row["points"], pending_left(draft, self.reward_id), free, issued)
        if taken.pending:
            take_pending(draft, reversal, made, taken.pending, self.worker)
        if taken.available:
            claw_back(draft, reversal, made, taken.available)
        if taken.debt:
            add_debt(draft, Grant(holder, programme, taken.debt, self.at, cause, facts=facts), taken.debt)


def refuse(draft: Draft, row: Row, reason: str, by: tuple[str, datetime]) -> str:
    """The reward is refused, and the campaign has its budget back."""
    give_back_budget(draft, row)
    draft.change(share_reward, row["reward_id"], state="refused", decided_by=by[0], until=by[1])
    note(draft, row["reward_id"], ("refused", reason), by)
    return "refused"


def give_back_budget(draft: Draft, row: Row) -> None:
    """What the reward took of its campaign's budget may be promised again."""
    campaign = draft.get(share_campaign, row["campaign_id"])
    if campaign is None:
        raise LookupError("the campaign of a reward is gone")
    draft.change(
        share_campaign, row["campaign_id"], used_points=campaign["used_points"] - row["points"],
        used_rewards=campaign["used_rewards"] - 1,
    )  # fmt: skip


def note(draft: Draft, reward_id: bytes, what: tuple[str, str], by: tuple[str, datetime]) -> None:
    """What happened to the reward is written down: its kind, its reason, by whom, when."""
    position = len(draft.find(EVENTS_OF_REWARD, reward_id))
    draft.add(share_reward_event, {
        "reward_id": reward_id, "position": position, "kind": what[0], "by_whom": by[0], "reason": what[1],
        "at": by[1],
    })  # fmt: skip


def _facts(row: Row) -> dict[str, Canonical]:
    """Why the points were issued: the commitment's number, not whom it names."""
    return {
        "reason": "referral", "share": id_text(row["reward_id"]), "commitment": row["number"],
        "role": row["role"], "depth": row["depth"],
    }  # fmt: skip
