"""A member claims an item: the PIN opens it once, and the brand's programme issues its points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ledger_service.checkout.items.early import claimed_op_id
from ledger_service.checkout.items.errors import (
    ClaimCapReached,
    ClaimNotOffered,
    ItemClaimed,
    ItemNotClaimable,
    ItemPinRefused,
)
from ledger_service.checkout.items.ports import ItemRegistry, Said
from ledger_service.checkout.items.requests import Claimed, ClaimRequest
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.ledger.book import lots_of
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.errors import IssuerSuspended, NotIssuable
from ledger_service.points.issuance import STANDING_OF_MEMBER, Grant, Issued, Worker, issue
from ledger_service.points.parties import MEMBER_BY_ID, Holder, issuer_is_suspended, issuer_need
from ledger_service.points.set_aside import INTENT
from ledger_service.traceability.claiming import rules
from ledger_service.traceability.claiming.models import trace_claim, trace_claim_count, trace_claim_terms
from ledger_service.traceability.claiming.rules import Terms, Whence
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.models import trace_batch, trace_item
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.prizes.models import trace_prize, trace_prize_pool
from ledger_service.traceability.scanning.marks import mark_of

ITEM_BY_CODE: Load = load_by(trace_item, "serial", "gtin")
ITEM: Load = load_by(trace_item, "item_id")
BATCH: Load = load_by(trace_batch, "batch_no")
CLAIM: Load = load_by(trace_claim, "item_id")
COUNT: Load = load_by(trace_claim_count, "scope")
TERMS: Load = load_by(trace_claim_terms, "gtin")
POOL: Load = load_by(trace_prize_pool, "batch_no")
_DAY = 86_400
Row = Mapping[str, Any]


@dataclass(frozen=True)
class ClaimRoom:
    """What claims are decided with: the secret behind PINs, the period's salt, the catalogue, the chain."""

    master: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    catalogue: Catalogue
    registry: ItemRegistry
    worker: Worker


def op_id_of(item_id: int) -> bytes:
    """The id of what a claim of this item issues: the same whoever claims it, whenever (INV-7, INV-12)."""
    return derive_id("item-claim", item_id)


class ClaimCommand(BookCommand[Claimed]):
    """The item is the member's, and its points stand or wait on the member's account.

    Idempotency: an item is claimed once. Work: a row is counted for an unknown item and a wrong PIN alike.
    Invariants: INV-1, INV-10, INV-11, INV-12.
    """

    def __init__(self, request: ClaimRequest, room: ClaimRoom) -> None:
        """Take the request and what it is decided with."""
        self.request = request
        self.room = room
        self._day = seconds_floor(request.at) // _DAY
        device = mark_of(room.salt, 0, request.device)
        whence = Whence(device, request.place.cell, request.channel)
        self._scopes = rules.scopes_of(request.gtin, request.member_id, whence, self._day)
        self._wrong = rules.scope_of_wrong(request.member_id, self._day)

    def probe(self) -> Iterable[Need]:
        """The item, for its number."""
        return [ITEM_BY_CODE.of(self.request.serial, self.request.gtin)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, what it and its device have claimed today, and the item."""
        yield MEMBER_BY_ID.of(self.request.member_id)
        yield from (COUNT.of(scope) for scope in (*self._scopes.values(), self._wrong))
        row = view.one(ITEM_BY_CODE, self.request.serial, self.request.gtin)
        yield ITEM.of(0 if row is None else row["item_id"])

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The same for every code: item, claim, batch, terms, the member's standing and lots."""
        yield ITEM_BY_CODE.of(self.request.serial, self.request.gtin)
        yield TERMS.of(self.request.gtin)
        yield lots_of(self.request.member_id)
        yield STANDING_OF_MEMBER.of(self.request.member_id)

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """Claim, issue, batch and prizes of the item, the block of the cap, the issuer, the batch's root."""
        row = view.one(ITEM_BY_CODE, self.request.serial, self.request.gtin)
        item_id = 0 if row is None else row["item_id"]
        yield CLAIM.of(item_id)
        yield INTENT.of(op_id_of(item_id))
        yield BATCH.of(item_id >> INDEX_BITS)
        yield POOL.of(item_id >> INDEX_BITS)
        yield from self.room.registry.needs(item_id >> INDEX_BITS)
        terms = terms_of(view.find(TERMS, self.request.gtin))
        programme = None if terms is None else self.room.catalogue.programmes.get(terms.programme_id)
        if programme is not None:
            yield from self.room.worker.needs([programme])
            yield issuer_need(programme)

    def apply(self, draft: Draft) -> Claimed:
        """Judge the PIN, then everything else.

        Raises:
            ItemPinRefused: unknown, wrong or locked; the try counts.
            ItemClaimed, ItemNotClaimable, ClaimNotOffered, ClaimCapReached: the PIN is right.
            MemberUnknown, MemberFrozen: there is no such member, or it may do nothing.
            IssuerSuspended, NotIssuable: the brand's programme cannot issue now; the item stays unclaimed.
            BlockEmpty: a block of the cap must be refilled first.
        """
        item = self._opened(draft)
        batch, terms = draft.one(BATCH, item["item_id"] >> INDEX_BITS), self._terms(draft, item)
        why = rules.why_not(
            State(item["state"]), batch is None or batch["recalled_at"] is not None,
            None if batch is None else batch["expiry"], self.request.at.date(),
        )  # fmt: skip
        if why is not None:
            raise ItemNotClaimable(why)
        taken = {cap: _times(draft, scope) for cap, scope in self._scopes.items()}
        full = rules.reached(terms, taken)
        if full is not None:
            raise ClaimCapReached(full)
        issued, programme = self._issue(draft, item, terms)
        self._write(draft, item, terms, issued)
        shown = issued.net, issued.collected, issued.state, issued.expires_at
        prize = self._draw_prize(draft, item["item_id"])
        return Claimed(op_id_of(item["item_id"]), programme.code, *shown, prize)

    def _opened(self, draft: Draft) -> Row:
        """The item, where the PIN is its own and neither it nor the member has tried too often."""
        request = self.request
        row = draft.one(ITEM_BY_CODE, request.serial, request.gtin)
        stored = None if row is None else row["pin_hash"]
        right = codes.is_right_pin(self.room.master, (request.gtin, request.serial), stored, request.pin)
        tired = _times(draft, self._wrong) >= rules.MOST_WRONG_A_DAY
        if row is None or not right or tired or row["wrong_pins"] >= codes.MOST_WRONG_PINS:
            refusal = ItemPinRefused()
            refusal.trace = partial(self._count_wrong, wrong=not right and not tired)
            raise refusal
        return row

    def _count_wrong(self, draft: Draft, wrong: bool) -> None:
        count(draft, self._wrong, self._day)
        row = draft.one(ITEM_BY_CODE, self.request.serial, self.request.gtin)
        if wrong and row is not None and row["wrong_pins"] < codes.MOST_WRONG_PINS:
            draft.change(trace_item, row["item_id"], wrong_pins=row["wrong_pins"] + 1)

    def _terms(self, draft: Draft, item: Row) -> Terms:
        claim = draft.get(trace_claim, item["item_id"])
        if claim is not None:
            raise ItemClaimed(claim["member_id"] == self.request.member_id)
        # Without its claim where a database was lost and the issue adopted from the chain: it has earned.
        issued = draft.one(INTENT, op_id_of(item["item_id"]))
        if issued is not None:
            raise ItemClaimed(issued["member_id"] == self.request.member_id)
        terms = terms_of(draft.find(TERMS, self.request.gtin))
        if terms is None or not terms.points:
            raise ClaimNotOffered
        return terms

    def _issue(self, draft: Draft, item: Row, terms: Terms) -> tuple[Issued, Programme]:
        owner = draft.one(MEMBER_BY_ID, self.request.member_id)
        if owner is None:
            raise MemberUnknown
        if owner["status"] != "active":
            raise MemberFrozen
        programme = self.room.catalogue.programmes[terms.programme_id]
        if issuer_is_suspended(draft, programme):
            raise IssuerSuspended(programme.code)
        op_id = op_id_of(item["item_id"])
        facts = {"item": f"https://id.gs1.org/01/{item['gtin']}/21/{item['serial']}"}
        grant = Grant(Holder.of(owner), programme, terms.points, self.request.at, op_id, sale_id=op_id,
                      facts=facts)  # fmt: skip
        issued = issue(draft, grant, self.room.worker)
        if issued.refused is not None:
            raise NotIssuable(programme.code, issued.refused)
        return issued, programme

    def _draw_prize(self, draft: Draft, item_id: int) -> bool:
        """The claim takes part in its batch's draw, where that has one that has not ended."""
        batch_no, at = item_id >> INDEX_BITS, self.request.at
        pool = draft.one(POOL, batch_no)
        if pool is None or at > pool["ends_at"]:
            return False
        row = {"item_id": item_id, "batch_no": batch_no, "state": "waiting", "until": at}
        nothing = dict.fromkeys(("prize", "points", "net", "epoch", "leaf", "coupon_left"))
        draft.add(trace_prize, row | nothing)
        return True

    def _write(self, draft: Draft, item: Row, terms: Terms, issued: Issued) -> None:
        request, item_id = self.request, item["item_id"]
        batch_no, op_id = item_id >> INDEX_BITS, op_id_of(item_id)
        programme = self.room.catalogue.programmes[terms.programme_id]
        draft.add(trace_claim, {
            "item_id": item_id, "op_id": op_id, "gtin": item["gtin"], "batch_no": batch_no,
            "member_id": request.member_id, "programme_id": terms.programme_id,
            "terms_version": terms.version, "points": terms.points, "net": issued.net, "epoch": issued.epoch,
            "leaf": issued.leaf, "device": mark_of(self.room.salt, item_id, request.device),
            "place": request.place.cell, "channel": request.channel, "claimed_at": request.at,
        })  # fmt: skip
        change_state(draft, item, State.ACTIVATED, None, request.at)
        for scope in self._scopes.values():
            count(draft, scope, self._day)
        owner = draft.one(MEMBER_BY_ID, request.member_id)
        if owner is not None:
            index = item_id & (1 << INDEX_BITS) - 1
            said = Said(claimed_op_id(item_id), programme.merchant_id, batch_no, index, request.at)
            self.room.registry.claimed(draft, said, owner["account"])


def terms_of(rows: Iterable[Row]) -> Terms | None:
    """The latest of a product's terms."""
    latest = max(rows, key=lambda row: row["version"], default=None)
    if latest is None:
        return None
    most = {cap: latest[f"{cap}_day_most"] for cap in rules.CAPS}
    return Terms(latest["version"], latest["programme_id"], latest["points"], most)


def change_state(draft: Draft, item: Row, state: State, place: int | None, at: Any) -> None:
    """The item is in another state, and remembers the one before."""
    was = {"state_before": item["state"], "state_place": place, "state_at": at}
    draft.change(trace_item, item["item_id"], state=str(state), **was)


def count(draft: Draft, scope: str, day: int) -> None:
    """One time more."""
    row = draft.one(COUNT, scope)
    if row is None:
        draft.add(trace_claim_count, {"scope": scope, "day": day, "times": 1})
    else:
        draft.change(trace_claim_count, scope, times=row["times"] + 1)


def _times(draft: Draft, scope: str) -> int:
    row = draft.one(COUNT, scope)
    return 0 if row is None else int(row["times"])
