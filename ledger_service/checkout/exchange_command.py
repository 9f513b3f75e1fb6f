"""An exchange: one atomic return and sale, in one draft under one idempotency key (D17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ledger_service.checkout.errors import UnknownLine
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import sale
from ledger_service.checkout.records import record_of
from ledger_service.checkout.refund_command import RefundCommand
from ledger_service.checkout.requests import Line, RefundLine, Write
from ledger_service.checkout.return_errors import ExchangePriceDiffers
from ledger_service.checkout.return_requests import ExchangeRequest
from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.checkout.scene import Scene
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.money import share_floor


class ExchangeCommand(KeyedCommand):
    """Goods come back and others are sold for them: both happen or neither, with one answer.

    Locks: those of the refund and of the sale, which the working set takes in the one order of their tables.
    """

    def __init__(
        self, write: Write, request: ExchangeRequest, back: RefundCommand, forth: SaleCommand
    ) -> None:
        """Take the two commands; both speak for ``write``."""
        super().__init__(write)
        self.request = request
        self.back = back
        self.forth = forth
        back.store_gln, back.exchange_sale_id = request.sale.store, forth.id_of("sale")

    @property
    def scene(self) -> Scene:
        """The scene of both."""
        return self.forth.scene

    @scene.setter
    def scene(self, scene: Scene) -> None:
        self.back.scene = self.forth.scene = scene

    def probe(self) -> Iterable[Need]:
        """What both ask for."""
        return [*self.back.probe(), *self.forth.probe()]

    def locks(self, view: Workset) -> Iterable[Need]:
        """What both ask for."""
        return [*self.back.locks(view), *self.forth.locks(view)]

    def reads(self, view: Workset) -> Iterable[Need]:
        """What both ask for."""
        return [*self.back.reads(view), *self.forth.reads(view)]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What both ask for."""
        return [*self.back.reads_second(view), *self.forth.reads_second(view)]

    def operations(self) -> Sequence[bytes]:
        """Those of both."""
        return [*self.back.operations(), *self.forth.operations()]

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Take back, then sell; a refusal of either leaves nothing of both.

        Raises:
            ExchangePriceDiffers: a line that names a returned one has another price, or is more of it.
            DomainError: what the refund or the sale refuses.
        """
        _, refunded = self.back.decide(draft)
        self._check_prices(draft)
        _, sold = self.forth.decide(draft)
        # What cards paid and took back has changed hands already.
        balance = sold["due_minor"] - _on_cards(sold) - refunded["cash_minor"] + _on_cards(refunded)
        return 201, {
            "exchange_id": id_text(self.id_of("exchange")),
            "refund": refunded,
            "sale": sold,
            "to_pay_minor": max(balance, 0),
            "to_give_back_minor": max(-balance, 0),
        }

    def _check_prices(self, draft: Draft) -> None:
        row = draft.get(sale, self.request.back.sale_id)
        original = {line.line: line for line, _ in record_of(row).lines} if row is not None else {}
        left = {back.line: back for back in self.request.back.lines}
        new = {line.line: line for line in self.request.sale.lines}
        for name, price_of in self.request.prices_of:
            if price_of not in original or price_of not in left:
                raise UnknownLine(price_of)
            _check_price(new[name], original[price_of], left[price_of])
            rest = left[price_of].quantity - new[name].quantity
            left[price_of] = RefundLine(price_of, rest, left[price_of].unit)


def _on_cards(answer: Mapping[str, Any]) -> int:
    return sum(tender["amount_minor"] for tender in answer.get("tenders", ()) if "card" in tender)


def _check_price(new: Line, original: Line, left: RefundLine) -> None:
    """Within a minor unit of the original price for as much, and no more of it than came back."""
    price = share_floor(original.amount_minor, new.quantity, original.quantity)
    wrong = new.unit != original.unit or new.quantity > left.quantity
    if wrong or not price <= new.amount_minor <= price + 1:
        quantity = min(new.quantity, max(left.quantity, 0))
        amount = share_floor(original.amount_minor, quantity, original.quantity)
        raise ExchangePriceDiffers(new.line, amount, quantity)
