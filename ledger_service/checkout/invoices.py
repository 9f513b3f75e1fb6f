"""Numbers of invoices and allowances with the carriers that keep them, by the formats of the law.

Taiwan: the uniform invoice (統一發票) has two letters and eight digits, unique with a seller within its
two months; a carrier is a mobile barcode, a citizen's certificate, the shop's own card or a donation code.
The allowance (折讓單) has the seller's own number. China: the number (发票号码) of an electronic invoice
has 20 digits, code and number of an older one 18 or 20 together; a red-letter invoice has its own number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ledger_service.kernel.errors import MalformedField

_TAIPEI = timedelta(hours=8)


class Scheme(StrEnum):
    """Whose law the number follows."""

    TAIWAN = "tw"
    CHINA = "cn"


class Carrier(StrEnum):
    """What keeps a Taiwanese invoice for the buyer."""

    MOBILE_BARCODE = "mobile_barcode"
    CITIZEN_CERTIFICATE = "citizen_certificate"
    MEMBER_CARD = "member_card"
    DONATION = "donation"


class Paper(StrEnum):
    """What the number stands on."""

    INVOICE = "invoice"
    ALLOWANCE = "allowance"


NUMBERS = {
    (Scheme.TAIWAN, Paper.INVOICE): r"[A-Z]{2}[0-9]{8}",
    (Scheme.TAIWAN, Paper.ALLOWANCE): r"[0-9A-Z]{1,16}",
    (Scheme.CHINA, Paper.INVOICE): r"[0-9]{18}|[0-9]{20}",
    (Scheme.CHINA, Paper.ALLOWANCE): r"[0-9]{18}|[0-9]{20}",
}
CARRIERS = {
    Carrier.MOBILE_BARCODE: r"/[0-9A-Z+.-]{7}",
    Carrier.CITIZEN_CERTIFICATE: r"[A-Z]{2}[0-9]{14}",
    Carrier.MEMBER_CARD: r"[0-9A-Za-z-]{1,64}",
    Carrier.DONATION: r"[0-9]{3,7}",
}


@dataclass(frozen=True, slots=True)
class Invoice:
    """The number of an invoice or allowance; ``carrier_id`` is empty where it was printed."""

    scheme: Scheme
    paper: Paper
    number: str
    carrier: str = ""
    carrier_id: str = ""

    def period(self, at: datetime) -> int:
        """Within which period the number is the seller's only one; 0 where it is for ever.

        A Taiwanese invoice's period is the two months of its civil date.
        """
        if self.scheme is not Scheme.TAIWAN or self.paper is not Paper.INVOICE:
            return 0
        local = at + _TAIPEI
        return local.year * 6 + (local.month - 1) // 2

    def view(self) -> dict[str, Any]:
        """The number as the till sent it; the carrier without its id where that was erased."""
        carrier: dict[str, Any] = {}
        if self.carrier:
            named = {"id": self.carrier_id} if self.carrier_id else {}
            carrier["carrier"] = {"kind": self.carrier, **named}
        return {"scheme": self.scheme.value, "number": self.number, **carrier}


def check_number(scheme: Scheme, paper: Paper, number: object, field: str) -> str:
    """The number, which has the form that the scheme prescribes.

    Raises:
        MalformedField: it has not.
    """
    pattern = NUMBERS[scheme, paper]
    if not isinstance(number, str) or not re.fullmatch(pattern, number):
        raise MalformedField(field, f"must match {pattern}")
    return number


def check_carrier(kind: str, value: object, field: str) -> str:
    """The id of a carrier, which has the form of its kind.

    Raises:
        MalformedField: it has not.
    """
    pattern = CARRIERS[Carrier(kind)]
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise MalformedField(field, f"must match {pattern}")
    return value


def invoice_of(row: Mapping[str, Any]) -> Invoice:
    """The invoice or allowance of a row of ``invoice``."""
    scheme, paper = Scheme(row["scheme"]), Paper(row["paper"])
    return Invoice(scheme, paper, row["number"], row["carrier"], row["carrier_id"])
