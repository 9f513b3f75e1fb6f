"""What a till may ask of a card, as frozen values, and their strict parsing."""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger_service.checkout.basket import CardShown
from ledger_service.checkout.fields import Fields, quick_text, sequence_of
from ledger_service.checkout.line_parsing import GREATEST_MINOR, MOST_TENDERS, parse_card
from ledger_service.checkout.parsing import parse_currency
from ledger_service.checkout.shifts import SHIFT_FIELDS, Shift, parse_shift
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.kernel.text import clean_integer
from ledger_service.points.basis import TenderType

# Points are sold for money nowhere, and so no card for points; nor one card for another.
PAYS_FOR_CARDS = (TenderType.CASH, TenderType.CARD, TenderType.WALLET)


@dataclass(frozen=True, slots=True)
class CardLoad:
    """Money for a card: ``paid_with`` is how the till was paid, by tender, and sums to ``amount_minor``.

    A card that is sold may be given a PIN (in ``shown``) and belong to the member of ``number``.
    """

    shown: CardShown = field(repr=False)
    amount_minor: int
    currency: str
    reference: str
    paid_with: dict[str, int]
    shift: Shift
    number: str | None = None


@dataclass(frozen=True, slots=True)
class CardPayOut:
    """What is left on a card is given in money."""

    shown: CardShown = field(repr=False)
    reference: str
    shift: Shift


_LOAD = frozenset({"card", "pin", "amount_minor", "currency", "reference", "tenders"}) | SHIFT_FIELDS


def parse_card_sale(body: object) -> CardLoad:
    """The sale of a card.

    Raises:
        MalformedField: the first field that is missing, unknown, of a wrong type or out of range; tenders
        that
            do not sum to the amount.
    """
    return _load(Fields(body, _LOAD | {"member"}))


def parse_card_load(body: object) -> CardLoad:
    """More money for a card; raises as ``parse_card_sale``."""
    return _load(Fields(body, _LOAD - {"pin"}))


def parse_card_payout(body: object) -> CardPayOut:
    """The payout of what is left; raises as ``parse_card_sale``."""
    fields = Fields(body, frozenset({"card", "pin", "reference"}) | SHIFT_FIELDS)
    return CardPayOut(
        parse_card(fields), quick_text(fields.get("reference"), "reference", 64), parse_shift(fields)
    )


def parse_card_shown(body: object) -> CardShown:
    """A card of which the till asks what it holds; raises as ``parse_card_sale``."""
    return parse_card(Fields(body, frozenset({"card", "pin"})))


def _load(fields: Fields) -> CardLoad:
    amount = clean_integer(fields.get("amount_minor"), "amount_minor", 1, GREATEST_MINOR)
    paid = paid_with_of(fields, amount)
    number = fields.get("member")
    return CardLoad(
        parse_card(fields),
        amount,
        parse_currency(fields.get("currency")),
        quick_text(fields.get("reference"), "reference", 64),
        paid,
        parse_shift(fields),
        None if number is None else parse_gsrn(number, "member"),
    )


def paid_with_of(fields: Fields, amount_minor: int) -> dict[str, int]:
    """How the till was paid, by tender, for what is paid in advance.

    Raises:
        MalformedField: another tender than those of ``PAYS_FOR_CARDS``, or they do not sum to the amount.
    """
    paid: dict[str, int] = {}
    for index, item in enumerate(sequence_of(fields.get("tenders"), "tenders", MOST_TENDERS)):
        where = f"tenders[{index}]"
        tender = Fields(item, frozenset({"type", "amount_minor"}), where)
        kind = tender.get("type")
        if kind not in PAYS_FOR_CARDS:
            raise MalformedField(f"{where}.type", f"must be one of {', '.join(PAYS_FOR_CARDS)}")
        amount = clean_integer(tender.get("amount_minor"), f"{where}.amount_minor", 1, GREATEST_MINOR)
        paid[kind] = paid.get(kind, 0) + amount
    if sum(paid.values()) != amount_minor:
        raise MalformedField("tenders", "must sum to amount_minor")
    return paid
