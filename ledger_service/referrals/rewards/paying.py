"""Paying and taking back: a due reward is promised on the chain, then issued once, pending first; it goes
back with the goods (D10). One that was made before there were such promises is issued as an earn.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.ledger.book import lots_of
from ledger_service.outbox.models import State
from ledger_service.points.catalogue import Catalogue, Programme
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
from ledger_service.referrals.rewards.commands import (
    EVENTS_OF_REWARD,
    REWARD,
    SERVICE,
    RewardCommand,
    leave,
    move_budget,
    note,
    refuse,
    void,
)
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.rewards.promising import TRY_AGAIN, needs_of, stand
from ledger_service.referrals.rewards.rules import STANDING, taken_back

# What no waiting mends: the points would end before they begin, or their programme would.
_FINAL = ("expired", "lapsed", "programme-ends", "calendar-exhausted")


class PointsCommand(RewardCommand):
    """A command on a reward of points: it reads the member's books of that programme too."""

    def __init__(self, reward_id: bytes, catalogue: Catalogue, worker: Worker, at: datetime) -> None:
        """Take the reward."""
        super().__init__(reward_id, at)
        self.catalogue, self.worker = catalogue, worker

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


class PayCommand(PointsCommand):
    """A due reward is promised on the chain; one whose promise stands there for good, or that was made
    without, is issued, or pending until it vests. One that cannot be now is tried again later, and one that
    never can be is refused for that reason.

    Idempotency: by the reward's state, and by the ids of promise and issue, which follow from the reward's.
    Invariants: INV-10, INV-14.
    """

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Its promise, too."""
        row = view.one(REWARD, self.reward_id)
        return [*super().reads_first(view), *(() if row is None else needs_of(row))]

    def apply(self, draft: Draft) -> str:
        """Promise or pay.

        Raises:
            BlockEmpty: the block must be refilled first.
        """
        row = draft.get(share_reward, self.reward_id)
        if row is None or row["state"] not in ("due", "promised") or row["until"] > self.at:
            return "due" if row is None else str(row["state"])
        member = draft.one(MEMBER_BY_ID, row["member_id"])
        if member is None or member["status"] == "erased":
            return refuse(draft, row, "erased", (SERVICE, self.at))
        programme = self.catalogue.programme(row["programme_id"])
        if member["status"] == "frozen" or issuer_is_suspended(draft, programme):
            return self._later(draft, row)
        holder = Holder.of(member)
        meanwhile = None if row["promise"] is None else stand(draft, row, holder.account, self.at)
        if meanwhile is not None:
            return meanwhile
        adopted = draft.one(INTENT, self.reward_id)
        if adopted is not None:
            return self._adopt(draft, row, adopted)
        issued = issue(draft, self._grant(row, holder, programme), self.worker)
        if issued.refused in _FINAL:
            return refuse(draft, row, issued.refused, (SERVICE, self.at))
        if issued.refused is not None:
            return self._later(draft, row)
        values = {"leaf": issued.leaf, "epoch": issued.epoch, "collected": issued.collected}
        return self._granted(draft, values, issued.state)

    def _grant(self, row: Row, holder: Holder, programme: Programme) -> Grant:
        reason = IssueReason.EARN if row["promise"] is None else IssueReason.REWARD
        return Grant(
            holder, programme, row["points"], self.at, self.reward_id, reason, sale_id=self.reward_id,
            facts=_facts(row), pending=after_days(row["vest_days"]),
            since=min(seconds_floor(row["sold_at"]), seconds_floor(self.at)),
        )  # fmt: skip

    def _adopt(self, draft: Draft, row: Row, sent: Row) -> str:
        """After a restore two operators had the chain's issue booked before the reward's turn came again."""
        operation = readable_operation(sent["payload"])
        if not isinstance(operation, Issue):
            raise LookupError("the issue of a reward cannot be read")
        leg = operation.leg
        values = {"leaf": sent["leaf"], "epoch": leg.epoch, "collected": row["points"] - leg.amount}
        return self._granted(draft, values, "available")

    def _granted(self, draft: Draft, values: dict[str, Any], where: str) -> str:
        draft.change(share_reward, self.reward_id, state="granted", **values)
        note(draft, self.reward_id, ("granted", where), (SERVICE, self.at))
        return "granted"

    def _later(self, draft: Draft, row: Row) -> str:
        draft.change(share_reward, row["reward_id"], until=self.at + TRY_AGAIN)
        return str(row["state"])


class ClawCommand(PointsCommand):
    """The goods came back: what was not issued is void, what was goes back, what was spent is a debt (D10).

    A promise on the chain goes back behind it (``returning``).

    Idempotency: by the reward's state. Invariants: INV-1, INV-9 (a reversal of the member's own earn).
    """

    def apply(self, draft: Draft) -> str:
        """Take back."""
        row = draft.get(share_reward, self.reward_id)
        if row is None or row["state"] not in STANDING:
            return "void" if row is None else str(row["state"])
        if row["state"] != "granted":
            return void(draft, row, self.at)
        move_budget(draft, row, -1)
        self._undo(draft, row)
        draft.change(share_reward, self.reward_id, state="clawed", **leave(row))
        note(draft, self.reward_id, ("clawed", "returned"), (SERVICE, self.at))
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


def _facts(row: Row) -> dict[str, Canonical]:
    """Why the points were issued: the commitment's number, not whom it names."""
    return {
        "reason": "referral", "share": id_text(row["reward_id"]), "commitment": row["number"],
        "role": row["role"], "depth": row["depth"],
    }  # fmt: skip
