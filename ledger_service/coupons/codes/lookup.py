"""Finding the list and position of a code that was shown, inside a command on the working set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.coupons.codes.models import coupon_code, coupon_code_list
from ledger_service.coupons.codes.rules import GENERIC, coupon_id_of
from ledger_service.db.workset import Draft, Workset, load_by

CODE = load_by(coupon_code, "tag")
LIST = load_by(coupon_code_list, "list_id")
# Few: a type is printed in some batches.
LISTS_OF_GCN = load_by(coupon_code_list, "gcn")
Tags = tuple[bytes, bytes]
View = Workset | Draft


def code_row(view: View, tags: Tags) -> Mapping[str, Any] | None:
    """The row of a code that was locked by both its tags, or None where no list holds it."""
    for tag in tags:
        row = view.one(CODE, tag)
        if row is not None:
            return row
    return None


def coupon_of(row: Mapping[str, Any]) -> bytes:
    """The id that a code's one coupon has, or will have; a generic code's coupons have other ones."""
    return coupon_id_of(row["list_id"], row["position"])


def is_generic(listed: Mapping[str, Any]) -> bool:
    """Whether every use of the list's code makes a coupon of its own."""
    return bool(listed["kind"] == GENERIC)
