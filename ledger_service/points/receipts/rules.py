"""Pure rules: when two receipts are one, however their numbers are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


def bare(text: str) -> str:
    """A receipt's number without what people leave out or add: case, width, signs, spaces, leading zeros."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    signs = "".join(sign for sign in folded if sign.isalnum())
    return _LEADING_ZEROS.sub("", signs) or folded.strip()


def reference_mark(merchant_id: int, store_gln: int, reference: str) -> bytes:
    """What makes a till's reference one within its store; 32 bytes."""
    return sha256(f"reference\n{merchant_id}\n{store_gln}\n{bare(reference)}".encode()).digest()


def code_mark(merchant_id: int, code: str) -> bytes:
    """What makes the code on a receipt one, a sale's id or an invoice's number; 32 bytes."""
    return sha256(f"code\n{merchant_id}\n{bare(code)}".encode()).digest()


@dataclass(frozen=True, slots=True)
class Paper:
    """A receipt as somebody shows it: ``sold_on`` by the store's clock; ``code`` where it has one."""

    merchant_id: int
    store_gln: int
    sold_on: date
    amount_minor: int
    reference: str
    code: str | None = None

    def marks(self) -> list[bytes]:
        """What it is known by."""
        codes = [] if self.code is None else [code_mark(self.merchant_id, self.code)]
        return [reference_mark(self.merchant_id, self.store_gln, self.reference), *codes]


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale as its receipt shows it; ``codes`` are the marks of its id and its invoices."""

    sale_id: bytes
    store_gln: int
    sold_on: date
    amount_minor: int
    codes: frozenset[bytes] = frozenset()


def is_of(row: Mapping[str, Any], sold: Sold) -> bool:
    """Whether a claimed receipt with one of the sale's marks is this sale's.

    A number that restarts every day is one only with its day; somebody who errs by one day, as around
    midnight, errs in the amount as well only by another receipt.
    """
    if row["state"] == "declined" or row["sale_id"] not in (None, sold.sale_id):
        return False
    apart = abs((date.fromisoformat(row["sold_on"]) - sold.sold_on).days)
    return row["mark"] in sold.codes or apart == 0 or (apart == 1 and _same_money(row, sold))


def looks_like(row: Mapping[str, Any], sold: Sold) -> bool:
    """Whether a receipt that the same member claimed under another number is likely this one.

    One store, one day, one amount, and no sale that the claim is known to stand for.
    """
    if row["state"] == "declined" or row["sale_id"] is not None:
        return False
    here = (row["store_gln"], row["sold_on"]) == (sold.store_gln, sold.sold_on.isoformat())
    return here and _same_money(row, sold)


def _same_money(row: Mapping[str, Any], sold: Sold) -> bool:
    return bool(row["amount_minor"] == sold.amount_minor)
