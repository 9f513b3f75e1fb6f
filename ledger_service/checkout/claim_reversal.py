"""What a granted claim gave for a sale goes back with the goods of that sale (ADR 72, D10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ledger_service.checkout.attach.meanwhile import MemberJoined
from ledger_service.checkout.claim_reversal_rules import Kept, part_of_claim, since
from ledger_service.checkout.earn_reversal import Undoing
from ledger_service.checkout.records import ReturnedRecord, SaleRecord
from ledger_service.checkout.reversal_rules import Recovered, Source, earn_to_reverse, recover
from ledger_service.checkout.tier_reversal import percents_of_sale, rule_of_sale
from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.book import LOTS_OF_MEMBER
from ledger_service.outbox.models import State
from ledger_service.points.adjustments import ADJUSTMENT, OF_SALE, issue_of
from ledger_service.points.issuance import STANDING_OF_MEMBER, Grant, add_debt
from ledger_service.points.models import adjustment
from ledger_service.points.parties import MEMBER_BY_ID
from ledger_service.points.receipts.following import OF_ADJUSTMENT, follow
from ledger_service.points.receipts.issues import issue_behind
from ledger_service.points.reversal import EarnedIssue, Reversal, claw_back, clawable
from ledger_service.points.rules import terms_in_force
from ledger_service.points.set_aside import INTENT, SET_ASIDE_OF_MEMBER

_SERVICE = "service"


@dataclass(frozen=True, slots=True)
class _Given:
    """The approved answer: its row, its issue, and how far it is undone.

    ``done`` is what ``ReturnedRecord.claim`` keeps: the pieces that were back when it was asked for, and the
    points undone, taken from available ones, and owed so far.
    """

    row: Row
    issue: EarnedIssue
    pieces: dict[str, int]
    done: tuple[int, int, int]


class ClaimsOfSale:
    """The answers to claims that stand for one sale, as a refund of it locks, reads and undoes them.

    They are read once the sale's row is held, which whoever asks for one for a known sale holds, too. Which
    rows to lock is known only then, so the refund of a claimed sale decides twice, and that of others costs
    nothing more. What ``check`` has found is kept for that.

    Locks: their rows and those of their members, which order it against decisions and merges.
    """

    def __init__(self, sale_id: bytes) -> None:
        """Take the sale."""
        self._sale_id = sale_id
        self._locked: frozenset[tuple[bytes, int]] = frozenset()

    def locks(self) -> Iterable[Need]:
        """The answers, and the members whose they were when they were last looked at."""
        for adjustment_id, member_id in self._locked:
            yield ADJUSTMENT.of(adjustment_id)
            yield MEMBER_BY_ID.of(member_id)

    def reads(self) -> Iterable[Need]:
        """The answers as they are now, and what the members of those that are locked have."""
        yield OF_SALE.of(self._sale_id)
        for adjustment_id, member_id in self._locked:
            yield OF_ADJUSTMENT.of(adjustment_id)
            yield INTENT.of(issue_of(adjustment_id))
            yield LOTS_OF_MEMBER.of(member_id)
            yield STANDING_OF_MEMBER.of(member_id)

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What of a member the chain has refused, where it has refused the answer's issue (D7)."""
        for adjustment_id, member_id in self._locked:
            found = view.one(INTENT, issue_of(adjustment_id))
            if found is not None and found["state"] == State.SET_ASIDE.value:
                yield SET_ASIDE_OF_MEMBER.of(member_id)

    def check(self, draft: Draft) -> None:
        """They and their members are locked.

        Raises:
            MemberJoined: they are not yet.
        """
        rows = draft.find(OF_SALE, self._sale_id)
        held = frozenset((r["adjustment_id"], r["member_id"]) for r in rows if r["state"] != "declined")
        if held != self._locked:
            self._locked = held
            raise MemberJoined

    def undo(
        self, draft: Draft, before: SaleRecord, state: ReturnedRecord, refund: Callable[[int], Undoing]
    ) -> ReturnedRecord:
        """What was given for the goods that are back is gone; what was only asked for is given no more.

        Args:
            draft: has what this class reads.
            before: the sale.
            state: its returned state so far.
            refund: the refund as it is a member's, by the member's id.

        Returns:
            The new state.
        """
        approved = None
        for row in draft.find(OF_SALE, self._sale_id):
            if row["state"] == "approved":
                approved = row
            elif row["state"] == "asked":
                # It was reckoned from goods that are no longer all there.
                _decline(draft, row["adjustment_id"], refund(row["member_id"]).reversal.at)
        return state if approved is None else _undo(
            draft, before, state, (approved, refund(approved["member_id"]))
        )


def earns(row: Row) -> bool:
    """Whether a row of ``sale`` has an earn; no claim is granted for such a sale."""
    return row["member_id"] is not None and row["earned"] != "[]"


def _decline(draft: Draft, adjustment_id: bytes, at: datetime) -> None:
    draft.change(adjustment, adjustment_id, state="declined", decided_by=_SERVICE, decided_at=at)
    follow(draft, adjustment_id, state="declined")


def _undo(
    draft: Draft, before: SaleRecord, state: ReturnedRecord, answer: tuple[Row, Undoing]
) -> ReturnedRecord:
    """First available points, then the money given back, then a debt, as of an earn."""
    row, refund = answer
    given, scene, holder = _given(draft, before, row, refund), refund.scene, refund.reversal.holder
    lines, returned = since(Kept(before.sold_lines(), given.pieces, state.points_first), refund.returned)
    part = part_of_claim(lines, row["points"], _percents(before, given), _value(given))
    undone, available, debt = given.done
    free = sum(clawable(draft, holder, given.issue, seconds_floor(refund.reversal.at)).values())
    free = max(free - _restored(before, row, given), 0)
    source = Source(part, Recovered(0, available, debt), undone, part.points, 0, free)
    recovery = recover([source], lines, returned, scene.desk.exponent)
    now = recovery.programmes[0]
    more = now.available - available, now.debt - debt
    _take(draft, given, more, refund)
    done = [earn_to_reverse(part, lines, returned), now.available, now.debt]
    claim = [row["adjustment_id"].hex(), given.pieces, done]
    withheld = max(state.withheld_minor, recovery.withheld_minor)
    refund.outcome.claim = {"programme": given.issue.programme.code, "points": more[0], "debt": more[1]}
    return replace(state, claim=claim, withheld_minor=withheld)


def _given(draft: Draft, before: SaleRecord, row: Row, refund: Undoing) -> _Given:
    issue = issue_behind(draft, row, refund.scene.catalogue.programme(row["programme_id"]))
    kept = before.returned.claim
    pieces, done = (kept[1], tuple(kept[2])) if kept else (before.returned.pieces, (0, 0, 0))
    return _Given(row, issue, pieces, done)


def _percents(before: SaleRecord, given: _Given) -> tuple[int, ...]:
    rule = rule_of_sale(given.issue.programme, before)
    return (100,) * len(before.lines) if rule is None else percents_of_sale(rule, before)


def _value(given: _Given) -> int:
    """What a point was worth when the claim was granted, in micros."""
    terms = terms_in_force(given.issue.programme.terms, seconds_floor(given.row["decided_at"]))
    return terms.point_value_micros if terms is not None else 0


def _restored(before: SaleRecord, row: Row, given: _Given) -> int:
    """What earlier refunds of this sale gave back to the same member: that does not pay for its claim."""
    if before.spent is None or before.member_id != row["member_id"]:
        return 0
    pairs = zip(before.spent.legs, before.returned.restored, strict=False)
    mine = given.issue.programme.programme_id
    return sum(points for leg, points in pairs if leg.programme == mine)


def _take(draft: Draft, given: _Given, more: tuple[int, int], refund: Undoing) -> None:
    """So many available points go back, and so many are owed."""
    (available, debt), was = more, refund.reversal
    answer: dict[str, Canonical] = {"adjustment": id_text(given.row["adjustment_id"])}
    reversal = Reversal(was.holder, was.cause_id, was.at, {**was.facts, **answer})
    programme = given.issue.programme
    if available:
        refund.outcome.leaves += claw_back(draft, reversal, given.issue, available)
    if debt:
        cause = Grant(reversal.holder, programme, debt, reversal.at, reversal.cause_id, facts=reversal.facts)
        add_debt(draft, cause, debt)
