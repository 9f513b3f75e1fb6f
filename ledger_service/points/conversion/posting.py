"""The one entry of a conversion, and its operation for the chain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ledger_service.db.workset import Draft
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.operations import Convert, IssueReason
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book
from ledger_service.ledger.rules import Part
from ledger_service.outbox.service import enqueue
from ledger_service.points.conversion.deals import Deal
from ledger_service.points.conversion.postings import conversion_movements
from ledger_service.points.issuance import Grant, Worker, take_block
from ledger_service.points.parties import Holder


class Permitted(NamedTuple):
    """What the member signed; nothing where the programme has ended."""

    nonce: int = 0
    least_points: int = 0
    valid_until: int = 0
    digest: bytes = bytes(32)
    signature: bytes = b""


class Conversion(NamedTuple):
    """Lots of a member, as (epoch, points), that convert by a deal."""

    op_id: bytes
    holder: Holder
    deal: Deal
    taken: Sequence[tuple[int, int]]
    at: datetime

    @property
    def points(self) -> int:
        """All of them."""
        return sum(points for _, points in self.taken)


def has_room(draft: Draft, what: Conversion, worker: Worker) -> bool:
    """What is received was drawn of the worker's block of the target; False where its cap is exhausted (D11).

    Raises:
        BlockEmpty: the block must be refilled first.
    """
    received = what.deal.received(what.points)
    grant = Grant(what.holder, what.deal.target, received, what.at, what.op_id, IssueReason.CONVERSION)
    return take_block(draft, grant, received, worker)


def post(draft: Draft, what: Conversion, permitted: Permitted) -> Convert:
    """The points of the one are gone and those of the other are there; the operation is queued.

    Raises:
        InsufficientPoints: a lot has less.

    Invariants: INV-1, INV-2.
    """
    deal, holder = what.deal, what.holder
    source, target = deal.source, deal.target
    version = deal.source_terms.version
    legs = [Leg(source.programme_id, version, epoch, points) for epoch, points in what.taken]
    into = Leg(target.programme_id, deal.target_terms.version, deal.epoch, deal.received(what.points))
    operation = Convert(
        what.op_id, target.merchant_id, holder.account, permitted.nonce, permitted.least_points,
        permitted.valid_until, seconds_floor(what.at), deal.number, deal.spread_bps, permitted.digest,
        (*legs, into), permitted.signature,
    )  # fmt: skip
    facts: dict[str, Canonical] = {"op": id_text(what.op_id), "spread_bps": deal.spread_bps}
    facts["why"] = "programme-ended" if deal.number == 0 else f"terms {deal.number}"
    moves = conversion_movements(operation, holder.part(Part.AVAILABLE))
    Book(draft).entry(what.op_id, "convert", what.at, facts, moves)
    enqueue(draft, operation, holder.member_id)
    return operation
