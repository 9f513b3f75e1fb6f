"""What a late attach may be asked for, as frozen values; parsed strictly from JSON."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.checkout.fields import Fields
from ledger_service.checkout.presented import parse_presented
from ledger_service.checkout.requests import Presented
from ledger_service.checkout.shifts import parse_cashier
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import parse_id


@dataclass(frozen=True, slots=True)
class AttachRequest:
    """The receipt of a sale joins a member; ``cashier`` is who does it, by the merchant's own name."""

    sale_id: bytes
    member: Presented
    cashier: str


def parse_attach(sale_id: object, body: object) -> AttachRequest:
    """Return the attach of a JSON object and the sale id of the path.

    Raises:
        MalformedField: a bad id, no member, a member with its will, or a cashier of other characters.
    """
    fields = Fields(body, {"member", "cashier"})
    member = parse_presented(fields.get("member"))
    if member is None or member.may_spend:
        raise MalformedField("member", "must be a number, a card or a phone, and nothing that pays")
    return AttachRequest(parse_id(sale_id, "sale"), member, parse_cashier(fields.get("cashier"), "cashier"))
