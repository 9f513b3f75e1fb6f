"""Late attach: the receipt of a sale without a member joins one, once, with the sale's own earn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ledger_service.checkout import guarding
from ledger_service.checkout.attach.earning import Joined, Moment, join
from ledger_service.checkout.attach.errors import AttachToStaff, SaleClaimed, SaleHasMember
from ledger_service.checkout.attach.models import sale_attachment
from ledger_service.checkout.attach.requests import AttachRequest
from ledger_service.checkout.attach.rules import DAY_SECONDS, check_age
from ledger_service.checkout.claimed_receipts import codes_of, look_for, numbers_of, sold_at
from ledger_service.checkout.collecting.marking import mark
from ledger_service.checkout.earning import day_needs, issue_id
from ledger_service.checkout.errors import SaleWasImported, UnknownSale
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import imported_sale, invoice, sale
from ledger_service.checkout.presence import Presence, member_at_till
from ledger_service.checkout.receipts import SERIES, Promise, write_receipt
from ledger_service.checkout.record_views import earned_view
from ledger_service.checkout.records import SaleRecord, earned_text, record_of, returned_text
from ledger_service.checkout.requests import Write
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.tiering import late_needs
from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.points.adjustments import OF_SALE
from ledger_service.points.parties import MERCHANT, Holder
from ledger_service.points.receipts.book import Look
from ledger_service.risk.models import staff_link
from ledger_service.risk.rules import Act

SALE: Load = load_by(sale, "sale_id")
IMPORTED: Load = load_by(imported_sale, "sale_id")
INVOICES: Load = load_by(invoice, "sale_id")
STAFF_OF_MEMBER: Load = load_by(staff_link, "member_id", "merchant_id")


class AttachCommand(KeyedCommand):
    """A sale without a member gets one, and the earn that its own day, rule and tier gave.

    Idempotency: by caller and key; a sale joins once, whatever the key.
    Invariants: INV-1, INV-10, INV-11, INV-13.
    """

    def __init__(
        self, write: Write, request: AttachRequest, presence: Presence, scene: Scene, days: Mapping[int, int]
    ) -> None:
        """Take what the request thread has worked out; ``days`` are the merchants' policies."""
        super().__init__(write)
        self.request = request
        self.presence = presence
        self.scene = scene
        self.days = days

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, the seller, whose row orders it against claims, then the sale."""
        yield from self.presence.locks()
        yield MERCHANT.of(self.write.caller.merchant_id)
        yield SALE.of(self.request.sale_id)

    def reads(self, view: Workset) -> Iterable[Need]:
        """The member's rows as of the sale's day, whether it works here, and blocks to issue from."""
        yield SERIES.of(self.scene.desk.worker)
        yield OF_SALE.of(self.request.sale_id)
        yield INVOICES.of(self.request.sale_id)
        row, who = view.one(SALE, self.request.sale_id), self.presence.row(view)
        if row is None:
            yield IMPORTED.of(self.request.sale_id)
        yield from self.presence.reads(view, self.scene.accepted_at)
        if row is None or who is None:
            return
        yield from self._look(row, who["member_id"]).first()
        member_id, merchant_id = who["member_id"], self.write.caller.merchant_id
        yield STAFF_OF_MEMBER.of(member_id, merchant_id)
        issuers = self.scene.catalogue.by_issuer.get(merchant_id, ())
        yield from self.scene.worker.needs(issuers)
        yield from day_needs(member_id, issuers, row["occurred_at"])
        now, sold = seconds_floor(self.write.at), seconds_floor(row["occurred_at"])
        yield from late_needs(self.scene.ladders, (member_id, issuers), sold, max(now, sold))
        if self.scene.guard is not None:
            yield from self.scene.guard.needs(self._till(who, row["total_minor"]).who())

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """Receipts that claims stand for, by the invoices of the sale and of the member."""
        row, who = view.one(SALE, self.request.sale_id), self.presence.row(view)
        if row is not None and who is not None:
            look = self._look(row, who["member_id"], self._invoices(view))
            yield from look.first()
            yield from look.own(view)

    def operations(self) -> Sequence[bytes]:
        """What the sale's member earns, whoever attaches it under whichever key."""
        issuers = self.scene.catalogue.by_issuer.get(self.write.caller.merchant_id, ())
        return [issue_id(self.request.sale_id, programme.programme_id) for programme in issuers]

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Check sale, policy and member, issue the earn, and write the member into the sale.

        Raises:
            UnknownSale, SaleWasImported, SaleHasMember: there is no such sale to join.
            SaleClaimed: a claim stands for what it would earn.
            AttachClosed, AttachTooLate: by the merchant's policy.
            MemberUnknown, MemberFrozen: there is no such member, or it may do nothing.
            AttachToStaff: the member works here, and the caller is a till.
            RefusedByRules: a fraud rule says no.
        """
        self.scene.check()
        before = self._sale(draft)
        # Hosts' clocks differ: nobody joins a sale before it was made.
        at = max(self.write.at, before.occurred_at)
        check_age(self.days, before.merchant_id, seconds_floor(at) - seconds_floor(before.occurred_at))
        holder = member_at_till(draft, self.presence)
        self._check_claims(draft, before, holder)
        staff = self._second_person(draft, holder)
        moment = Moment(at, self._cleared(draft, before).review_until)
        joined = join(draft, before, holder, self.scene, moment)
        changed = {"member_id": holder.member_id, "earned": earned_text(joined.record.earned)}
        draft.change(sale, before.sale_id, **changed, returned=returned_text(joined.record.returned))
        row = {
            "sale_id": before.sale_id, "merchant_id": before.merchant_id, "member_id": holder.member_id,
            "cashier": self.request.cashier, "terminal_id": self.write.caller.terminal_id,
            "day": seconds_floor(at) // DAY_SECONDS, "total_minor": before.total_minor,
            "sold_at": before.occurred_at, "attached_at": at,
            "approved_by": self.write.caller.subject if staff else None,
        }  # fmt: skip
        draft.add(sale_attachment, row)
        if before.merchant_id in self.scene.collecting:
            mark(draft, before.sale_id, before.sale_id, holder.member_id, at)
        return 201, self._answer(draft, joined)

    def _sale(self, draft: Draft) -> SaleRecord:
        sale_id = self.request.sale_id
        row, mine = draft.get(sale, sale_id), self.write.caller.merchant_id
        if row is None:
            old = draft.one(IMPORTED, sale_id)
            if old is not None and old["merchant_id"] == mine:
                raise SaleWasImported(id_text(sale_id), old["reference"])
        if row is None or row["merchant_id"] != mine:
            raise UnknownSale(id_text(sale_id))
        if row["member_id"] is not None:
            raise SaleHasMember(id_text(sale_id))
        if self._is_answered(draft):
            raise SaleClaimed(id_text(sale_id))
        return record_of(row)

    def _is_answered(self, draft: Draft) -> bool:
        """Whether a claim's adjustment stands for what this sale would earn."""
        return any(one["state"] != "declined" for one in draft.find(OF_SALE, self.request.sale_id))

    def _check_claims(self, draft: Draft, before: SaleRecord, holder: Holder) -> None:
        """No claim that was granted, or asked for, without its sale was of this receipt."""
        invoices, place = self._invoices(draft), (before.sale_id, before.store_gln)
        sold = sold_at(self.scene, place, before.occurred_at, before.total_minor)
        sold = replace(sold, codes=codes_of(before.merchant_id, before.sale_id, invoices))
        look = self._look(before.row(), holder.member_id, invoices)
        if look.named(draft, sold) or look.alike(draft, sold):
            raise SaleClaimed(id_text(before.sale_id))

    def _look(self, row: Row, member_id: int, invoices: Iterable[str] = ()) -> Look:
        numbers = numbers_of(row["merchant_id"], row["store_gln"], row["reference"])
        return look_for(numbers, codes_of(row["merchant_id"], row["sale_id"], invoices), member_id)

    def _invoices(self, view: Workset | Draft) -> list[str]:
        return [row["number"] for row in view.find(INVOICES, self.request.sale_id)]

    def _cleared(self, draft: Draft, before: SaleRecord) -> guarding.Cleared:
        """What the fraud rules make of it."""
        row = self.presence.row(draft)
        if self.scene.guard is None or row is None:
            return guarding.CLEAR
        till = self._till(row, before.total_minor)
        return guarding.judge_earn(draft, self.scene.guard, till, (Act.ATTACH, before.sale_id))

    def _till(self, member: Row, total_minor: int) -> guarding.Till:
        return guarding.Till(self.write, member, self.request.cashier, total_minor)

    def _second_person(self, draft: Draft, holder: Holder) -> bool:
        """Whether the member works here: then the merchant itself must ask, whatever cashier the till
        names."""
        links = draft.find(STAFF_OF_MEMBER, holder.member_id, self.write.caller.merchant_id)
        if links and self.write.caller.terminal_id:
            raise AttachToStaff
        return bool(links)

    def _answer(self, draft: Draft, joined: Joined) -> dict[str, Any]:
        record, codes, at = joined.record, self.scene.codes(), self.write.at
        leaves = [bytes.fromhex(e.leaf) for e in record.earned if e.leaf]
        promise = Promise(record.sale_id, "attach", record.merchant_id, record.total_minor, leaves, at)
        earned = [
            {**earned_view(e, codes), "points": e.points - missed, "missed": missed}
            for e, missed in zip(record.earned, joined.missed, strict=True)
        ]
        return {
            "sale_id": id_text(record.sale_id),
            "merchant": gln_text(record.merchant_id),
            "cashier": self.request.cashier,
            "earned": earned,
            "receipt": write_receipt(draft, promise, self.scene.desk),
            "operations": [e.op_id for e in record.earned if e.leaf],
            "occurred_at": format_instant(record.occurred_at),
            "attached_at": format_instant(at),
        }
