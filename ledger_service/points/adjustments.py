"""Adjustments: points added, or given a later end, for a reason, by one person, approved by another, within
limits (D18)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.operations import IssueReason
from ledger_service.kernel.text import clean_text
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.rules import Part
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.models import member
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.models import merchant
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.errors import (
    AdjustmentDecided,
    AdjustmentUnknown,
    IssuerSuspended,
    NothingToExtend,
    NotIssuable,
    SecondPersonNeeded,
)
from ledger_service.points.extension import Prolonging, extend, require_extending_house
from ledger_service.points.issuance import STANDING_OF_MEMBER, Grant, Worker, issue
from ledger_service.points.limits.models import adjustment_agent, adjustment_limit
from ledger_service.points.limits.rules import AdjustmentLimits, check, day_of, in_force, taken
from ledger_service.points.limits.service import check_fits, lock_agent
from ledger_service.points.models import adjustment, member_programme, programme_epoch
from ledger_service.points.parties import MEMBER_BY_ID, MERCHANT, Holder, issuer_is_suspended, issuer_need
from ledger_service.points.programmes import id_of
from ledger_service.points.receipts.following import OF_ADJUSTMENT, follow
from ledger_service.points.requests import AskAdjustment
from ledger_service.points.rules import is_open

EXTENSION = "extension"
ADJUSTMENT: Load = load_by(adjustment, "adjustment_id")
AGENT: Load = load_by(adjustment_agent, "subject")
IN_FORCE: Load = load_by(adjustment_limit, "state")
OF_DAY: Load = load_by(adjustment, "asked_day")
OF_MEMBER: Load = load_by(adjustment, "member_id")
OF_SALE: Load = load_by(adjustment, "sale_id")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, under which idempotency key, when."""

    subject: str
    key: str
    at: datetime


def ask(conn: Connection, request: AskAdjustment, asked: Asked, limits: AdjustmentLimits) -> bytes:
    """The adjustment waits for a second person; returns its id.

    Raises:
        MemberUnknown, ProgrammeUnknown, MerchantUnknown: no such member, programme or funder.
        AdjustmentLimitReached: over a limit.
        MalformedField: no note; an extension that does not lead to a later epoch which has not ended.
        HouseTakesNoExtensions: the ClearingHouse in force cannot extend points.

    Locks: the rows of the agent, the member and the funder, so that requests at once count each other.
    """
    lock_agent(conn, asked.subject)
    programme_id = id_of(conn, request.programme)
    if request.reason == EXTENSION:
        _check_extension(conn, request, programme_id, asked.at)
    adjustment_id = derive_id("adjustment", asked.subject, asked.key)
    values = {
        "adjustment_id": adjustment_id,
        "member_id": _locked_member(conn, request.member_number),
        "programme_id": programme_id,
        "points": request.points,
        "reason": request.reason,
        "note": clean_text(request.note, "note", 500),
        "funder_merchant_id": _locked_funder(conn, request.funder_merchant_id),
        "requested_by": asked.subject,
        "requested_at": asked.at,
        "state": "asked",
        "epoch": request.epoch,
        "into_epoch": request.into_epoch,
        "asked_day": day_of(asked.at),
        "claim_id": request.claim_id,
    }
    check_fits(conn, values, limits)
    conn.execute(insert(adjustment).values(values))
    return adjustment_id


def _check_extension(conn: Connection, request: AskAdjustment, programme_id: int, at: datetime) -> None:
    require_extending_house(conn)
    epoch, mine = programme_epoch.c, programme_epoch.c.programme_id == programme_id
    wanted = (request.epoch, request.into_epoch)
    ends = dict(conn.execute(select(epoch.epoch, epoch.ends_at).where(mine & epoch.epoch.in_(wanted))).all())
    if wanted[0] not in ends:
        raise MalformedField("epoch", "must be an epoch of the programme")
    if ends.get(wanted[1], 0) <= max(ends[wanted[0]], seconds_floor(at)):
        raise MalformedField("into_epoch", "must be a later epoch of the programme that has not ended")


def _locked_member(conn: Connection, number: str) -> int:
    mine = select(member.c.member_id).where(member.c.member_number == number)
    found: int | None = conn.execute(mine.with_for_update(key_share=True)).scalar_one_or_none()
    if found is None:
        raise MemberUnknown
    return found


def _locked_funder(conn: Connection, merchant_id: int) -> int:
    its = select(merchant.c.merchant_id).where(merchant.c.merchant_id == merchant_id)
    if conn.execute(its.with_for_update(key_share=True)).first() is None:
        raise MerchantUnknown
    return merchant_id


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides which adjustment, and how."""

    adjustment_id: bytes
    decided_by: str
    approve: bool
    at: datetime


def issue_of(adjustment_id: bytes) -> bytes:
    """The id of what an approved adjustment issues."""
    return derive_id("adjust", adjustment_id)


class DecideCommand(BookCommand[str]):
    """The adjustment is approved, and its points issued or extended, or declined; answers the state.

    Idempotency: an adjustment is decided once.
    """

    def __init__(
        self, decision: Decision, catalogue: Catalogue, worker: Worker, most: AdjustmentLimits
    ) -> None:
        """Take the decision; ``most`` are the limits of the service itself."""
        self.decision = decision
        self.most = most
        self.catalogue = catalogue
        self.worker = worker

    def probe(self) -> Iterable[Need]:
        """The adjustment, for its member."""
        return [ADJUSTMENT.of(self.decision.adjustment_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The adjustment, who asked for it, the member and the funder: whose sums it counts in."""
        row = view.one(ADJUSTMENT, self.decision.adjustment_id)
        yield ADJUSTMENT.of(self.decision.adjustment_id)
        if row is not None:
            yield AGENT.of(row["requested_by"])
            yield MEMBER_BY_ID.of(row["member_id"])
            yield MERCHANT.of(row["funder_merchant_id"])

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Lots, standing, the block of the cap, and the issuer."""
        row = view.one(ADJUSTMENT, self.decision.adjustment_id)
        if row is None:
            return
        yield lots_of(row["member_id"])
        yield STANDING_OF_MEMBER.of(row["member_id"])
        yield OF_ADJUSTMENT.of(row["adjustment_id"])
        yield IN_FORCE.of("in-force")
        yield OF_MEMBER.of(row["member_id"])
        if row["asked_day"] is not None:
            yield OF_DAY.of(row["asked_day"])
        programme = self.catalogue.programmes[row["programme_id"]]
        yield from self.worker.needs([programme])
        yield issuer_need(programme)

    def apply(self, draft: Draft) -> str:
        """Decide.

        Raises:
            AdjustmentUnknown, AdjustmentDecided, SecondPersonNeeded: it cannot be decided like this.
            AdjustmentLimitReached: with what was approved before, over the limits that are in force by now.
            MemberFrozen: the member is frozen.
            IssuerSuspended: the contract would refuse the issue; the adjustment goes on waiting.
            NotIssuable: the cap is exhausted, or the calendar.
            BlockEmpty: a block of the cap must be refilled first.
            NothingToExtend: of an extension, nothing is left of the lot, or the later epoch has ended.
        """
        decision = self.decision
        row = draft.get(adjustment, decision.adjustment_id)
        text = id_text(decision.adjustment_id)
        if row is None:
            raise AdjustmentUnknown(text)
        if row["state"] != "asked":
            raise AdjustmentDecided(text, row["state"])
        if row["requested_by"] == decision.decided_by:
            raise SecondPersonNeeded
        if decision.approve:
            self._check_fits(draft, row)
        if decision.approve and row["reason"] == EXTENSION and row["epoch"] is not None:
            self._extend(draft, row)
        elif decision.approve:
            self._issue(draft, row)
        state = "approved" if decision.approve else "declined"
        draft.change(
            adjustment,
            decision.adjustment_id,
            state=state,
            decided_by=decision.decided_by,
            decided_at=decision.at,
        )
        follow(draft, decision.adjustment_id, state=state)
        return state

    def _check_fits(self, draft: Draft, row: Mapping[str, Any]) -> None:
        if row["asked_day"] is None:
            return  # asked for before there were limits of a day
        near = {r["adjustment_id"]: r for r in draft.find(OF_DAY, row["asked_day"])}
        near |= {r["adjustment_id"]: r for r in draft.find(OF_MEMBER, row["member_id"])}
        limits = in_force(draft.find(IN_FORCE, "in-force"), row["funder_merchant_id"], self.most)
        check(row["points"], taken(near.values(), row, ("approved",)), limits)

    def _owner(self, draft: Draft, member_id: int) -> Any:
        owner = draft.one(MEMBER_BY_ID, member_id)
        if owner is None or owner["status"] != "active":
            raise MemberFrozen
        return owner

    def _extend(self, draft: Draft, row: Any) -> None:
        """What is still available of the lot, at most what was asked for, goes to the later epoch."""
        owner, epoch, into = self._owner(draft, row["member_id"]), row["epoch"], row["into_epoch"]
        programme, adjustment_id = self.catalogue.programmes[row["programme_id"]], self.decision.adjustment_id
        standing = draft.get(member_programme, (row["member_id"], row["programme_id"]))
        if standing is not None and standing["frozen"]:
            raise MemberFrozen
        there = Book(draft).part(row["member_id"], Part.AVAILABLE, programme.programme_id, epoch)
        points = min(row["points"], there)
        if not points or not is_open(programme.epoch_ends, into, seconds_floor(self.decision.at)):
            raise NothingToExtend(programme.code, epoch)
        facts: dict[str, Canonical] = {
            "adjustment": id_text(adjustment_id), "from_epoch": epoch, "into_epoch": into,
        }  # fmt: skip
        op_id = derive_id("adjust", adjustment_id)
        what = Prolonging(Holder.of(owner), programme, epoch, into, points, op_id, facts)
        extend(draft, what, self.decision.at)

    def _issue(self, draft: Draft, row: Mapping[str, Any]) -> None:
        owner = self._owner(draft, row["member_id"])
        programme = self.catalogue.programmes[row["programme_id"]]
        if issuer_is_suspended(draft, programme):
            raise IssuerSuspended(programme.code)
        op_id = issue_of(self.decision.adjustment_id)
        grant = Grant(
            Holder.of(owner),
            programme,
            row["points"],
            self.decision.at,
            op_id,
            IssueReason.ADJUSTMENT,
            facts=_facts(row),
        )
        issued = issue(draft, grant, self.worker)
        if issued.refused is not None:
            raise NotIssuable(programme.code, issued.refused)


def _facts(row: Mapping[str, Any]) -> dict[str, Canonical]:
    answers = {} if row["claim_id"] is None else {"claim": id_text(row["claim_id"])}
    return {"adjustment": id_text(row["adjustment_id"]), "reason": row["reason"], **answers}


def forget_member(conn: Connection, member_id: int) -> None:
    """What people wrote about the erased member is gone; what was given, why and by whom stays."""
    conn.execute(update(adjustment).where(adjustment.c.member_id == member_id).values(note=""))
