"""What a till wishes, looked up before the writer runs: which coupons, of which terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.checkout.couponing.choosing import Chooser, Wanted
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import Caller, SaleRequest
from ledger_service.checkout.submission import Store
from ledger_service.coupons.codes.rules import Tagger
from ledger_service.coupons.deciding.judging import readers
from ledger_service.coupons.deciding.reasons import Reason
from ledger_service.coupons.definitions.catalogue import CouponCatalogue, CouponCatalogueCache, CouponsBehind
from ledger_service.coupons.terms.values import Terms
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.requests import Asked
from ledger_service.coupons.wallet.rules import AVAILABLE
from ledger_service.coupons.wallet.shown import Shown
from ledger_service.coupons.wallet.trying import Tried, TryCommand, code_of
from ledger_service.db.workset import Workset
from ledger_service.kernel.clock import micros_of
from ledger_service.kernel.ids import id_text
from ledger_service.members.consents.service import Said, Use, read_where_standing

# A wallet may hold more: those that end soonest are looked at.
MOST_OF_WALLET = 50
# The purpose that a consent must name for a segment to count in another merchant's coupon, or at its till.
SEGMENTS_FOR = "marketing"


@dataclass(frozen=True, slots=True)
class CouponWish:
    """Coupons of the member that the till names by their ids, codes that it was shown, and whether the
    member's wallet serves as well.

    ``returning`` are those that an exchange gives back first, which serve where they are the member's.
    ``tried_at`` is when codes are tried where that is not the basket's time: a till that sold alone dates its
    sale, and must not date its guesses.
    """

    coupon_ids: tuple[bytes, ...] = ()
    codes: tuple[str, ...] = field(default=(), repr=False)
    wallet: bool = False
    returning: tuple[bytes, ...] = ()
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wishing:
    """Turns wishes into choosers; safe for any number of threads."""

    store: Store
    catalogue: CouponCatalogueCache
    tagger: Tagger

    def chooser(
        self,
        caller: Caller,
        request: SaleRequest,
        presence: Presence | None,
        wish: CouponWish,
        at: datetime,
    ) -> Chooser:
        """The coupons that the wish may mean.

        Codes are tried first, in a commit of their own: a wrong one counts against the till whatever becomes
        of the basket, which is sold without it.
        """
        with self.store.database.snapshot() as conn:
            member_id = _member(conn, presence)
        tried = self._tried(wish, member_id, Asked(caller.subject, wish.tried_at or at))
        with self.store.database.snapshot() as conn:
            catalogue = self.catalogue.current()
            try:
                wanted = _wanted(conn, wish, member_id, (catalogue, tried, at))
            except CouponsBehind:
                catalogue = self.catalogue.refresh()
                wanted = _wanted(conn, wish, member_id, (catalogue, tried, at))
        consents = self._consents(caller, member_id, wanted, at)
        return Chooser(request, caller.merchant_id, member_id, wanted, catalogue, at, consents=consents)

    def _consents(
        self, caller: Caller, member_id: int | None, wanted: Sequence[Wanted], at: datetime
    ) -> frozenset[tuple[int, int]]:
        """On which of the member's consents segments are read here: each such reading is on record before the
        answer, which waits for no other."""
        every = [one.terms for one in wanted if one.terms is not None]
        asked = {
            pair
            for terms in every
            for owner, _ in terms.named_segments
            for pair in readers(terms, caller.merchant_id, owner)
        }
        if member_id is None or not asked:
            return frozenset()
        uses = [Use(owner, reader, SEGMENTS_FOR) for owner, reader in sorted(asked)]
        with self.store.database.begin() as conn:
            stand = read_where_standing(conn, member_id, uses, ("coupon-segment", Said(caller.subject, at)))
        return frozenset((use.owner_id, use.reader_id) for use in stand)

    def _tried(self, wish: CouponWish, member_id: int | None, asked: Asked) -> Sequence[Tried | Reason]:
        if not wish.codes:
            return ()
        codes = [code_of(code, self.tagger) for code in wish.codes]
        tried = self.store.writer.submit(TryCommand(codes, member_id, asked))
        if tried is None:
            return [Reason.LOCKED] * len(codes)
        return [one or Reason.UNKNOWN for one in tried]


_Looked = tuple[CouponCatalogue, Sequence[Tried | Reason], datetime]


def _member(conn: Connection, presence: Presence | None) -> int | None:
    if presence is None:
        return None
    work = Workset(conn)
    work.load(presence.locks())
    row = presence.row(work)
    return None if row is None else row["member_id"]


def _wanted(conn: Connection, wish: CouponWish, member_id: int | None, looked: _Looked) -> tuple[Wanted, ...]:
    """Codes, then named coupons and those of the wallet, each coupon once."""
    catalogue, tried, at = looked
    found: dict[str, Wanted] = {}
    for place, one in enumerate(tried):
        behind = _of_code(catalogue, place, one, at)
        found.setdefault(behind.key, behind)
    terms = _held(conn, wish, member_id, catalogue)
    for coupon_id in sorted(terms):
        key = id_text(coupon_id)
        found.setdefault(key, Wanted(key, Shown(coupon_id=coupon_id), terms[coupon_id]))
    return tuple(found.values())


def _of_code(catalogue: CouponCatalogue, place: int, tried: Tried | Reason, at: datetime) -> Wanted:
    if isinstance(tried, Reason):
        return Wanted(f"code {place}", Shown(), None, place, tried, nameless=True)
    terms: Terms | None
    if tried.version is None:
        definition = catalogue.definitions.get(tried.definition_id)
        terms = None if definition is None else definition.in_force(micros_of(at))
    else:
        terms = catalogue.terms(tried.definition_id, tried.version)
    key = id_text(tried.coupon_id)
    return Wanted(key, tried.shown, terms, place, Reason.WITHDRAWN, nameless=tried.generic)


def _held(
    conn: Connection, wish: CouponWish, member_id: int | None, catalogue: CouponCatalogue
) -> dict[bytes, Terms | None]:
    c = coupon.c
    found: dict[bytes, Terms | None] = dict.fromkeys(wish.coupon_ids)
    columns = select(c.coupon_id, c.definition_id, c.version)
    rows: list[Any] = []
    if wish.coupon_ids:
        rows += conn.execute(columns.where(c.coupon_id.in_(wish.coupon_ids))).all()
    if wish.returning and member_id is not None:
        back = columns.where(c.coupon_id.in_(wish.returning), c.holder == member_id)
        rows += conn.execute(back).all()
    if wish.wallet and member_id is not None:
        mine = columns.where(c.holder == member_id, c.state == AVAILABLE)
        soonest = mine.order_by(c.expires_at.is_(None), c.expires_at, c.coupon_id).limit(MOST_OF_WALLET)
        rows += conn.execute(soonest).all()
    for row in rows:
        found[row.coupon_id] = catalogue.terms(row.definition_id, row.version)
    return found
