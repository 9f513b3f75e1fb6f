"""What a claimed item won is given, once: points of the pool's programme, cited to the item, or a coupon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ledger_service.checkout.items.claim_command import BATCH, CLAIM, ITEM, POOL
from ledger_service.coupons.wallet.claiming import grant
from ledger_service.coupons.wallet.moves import Act
from ledger_service.coupons.wallet.requests import Offers
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.ledger.book import lots_of
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.issuance import STANDING_OF_MEMBER, Grant, Worker, issue
from ledger_service.points.parties import MEMBER_BY_ID, Holder, issuer_is_suspended, issuer_need
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.prizes.models import trace_prize
from ledger_service.traceability.prizes.queries import pool_row
from ledger_service.traceability.prizes.rules import (
    NO_PRIZE,
    PrizeCoupon,
    permuted,
    prize_op_id,
    secret_of,
    slot_of,
)

PRIZE: Load = load_by(trace_prize, "item_id")
TRY_AGAIN = timedelta(hours=1)
# So long the bridge has for its alarm, which stands until somebody clears it.
ALARM_FOR = timedelta(minutes=10)
SERVICE = "service"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class PrizeRoom:
    """What prizes are given with: the secret behind the slots, the catalogues, whose block of the cap."""

    master: bytes = field(repr=False)
    catalogue: Catalogue
    offers: Offers
    worker: Worker


class PrizeCommand(BookCommand[str]):
    """The claim's prize is given, or there is none; answers the state that follows.

    What cannot be given now (a frozen member, an exhausted cap) waits and is tried again; a coupon that can
    never be given any more, for its brand has withdrawn it, ends as stopped. A coupon has the terms that the
    pool committed to, and the issue's id as its own.
    Idempotency: by the state, and by the issue's id. Invariants: INV-1, INV-10, INV-12.
    """

    def __init__(self, won: tuple[int, int], room: PrizeRoom, at: datetime) -> None:
        """Take the item and the programme of its pool."""
        self.item_id, programme_id = won
        self.room, self.at = room, at
        self._programme = room.catalogue.programme(programme_id)

    def probe(self) -> Iterable[Need]:
        """The claim, for its member."""
        return [CLAIM.of(self.item_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, the item and its claim."""
        claim = view.one(CLAIM, self.item_id)
        if claim is not None:
            yield MEMBER_BY_ID.of(claim["member_id"])
        yield ITEM.of(self.item_id)
        yield CLAIM.of(self.item_id)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The prize, its pool and batch, the member's lots and standing, the block of the cap."""
        batch_no = self.item_id >> INDEX_BITS
        yield PRIZE.of(self.item_id)
        yield BATCH.of(batch_no)
        yield POOL.of(batch_no)
        yield from self.room.worker.needs([self._programme])
        yield issuer_need(self._programme)
        claim = view.one(CLAIM, self.item_id)
        if claim is not None:
            yield lots_of(claim["member_id"])
            yield STANDING_OF_MEMBER.of(claim["member_id"])

    def apply(self, draft: Draft) -> str:
        """Give.

        Raises:
            BlockEmpty: the block must be refilled first.
        """
        row, batch_no = draft.get(trace_prize, self.item_id), self.item_id >> INDEX_BITS
        claim, pool = draft.one(CLAIM, self.item_id), draft.one(POOL, batch_no)
        batch = draft.one(BATCH, batch_no)
        if row is None or claim is None or pool is None or batch is None:
            raise LookupError("a prize without its claim, pool or batch")
        if row["state"] != "waiting" or pool["drawn_at"] is None:
            return str(row["state"])
        prize = self._prize(pool, batch)
        if prize == NO_PRIZE:
            return self._end(draft, "none", prize=NO_PRIZE)
        return self._give(draft, claim, (pool, prize))

    def _prize(self, pool: Row, batch: Row) -> int:
        found = pool_row(pool)
        if found.beacon is None:
            raise LookupError("the pool is not drawn")
        secret = secret_of(codes.batch_key(self.room.master, batch["seed"]))
        slot = slot_of(found.beacon, self.item_id & (1 << INDEX_BITS) - 1, found.pool.size)
        return found.pool.kind_of(permuted(secret, slot, found.pool.size))

    def _give(self, draft: Draft, claim: Row, won: tuple[Row, int]) -> str:
        row, number = won
        prize = pool_row(row).pool.prizes[number - 1]
        owner = draft.one(MEMBER_BY_ID, claim["member_id"])
        # A household has no wallet.
        if owner is None or owner["status"] == "erased" or (prize.coupon is not None and owner["household"]):
            return self._end(draft, "lapsed", prize=number)
        if owner["status"] != "active" or issuer_is_suspended(draft, self._programme):
            return self._later(draft)
        if prize.coupon is None:
            return self._issue(draft, (claim, owner), (number, prize.points))
        return self._grant(draft, claim["member_id"], (number, prize.coupon))

    def _grant(self, draft: Draft, member_id: int, won: tuple[int, PrizeCoupon]) -> str:
        number, terms = won
        version = int(terms.merchant), terms.code, terms.version
        offer = self.room.offers.promised(*version, self.at)
        if offer is None and self.room.offers.is_over(*version, self.at):
            return self._end(draft, "stopped", prize=number, until=self.at + ALARM_FOR)
        if offer is None:
            return self._later(draft)
        act = Act(prize_op_id(self.item_id), member_id, SERVICE, self.at)
        grant(draft, offer, act, f"prize:{self.item_id >> INDEX_BITS}")
        return self._end(draft, "given", prize=number, points=0, net=0)

    def _issue(self, draft: Draft, of: tuple[Row, Row], won: tuple[int, int]) -> str:
        (claim, owner), (prize, points) = of, won
        programme, op_id = self._programme, prize_op_id(self.item_id)
        item = draft.one(ITEM, self.item_id)
        serial = "" if item is None else item["serial"]
        code = f"https://id.gs1.org/01/{claim['gtin']}/21/{serial}"
        facts: dict[str, Canonical] = {"item": code, "prize": prize}
        grant = Grant(Holder.of(owner), programme, points, self.at, op_id, sale_id=op_id, facts=facts)
        issued = issue(draft, grant, self.room.worker)
        if issued.refused is not None:
            return self._later(draft)
        made = {"points": points, "net": issued.net, "epoch": issued.epoch, "leaf": issued.leaf}
        return self._end(draft, "given", prize=prize, **made)

    def _later(self, draft: Draft) -> str:
        draft.change(trace_prize, self.item_id, until=self.at + TRY_AGAIN)
        return "waiting"

    def _end(self, draft: Draft, state: str, **values: object) -> str:
        draft.change(trace_prize, self.item_id, state=state, **values)
        return state
