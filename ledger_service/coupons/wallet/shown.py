"""Coupons as they are shown at a till or in an app: by a code, or by the id that a member's wallet lists.

Ids of coupons that nobody holds can be worked out, so an id serves its holder alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger_service.coupons.codes.lookup import CODE, LIST, Tags, code_row, coupon_of, is_generic
from ledger_service.coupons.codes.models import coupon_code_list
from ledger_service.coupons.codes.rules import SEALED
from ledger_service.coupons.wallet.errors import CouponNotOffered, CouponNotUsable, CouponUnknown
from ledger_service.coupons.wallet.models import coupon, coupon_event
from ledger_service.coupons.wallet.moves import COUPON, Act
from ledger_service.coupons.wallet.rules import AVAILABLE, Offer, may_use, shown_state
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.ids import derive_id


@dataclass(frozen=True, slots=True)
class Shown:
    """Exactly one of: the tags of a code (``Tagger.both``), the id of a coupon in the member's own wallet."""

    tags: Tags | None = None
    coupon_id: bytes | None = None

    def locks(self) -> list[Need]:
        """What a command locks beside the member's row."""
        return [] if self.tags is None else [CODE.of(tag) for tag in self.tags]

    def reads(self, view: Workset) -> Iterable[Need]:
        """What a command reads first, behind its locks."""
        if self.coupon_id is not None:
            yield COUPON.of(self.coupon_id)
        row = None if self.tags is None else code_row(view, self.tags)
        if row is not None:
            yield COUPON.of(coupon_of(row))
            yield LIST.of(row["list_id"])


@dataclass(frozen=True, slots=True)
class Found:
    """What was shown: of which definition, and the coupon's row where there is one already.

    ``version`` is that of the claim; None where the coupon is made by this use, under the terms of now.
    ``listed`` is the row of the code's list, ``place`` its list and position; both None for a wallet's own.
    """

    definition_id: int
    version: int | None
    row: Mapping[str, Any] | None
    listed: Mapping[str, Any] | None = None
    place: tuple[int, int] | None = None


def look(draft: Draft, shown: Shown, member_id: int | None) -> Found:
    """What was shown, if it serves this member or (None) whoever shows it.

    Raises:
        CouponUnknown: no such coupon or code, codes that are still being made, or somebody else's.
    """
    if shown.tags is None:
        row = draft.get(coupon, shown.coupon_id)
        if row is None or member_id is None or row["holder"] != member_id:
            raise CouponUnknown
        return Found(row["definition_id"], row["version"], row)
    code = code_row(draft, shown.tags)
    listed = None if code is None else draft.get(coupon_code_list, code["list_id"])
    if code is None or listed is None or listed["state"] != SEALED:
        raise CouponUnknown
    if code["member_id"] not in (None, member_id):
        raise CouponUnknown
    place = (code["list_id"], code["position"])
    row = None if is_generic(listed) else draft.get(coupon, coupon_of(code))
    if row is not None and not may_use(row, member_id):
        raise CouponUnknown
    known = None if row is None else row["version"]
    return Found(listed["definition_id"], known, row, listed, place)


def take_up(draft: Draft, found: Found, offer: Offer, act: Act) -> bytes:
    """The id of the coupon behind what was shown, its row made where this is its first use.

    A coupon of a code belongs to whoever shows it until a member claims it; a generic code gives a coupon
    to each use (``act.ref`` and the list make its id), at most as often as its list says.

    Raises:
        CouponNotUsable: reserved, consumed, void or expired.
        CouponNotOffered: the generic code was used as often as it may be.
    """
    if found.row is not None or found.place is None or found.listed is None:
        return _usable(found, act)
    holder = None if not is_generic(found.listed) else act.member_id
    return make(draft, found, offer, (act, holder, "shown"))


def make(draft: Draft, found: Found, offer: Offer, first: tuple[Act, int | None, str]) -> bytes:
    """The coupon of a code exists, held by this member or (None) by whoever shows the code.

    Raises:
        CouponNotOffered: the generic code was used as often as it may be.
    """
    act, holder, kind = first
    list_id, position = found.place or (None, None)
    coupon_id = derive_id("coupon of use", list_id or 0, act.ref, position or 0)
    if found.listed is not None:
        if is_generic(found.listed):
            _count_use(draft, found.listed)
        else:
            coupon_id = coupon_of({"list_id": list_id, "position": position})
    draft.add(coupon, {
        "coupon_id": coupon_id, "definition_id": offer.definition_id, "version": offer.version,
        "state": AVAILABLE, "holder": holder, "claimant": holder,
        "source": None if found.listed is None else found.listed["source"], "list_id": list_id,
        "position": position, "claimed_at": act.at,
        "expires_at": None if kind == "shown" else offer.ends_at, "events": 1,
    })  # fmt: skip
    draft.add(coupon_event, {
        "coupon_id": coupon_id, "position": 0, "kind": kind, "member_id": holder, "by_whom": act.by,
        "ref": act.ref, "at": act.at,
    })  # fmt: skip
    return coupon_id


def _usable(found: Found, act: Act) -> bytes:
    row = found.row
    if row is None:
        raise CouponUnknown
    state = shown_state(row, act.at)
    if state != AVAILABLE:
        raise CouponNotUsable(state)
    return bytes(row["coupon_id"])


def used_up(found: Found) -> bool:
    """Whether a generic code was used as often as its list allows."""
    listed = found.listed
    if listed is None or not is_generic(listed) or listed["most"] is None:
        return False
    return bool(listed["taken"] >= listed["most"])


def _count_use(draft: Draft, listed: Mapping[str, Any]) -> None:
    if listed["most"] is not None and listed["taken"] >= listed["most"]:
        raise CouponNotOffered
    draft.change(coupon_code_list, listed["list_id"], taken=listed["taken"] + 1)
