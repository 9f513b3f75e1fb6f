"""Giving a ticket to another member: the old holder's code and pass work no more from then on."""

from __future__ import annotations

from collections.abc import Iterable

from ledger_service.coupons.tickets import book
from ledger_service.coupons.tickets.book import DEFINITION, TICKET, Row, TicketAct
from ledger_service.coupons.tickets.errors import TicketNotUsable, TicketUnknown
from ledger_service.coupons.tickets.models import ticket
from ledger_service.coupons.tickets.rules import Kind, hindrance
from ledger_service.coupons.wallet.claiming import the_member
from ledger_service.coupons.wallet.errors import CouponGiftRefused
from ledger_service.coupons.wallet.requests import Giving
from ledger_service.coupons.wallet.rules import MOST_GIFTS, NO_GIFT
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import format_instant
from ledger_service.members.queries import MEMBER_BY_NUMBER


class GiveTicketCommand(BookCommand[Row]):
    """The ticket is the recipient's; ``giving`` names it as a coupon's gift names the coupon.

    Locks: both members and the ticket.
    """

    def __init__(self, giving: Giving, act: TicketAct) -> None:
        """Take the request."""
        self._giving, self._act = giving, act

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        giving = self._giving
        yield from (MEMBER_BY_NUMBER.of(n) for n in (giving.giver_number, giving.recipient_number))
        yield TICKET.of(giving.coupon_id)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Whether the event was called off."""
        row = view.one(TICKET, self._giving.coupon_id)
        return () if row is None else [DEFINITION.of(row["definition_id"])]

    def apply(self, draft: Draft) -> Row:
        """Give.

        Raises:
            MemberUnknown, MemberFrozen, HouseholdAccount: giver or recipient.
            TicketUnknown: it is not the giver's, or not any more.
            TicketNotUsable: entered, refunded, called off or over.
            CouponGiftRefused: not-givable, given-before, to-self.
        """
        giver = the_member(draft, self._giving.giver_number)
        row = draft.get(ticket, self._giving.coupon_id)
        if row is None or row["holder"] != giver:
            raise TicketUnknown
        recipient = the_member(draft, self._giving.recipient_number)
        if recipient == giver:
            raise CouponGiftRefused("to-self")
        done = hindrance(row, book.called_off_at(draft, row), self._act.at)
        if done is not None:
            raise TicketNotUsable(done.reason, format_instant(done.since))
        if row["gifts"] >= MOST_GIFTS[row["gift"]]:
            raise CouponGiftRefused("not-givable" if row["gift"] == NO_GIFT else "given-before")
        return book.note(draft, row, Kind.GIVEN, self._act, holder=recipient, gifts=row["gifts"] + 1)
