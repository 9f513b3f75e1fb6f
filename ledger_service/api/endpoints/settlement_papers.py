"""Papers of closed periods, payment orders and banks' statements over HTTP; a merchant gets its own."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import date

from ledger_service.api import shapes
from ledger_service.api.administration import Administration
from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.settlement import period_number
from ledger_service.api.errors import NotYours
from ledger_service.api.paper_ports import Banking, OrderWish, PaperWish, PeriodPapers
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Record, Text
from ledger_service.chain.errors import PeriodStillOpen
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.settlement.bank import errors as bank
from ledger_service.settlement.bank.accounts import PURPOSES
from ledger_service.settlement.errors import (
    FiguresNotReady,
    NoOwners,
    OwnersPaperTooLong,
    PaperDiffers,
    PeriodNotPublished,
    SettlementNotOffered,
    StatementUnbalanced,
)

_GROUP = "Settlement"
_PERIOD = "/v1/settlement/periods/<period>"
_WRITE = scopes("merchant:write")
_PAPERS = ("statement.csv", "statement.pdf", "journal.csv", "owners.csv")
_TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
# Of a file of three megabytes, which holds some thousands of bookings; larger ones are the command line's.
_MOST_TEXT = 4 << 20
_TEXT = Text(140, 0)
_ACCOUNT = Named("BankAccount", Record(
    {"merchant": shapes.GLN, "name": Text(140)},
    {"iban": _TEXT, "account": _TEXT, "bic": _TEXT, "member": _TEXT, "clearing": _TEXT, "latin_name": _TEXT,
     "purpose": Text(one_of=PURPOSES, about="`reserve`: its custodian's; `owners`: receipts are split")},
))  # fmt: skip
_ACCOUNTS = Listing(_ACCOUNT, 512, 1, "Of all who pay or are paid; of who is in default the reserve's too")
_BANK_PROBLEMS = (
    *WRITE_PROBLEMS, PeriodNotPublished, SettlementNotOffered, bank.PeriodNotNetted,
    bank.BankAccountsMalformed, bank.BankAccountMissing, bank.ReserveAccountMissing, bank.OwnersUntold,
)  # fmt: skip
PAPER = Route(
    "GET", f"{_PERIOD}/papers/<gln>", "show-settlement-paper", scopes("sale:read"),
    "A merchant's paper of a closed period, the same bytes for ever", group=_GROUP,
    query={"paper": Parameter(Text(one_of=_PAPERS), "Which; `owners.csv` splits it to owners of stores",
                              required=True),
           "stage": Parameter(Text(one_of=("closed", "netted")), "`closed`: also where it is netted by now"),
           "language": Parameter(Text(one_of=("en", "zh-Hans", "zh-Hant")), "Of the PDF, en where none")},
    problems=(NotYours, PeriodStillOpen, FiguresNotReady, MerchantUnknown, PaperDiffers, StatementUnbalanced,
              NoOwners, OwnersPaperTooLong),
    success=Success(200, "The file.", media_types=("text/csv", "application/pdf")),
)  # fmt: skip
ORDER = Route(
    "POST", f"{_PERIOD}/payment-orders", "order-settlement-payouts", _WRITE,
    "The payouts of a netted period as a payment order for the bank (pain.001)", group=_GROUP, write=True,
    body=Named("PaymentOrder", Record(
        {"execution": shapes.DATE, "accounts": _ACCOUNTS},
        {"attempt": Integer(1, 99, "From 2 on: what is not marked as paid once more"),
         "charset": Text(one_of=("unicode", "latin"), about="Of names")})),
    problems=(*_BANK_PROBLEMS, bank.NothingToPay, bank.PayoutsPaidAlready, bank.PayoutInParts,
              bank.BankNameNotLatin, bank.PayoutTooLarge),
    success=Success(201, "The same bytes for the same order, so a bank refuses a second one.", shapes.answer(
        "PaymentOrderFile", period=Integer(1), payouts=Listing(Integer()),
        pools=Listing(Integer(1), about="Programmes whose issuer and pool pay each other beside the desk"),
        coupons=Listing(Integer(), about="Payments of coupons' funders, by index in `coupon-nets`"),
        document=Text(_MOST_TEXT, about="The file, base64"))),
    dialect=Dialect(most_bytes=1 << 18),
)  # fmt: skip
STATEMENT = Route(
    "POST", f"{_PERIOD}/bank-statements", "read-bank-statement", _WRITE,
    "Payouts that a bank's statement (camt.053) shows as booked are marked as paid", group=_GROUP, write=True,
    body=Named("BankStatement", Record(
        {"statement": Text(_MOST_TEXT, about="The file, base64"), "accounts": _ACCOUNTS})),
    problems=(*_BANK_PROBLEMS, *CHAIN_PROBLEMS, bank.BankStatementUnreadable, bank.BankStatementForeign,
              bank.BankStatementTorn),
    success=Success(201, "What was marked, and why anything else pays nothing.", shapes.answer(
        "BankStatementRead", period=Integer(1), evidence=Text(), paid_now=Listing(Integer()),
        paid_before=Listing(Integer()), cases=Listing(Record(closed=False)),
        pools_paid_now=Listing(Integer(1)), pools_paid_before=Listing(Integer(1)),
        pools_open=Listing(Integer(1)), pool_cases=Listing(Record(closed=False)),
        coupons_paid_now=Listing(Integer()), coupons_paid_before=Listing(Integer()),
        coupons_open=Listing(Integer()), coupon_cases=Listing(Record(closed=False)),
        unmatched=Listing(Record(closed=False)), counts=Record(closed=False), open=Listing(Integer()))),
    dialect=Dialect(most_bytes=_MOST_TEXT + (1 << 18)),
)  # fmt: skip
ROUTES = (PAPER, ORDER, STATEMENT)


@dataclass(frozen=True, slots=True)
class SettlementPapersDoor:
    """The endpoints of this module."""

    administration: Administration
    papers: PeriodPapers
    banking: Banking

    def paper(self, call: Call) -> Reply:
        """A paper as a file."""
        number, merchant = period_number(call.path["period"]), parse_gln(call.path["gln"], "gln")
        if call.caller.merchant_id not in (None, merchant):
            raise NotYours("gln")
        query = call.query
        wish = PaperWish(query["paper"], query.get("stage") == "closed", query.get("language", "en"))
        name, body = self.papers.paper(number, merchant, wish)
        told = (("Content-Disposition", f'attachment; filename="{name}"'),)
        return Reply(body, media_type=_TYPES[name.rpartition(".")[2]], headers=told)

    def order(self, call: Call) -> Reply:
        """The payment order; it holds account numbers, so the answer is kept sealed."""
        number, given = period_number(call.path["period"]), call.body.fields
        replay = self.administration.replay(call, secret=True)
        if replay is not None:
            return replay
        latin = given.get("charset") == "latin"
        wish = OrderWish(_day(given["execution"]), given.get("attempt", 1), latin)
        document, ordered = self.banking.order(number, given["accounts"], wish)
        told = {"period": number, **ordered, "document": b64encode(document).decode()}
        return self.administration.write(call, lambda conn: told, secret=True)

    def read_statement(self, call: Call) -> Reply:
        """What the bank says is done; the answer tells accounts of strangers, so it is kept sealed."""
        number, given = period_number(call.path["period"]), call.body.fields
        replay = self.administration.replay(call, secret=True)
        if replay is not None:
            return replay
        try:
            content = b64decode(given["statement"], validate=True)
        except NotBase64:
            raise MalformedField("statement", "must be base64") from None
        told = self.banking.read_statement(number, given["accounts"], content)
        return self.administration.write(call, lambda conn: told, secret=True)


def served(door: SettlementPapersDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.paper, door.order, door.read_statement)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MalformedField("execution", "must be a day") from None
