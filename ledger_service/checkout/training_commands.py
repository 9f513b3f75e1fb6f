"""Sales and refunds in training: decided like real ones, on a draft that nobody keeps.

So a till in training is answered as it would be, and nothing is posted: no entry, no intent, no permit used,
no cap drawn on, no number of a receipt. What stays is the answer of the idempotency key and, for a refund to
practise, the sale without its member.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from ledger_service.checkout.basket import Tender
from ledger_service.checkout.day_errors import TrainingMixed
from ledger_service.checkout.earn_reversal import Outcome, part_of
from ledger_service.checkout.errors import UnknownSale
from ledger_service.checkout.invoice_book import invoice_needs
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import sale, training_sale
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.receipts import SERIES
from ledger_service.checkout.records import ReturnedRecord, SaleRecord
from ledger_service.checkout.refund_command import SALE, TRAINING, RefundCommand
from ledger_service.checkout.requests import SaleRequest, Write
from ledger_service.checkout.reversal_rules import Returned, earn_to_reverse, restored_at
from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.checkout.scene import Scene
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.points import GREATEST_AMOUNT, NEVER_SECONDS
from ledger_service.members.rules import Device
from ledger_service.points.models import issuance_reservation

_UNSIGNED = ("signature", "number", "series", "operations")


class TrainingCommand(KeyedCommand):
    """Another command, answered as if it had happened.

    Idempotency: by the caller's key, which serves either a real write or one in training.
    """

    def __init__(self, write: Write, inner: SaleCommand | TrainingRefund) -> None:
        """Take the write as it came and the command, whose own write is ``rehearsal`` of it."""
        super().__init__(replace(write, body_hash=sha256(b"training\n" + write.body_hash).digest()))
        self.inner = inner

    @property
    def scene(self) -> Scene:
        """That of the command."""
        return self.inner.scene

    @scene.setter
    def scene(self, scene: Scene) -> None:
        self.inner.scene = scene

    def locks(self, view: Workset) -> Iterable[Need]:
        """What the command asks for."""
        return self.inner.locks(view)

    def reads(self, view: Workset) -> Iterable[Need]:
        """What the command asks for."""
        return self.inner.reads(view)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """The command's answer, marked; of what it wrote the sale alone is kept, for its refund in training.

        Raises:
            DomainError: what the command refuses.
        """
        scratch = draft.scratch()
        self._fill_blocks(scratch)
        status, content = self.inner.decide(scratch)
        self._keep(draft, scratch, bytes.fromhex(content["sale_id"]))
        return status, training_view(content)

    def _fill_blocks(self, scratch: Draft) -> None:
        # An issue must neither draw on a cap nor end because the worker's block is empty.
        scene = self.scene
        for programme in scene.catalogue.by_issuer.get(self.write.caller.merchant_id, ()):
            if not programme.terms:
                continue
            block = {"programme_id": programme.programme_id, "worker": scene.worker.name}
            cap = programme.cap_at(scene.accepted_at)
            scratch.add(issuance_reservation, {**block, "remaining": GREATEST_AMOUNT, "cap": cap})

    def _keep(self, draft: Draft, scratch: Draft, sale_id: bytes) -> None:
        row = scratch.get(sale, sale_id)
        if row is None:
            raise LookupError("a sale in training was not written")
        record = _text_of(row)
        if isinstance(self.inner, TrainingRefund):
            draft.change(training_sale, sale_id, record=record)
            return
        kept = {"sale_id": sale_id, "merchant_id": row["merchant_id"], "sold_at": row["occurred_at"]}
        draft.add(training_sale, {**kept, "record": record})


class TrainingSale(SaleCommand):
    """A sale that nobody keeps; of digits, a PIN or a code custody was asked for no signature."""

    def __init__(self, write: Write, request: SaleRequest, presence: Presence | None, scene: Scene) -> None:
        """Take what a sale takes; stored-value cards count as if they paid."""
        super().__init__(write, replace(request, tenders=_without_cards(request.tenders)), presence, scene)

    def signer(self, draft: Draft, presence: Presence) -> Device | None:
        """None where custody would have signed; else as for a sale."""
        unasked = presence.digits is not None or presence.approved is not None
        return None if unasked else super().signer(draft, presence)


def _without_cards(tenders: tuple[Tender, ...]) -> tuple[Tender, ...]:
    return tuple(replace(tender, shown=None) for tender in tenders)


class TrainingRefund(RefundCommand):
    """A refund of a sale in training.

    The points that it would undo were never issued, so no account is asked: all that was earned counts as
    still there.
    """

    def probe(self) -> Iterable[Need]:
        """Nothing."""
        return ()

    def locks(self, view: Workset) -> Iterable[Need]:
        """The sale in training."""
        return [TRAINING.of(self.request.sale_id)]

    def reads(self, view: Workset) -> Iterable[Need]:
        """Receipt series, numbers, and the real sale of the id, if there is one."""
        yield SERIES.of(self.scene.desk.worker)
        yield from invoice_needs(self.write, self.request.allowance)
        yield SALE.of(self.request.sale_id)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """As a refund, of the sale that was kept.

        Raises:
            UnknownSale, TrainingMixed: it is none, or a real one.
            DomainError: what a refund refuses.
        """
        kept = draft.one(TRAINING, self.request.sale_id)
        if kept is None or kept["merchant_id"] != self.write.caller.merchant_id:
            raise self.unknown(draft)
        draft.add(sale, _row_of(kept["record"]))
        return super().decide(draft)

    def unknown(self, draft: Draft) -> DomainError:
        """Why there is no sale in training of this id."""
        sale_id = self.request.sale_id
        row = draft.get(sale, sale_id)
        if row is not None and row["merchant_id"] == self.write.caller.merchant_id:
            return TrainingMixed(id_text(sale_id))
        return UnknownSale(id_text(sale_id))

    def undo(
        self,
        draft: Draft,
        before: SaleRecord,
        state: ReturnedRecord,
        returned: Returned,
        outcome: Outcome,
    ) -> ReturnedRecord:
        """What a refund of points that are all still there gives back and takes back."""
        done, lines = before.returned, before.sold_lines()
        earned = [e for e in before.earned if e.points]
        undone = [earn_to_reverse(part_of(e, before, self.scene), lines, returned) for e in earned]
        before_undone = [one[0] for one in done.recovered] or [0] * len(earned)
        for e, now, was in zip(earned, undone, before_undone, strict=True):
            view = {"programme": self._code(e.programme), "points": now - was, "from": e.state}
            outcome.clawed += [view] if now > was else []
        spent = before.spent
        legs = [] if spent is None else [leg.amount for leg in spent.legs]
        restored = [] if spent is None else restored_at(legs, returned.points_minor, spent.value_minor)
        self._show_restored(before, restored, outcome)
        return replace(
            state,
            cash_minor=returned.cash_minor,
            points_minor=returned.points_minor,
            refunds=[*state.refunds, id_text(self.id_of("refund"))],
            recovered=[[points, 0, points, 0] for points in undone],
            restored=restored,
        )

    def _show_restored(self, before: SaleRecord, restored: list[int], outcome: Outcome) -> None:
        legs = () if before.spent is None else before.spent.legs
        was = before.returned.restored or [0] * len(legs)
        for leg, now, then in zip(legs, restored, was, strict=True):
            ends_at = self.scene.catalogue.programme(leg.programme).epoch_ends[leg.epoch - 1]
            ends = format_instant(instant_of_seconds(ends_at)) if ends_at < NEVER_SECONDS else None
            view = {"programme": self._code(leg.programme), "points": now - then, "epoch": leg.epoch}
            outcome.restored += [{**view, "expires_at": ends}] if now > then else []

    def _code(self, programme_id: int) -> str:
        return self.scene.catalogue.programme(programme_id).code


def rehearsal(write: Write) -> Write:
    """The write of a command in training: under the same key it makes other ids than a real one."""
    return replace(write, caller=replace(write.caller, subject=f"training:{write.caller.subject}"))


def training_view(content: dict[str, Any]) -> dict[str, Any]:
    """An answer that says that it is training, with a receipt that no key has signed."""
    marked = {**content, "training": True}
    if "operations" in content:
        marked["operations"] = []
    receipt = content.get("receipt")
    if receipt is not None:
        bare = {name: value for name, value in receipt.items() if name not in _UNSIGNED}
        marked["receipt"] = {**bare, "kind": f"training-{receipt['kind']}", "training": True}
    return marked


def _text_of(row: Mapping[str, Any]) -> str:
    kept = {
        "sale_id": row["sale_id"].hex(),
        "occurred_at": format_instant(row["occurred_at"]),
        "member_id": None,
        "hold_id": None,
    }
    # The names of columns are texts of SQLAlchemy's own kind, which JSON must be told of.
    return orjson.dumps({**row, **kept}, option=orjson.OPT_NON_STR_KEYS).decode()


def _row_of(text: str) -> dict[str, Any]:
    row: dict[str, Any] = orjson.loads(text)
    at: datetime = parse_instant(row["occurred_at"], "occurred_at")
    return {**row, "sale_id": bytes.fromhex(row["sale_id"]), "occurred_at": at}
