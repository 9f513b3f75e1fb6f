"""The checkout: quote, sale, authorise, capture, void, extend, refund, look up."""

from __future__ import annotations

from ledger_service.api import shapes
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Listing, Record
from ledger_service.checkout import basket_errors as baskets
from ledger_service.checkout import day_errors as days
from ledger_service.checkout import errors as refusals
from ledger_service.checkout import parsing
from ledger_service.checkout import return_errors as returns
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.archive_errors import AnswerArchived, SaleArchived
from ledger_service.checkout.couponing.parsing import parse_wish
from ledger_service.checkout.couponing.service import CouponedCheckout
from ledger_service.checkout.requests import Caller, EventRequest, Write
from ledger_service.checkout.service import CheckoutService
from ledger_service.checkout.taking.errors import PointsNotTaken
from ledger_service.coupons.stored import errors as stored
from ledger_service.coupons.wallet.errors import CouponCodesLocked
from ledger_service.custody.errors import CustodialLimitReached, SignerUnavailable
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.kernel import paycode_errors as codes
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.ids import parse_id
from ledger_service.ledger import errors as ledger
from ledger_service.members.cards import errors as cards
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdLimitReached, HouseholdSpendRefused
from ledger_service.merchants.errors import MerchantSuspended, StoreUnknown, TerminalUnknown
from ledger_service.points.errors import CustodialLimitExceeded, OperationAdopted
from ledger_service.risk import errors as risk

_GROUP = "Checkout"
Problems = tuple[type[DomainError], ...]
WRITE_OF_TERMINAL: Problems = (
    refusals.IdempotencyKeyReused, AnswerArchived, refusals.RequestInFlight, WriterBusy,
    StorageUnavailable, NotYours, TerminalUnknown, MerchantSuspended, days.NotInTraining,
    days.AttendantNeeded,
)  # fmt: skip
_SHIFT: Problems = (days.BusinessDateOutOfRange,)
_PLACE: Problems = (StoreUnknown, refusals.StoreOfAnotherMerchant, refusals.WrongCurrency)
_MEMBER: Problems = (
    MemberUnknown, MemberFrozen, codes.PayCodeMalformed, codes.PayCodeVersionUnknown, codes.PayCodeForeign,
    codes.PayCodeOfFormerHouse, codes.PayCodeExpired, codes.PayCodeTooLongLived, codes.PayCodeAltered,
    codes.PayCodeUsed, codes.PayCodeRevoked, codes.PayCodeWrong, codes.PayCodeLocked,
    cards.CardEnded, cards.PinWrong, cards.PinLocked, cards.PinBlocked, cards.CodeWrong, cards.CustodyMissing,
)  # fmt: skip
_SPEND: Problems = (
    refusals.UnknownProgramme, refusals.ProgrammeWithoutTerms, refusals.ProgrammeFrozenForMember,
    refusals.NotEnoughPoints, refusals.TooManyLegs, refusals.SpendExceedsTotal, refusals.SpendWorthNothing,
    refusals.PermitValueExceeded, refusals.ClockSkew, refusals.AcceptanceForged, CustodialLimitExceeded,
    CustodialLimitReached, SignerUnavailable, days.SelfCheckoutLimit, HouseholdSpendRefused,
    HouseholdLimitReached, PointsNotTaken,
)  # fmt: skip
_RULES: Problems = (risk.StepUpRequired, risk.HeldForReview, risk.RefusedByRules, risk.PaymentDeclined)
_CARDS: Problems = (
    stored.ValueCardUnknown, stored.ValueCardNotUsable, stored.ValueCardShort, CouponCodesLocked,
)  # fmt: skip
_TENDERS: Problems = (baskets.TendersDoNotAddUp, baskets.PointsTenderDiffers, *_CARDS)
_PAID: Problems = (*_TENDERS, returns.InvoiceNumberUsed)
_HOLD: Problems = (ledger.HoldUnknown, ledger.HoldClosed, ledger.HoldExpired)

QUOTE = Route(
    "POST", "/v1/quotes", "quote", scopes("quote"), "What a basket would spend and earn now", group=_GROUP,
    body=shapes.QUOTE_BODY, room_checks=True,
    problems=(*_PLACE, *_MEMBER, *_SPEND, *_TENDERS, TerminalUnknown, NotYours, days.AttendantNeeded),
    success=Success(200, "The quote, each part with the rule that decided.", shapes.QUOTE),
)  # fmt: skip
SALE = Route(
    "POST", "/v1/sales", "sale", scopes("sell"), "Sell a basket in one call", group=_GROUP, write=True,
    body=shapes.SALE_BODY, room_checks=True,
    problems=(*WRITE_OF_TERMINAL, *_PLACE, *_MEMBER, *_SPEND, *_PAID, *_SHIFT, *_RULES, OperationAdopted),
    success=Success(201, "Sold; points are spent and earned.", shapes.SALE),
)  # fmt: skip
AUTHORISE = Route(
    "POST", "/v1/authorisations", "authorise", scopes("authorise"), "Hold points for a basket", group=_GROUP,
    body=shapes.AUTHORISE_BODY, room_checks=True, write=True,
    problems=(*WRITE_OF_TERMINAL, *_PLACE, *_MEMBER, *_SPEND, refusals.NothingToHold, *_RULES, *_CARDS),
    success=Success(201, "The points are held.", shapes.answer("Hold", hold_id=shapes.HEX_ID)),
)  # fmt: skip
CAPTURE = Route(
    "POST", "/v1/authorisations/<hold>/captures", "capture", scopes("authorise"), "Turn a hold into a sale",
    group=_GROUP, body=shapes.CAPTURE_BODY, room_checks=True, write=True,
    problems=(*WRITE_OF_TERMINAL, *_HOLD, *_SPEND, *_PAID, *_SHIFT, ledger.CaptureTooLarge,
              refusals.HoldFrozen, OperationAdopted),
    success=Success(201, "Sold; what was captured is spent.", shapes.SALE),
)  # fmt: skip
VOID = Route(
    "POST", "/v1/authorisations/<hold>/void", "void", scopes("authorise"), "Free a hold", group=_GROUP,
    body=shapes.VOID_BODY, room_checks=True, problems=WRITE_OF_TERMINAL + _HOLD + _SHIFT, write=True,
    success=Success(200, "The hold is closed.", Record(closed=False)),
)  # fmt: skip
EXTEND = Route(
    "POST", "/v1/authorisations/<hold>/extend", "extend", scopes("authorise"), "Keep a hold alive",
    group=_GROUP, body=shapes.EXTEND_BODY, room_checks=True, write=True,
    problems=WRITE_OF_TERMINAL + _HOLD + (ledger.ExtensionRefused,),
    success=Success(200, "The hold has the new deadline.", Record(closed=False)),
)  # fmt: skip
REFUND = Route(
    "POST", "/v1/sales/<sale>/refunds", "refund", scopes("refund"), "Take back items of a sale",
    group=_GROUP, body=shapes.REFUND_BODY, room_checks=True, write=True,
    problems=(*WRITE_OF_TERMINAL, refusals.UnknownSale, refusals.SaleWasImported, refusals.UnknownLine,
              refusals.RefundExceedsSale, baskets.LineUnitDiffers, returns.ReturnAtAnotherMerchant,
              returns.ReturnAtAnotherStore, returns.ReturnTooLate, returns.InvoiceNumberUsed,
              OperationAdopted, SaleArchived, *_SHIFT, days.TrainingMixed, risk.RefusedByRules),
    success=Success(201, "Taken back; spend and earn are reversed.",
                    shapes.REFUND),
)  # fmt: skip
EVENT = Route(
    "POST", "/v1/sales/<sale>/events", "record-event", scopes("sell"), "Tell what points of a sale wait for",
    group=_GROUP, body=Record({"event": shapes.EVENT}), write=True,
    problems=(refusals.IdempotencyKeyReused, AnswerArchived, WriterBusy, StorageUnavailable,
              NotYours, refusals.UnknownSale, SaleArchived, refusals.EventNotAwaited,
              refusals.EventRecorded, refusals.EventTooLate, days.NotInTraining),
    success=Success(201, "Recorded; what awaited it vests.", shapes.answer(
        "SaleEvent", sale_id=shapes.HEX_ID, event=shapes.EVENT, recorded_at=shapes.INSTANT,
        due=Listing(Record({"programme": shapes.PROGRAMME, "points": shapes.POINTS}, closed=False)))),
)  # fmt: skip
FIND = Route(
    "GET", "/v1/sales/<sale>", "find-sale", scopes("sell", "sale:read"), "A sale with its refunds so far",
    group=_GROUP, problems=(refusals.UnknownSale, SaleArchived, NotYours),
    success=Success(200, "The sale.", shapes.SALE),
)  # fmt: skip
ROUTES = (QUOTE, SALE, AUTHORISE, CAPTURE, VOID, EXTEND, REFUND, EVENT, FIND)


def served(service: CheckoutService, couponed: CouponedCheckout) -> list[Served]:
    """The routes of this module bound to the checkout."""

    def quote(call: Call) -> Reply:
        return _quote(call, service, couponed)

    def sale(call: Call) -> Reply:
        return _sale(call, service, couponed)

    def authorise(call: Call) -> Reply:
        wish, body = parse_wish(call.body.fields)
        write, request = write_of(call), parsing.parse_authorise(body)
        if wish is None:
            return reply_of(service.authorise(write, request))
        return reply_of(couponed.authorise(write, request, wish))

    def capture(call: Call) -> Reply:
        request = parsing.parse_capture(call.path["hold"], call.body.fields)
        return reply_of(service.capture(write_of(call), request))

    def void(call: Call) -> Reply:
        return reply_of(service.void(write_of(call), parsing.parse_void(call.path["hold"], call.body.fields)))

    def extend(call: Call) -> Reply:
        request = parsing.parse_extend(call.path["hold"], call.body.fields)
        return reply_of(service.extend(write_of(call), request))

    def refund(call: Call) -> Reply:
        return _refund(call, service, couponed)

    def record_event(call: Call) -> Reply:
        request = EventRequest(parse_id(call.path["sale"], "sale"), call.body.fields["event"])
        write = Write(reader_of(call), call.key, call.body.digest, call.at, call.refusal)
        return reply_of(service.record_event(write, request))

    def find(call: Call) -> Reply:
        return Reply(service.find_sale(reader_of(call), parse_id(call.path["sale"], "sale")))

    endpoints = (quote, sale, authorise, capture, void, extend, refund, record_event, find)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _quote(call: Call, service: CheckoutService, couponed: CouponedCheckout) -> Reply:
    wish, body = parse_wish(call.body.fields)
    caller, request = caller_of(call), parsing.parse_quote(body)
    if wish is None or caller.training or request.shift.training:
        return Reply(service.quote(caller, request, call.at))
    return Reply(couponed.quote(caller, request, wish, call.at))


def _sale(call: Call, service: CheckoutService, couponed: CouponedCheckout) -> Reply:
    wish, body = parse_wish(call.body.fields)
    write, request = write_of(call), parsing.parse_sale(body)
    if wish is None or write.caller.training or request.shift.training:
        return reply_of(service.sale(write, request))
    return reply_of(couponed.sale(write, request, wish))


def _refund(call: Call, service: CheckoutService, couponed: CouponedCheckout) -> Reply:
    write, request = write_of(call), parsing.parse_refund(call.path["sale"], call.body.fields)
    training = write.caller.training or request.shift.training
    used = () if training else couponed.used(request.sale_id)
    return reply_of(couponed.refund(write, request, used) if used else service.refund(write, request))


def caller_of(call: Call) -> Caller:
    """The terminal that calls.

    Raises:
        NotYours: the key acts for no terminal.
    """
    principal = call.caller
    terminal, merchant = principal.terminal_id, principal.merchant_id
    if terminal is None or merchant is None:
        raise NotYours("terminal")
    return Caller(
        principal.subject,
        merchant,
        terminal,
        principal.till_key,
        principal.suspended,
        principal.store_gln,
        principal.points_most_minor,
        principal.training,
    )


def reader_of(call: Call) -> Caller:
    """Whose sales the caller may read, and tell events of: its own merchant's.

    Raises:
        NotYours: the key acts for no merchant.
    """
    principal = call.caller
    if principal.merchant_id is None:
        raise NotYours("merchant")
    return Caller(
        principal.subject, principal.merchant_id, principal.terminal_id or "", training=principal.training
    )


def write_of(call: Call) -> Write:
    """The frame of a write by a terminal."""
    return Write(caller_of(call), call.key, call.body.digest, call.at, call.refusal)


def reply_of(answer: Answer) -> Reply:
    """The stored bytes of an answer as they are."""
    return Reply(answer.body, answer.status, answer.replayed)
