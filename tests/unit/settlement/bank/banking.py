"""A period of payouts with everybody's accounts, and statements of banks as they might come."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.settlement.bank.accounts import RESERVE, BankAccount
from ledger_service.settlement.bank.camt import Booking, StatementReader
from ledger_service.settlement.bank.matching import Expected, Matching, Outcome
from ledger_service.settlement.bank.pain import Accounts, Line, Order, amount_text
from ledger_service.settlement.bank.references import Reference
from ledger_service.settlement.netting import Payout

TAG = "0AF19C44"
A, B, C, D = (int(with_check_digit(f"95201000{n:04d}")) for n in (1, 2, 3, 4))
ACCOUNTS = {
    A: BankAccount(A, "Grocer & Söhne", iban="DE89370400440532013000", bic="COBADEFFXXX"),
    B: BankAccount(B, "Baker 麵包", iban="GB82WEST12345698765432", latin_name="Baker Mianbao"),
    C: BankAccount(C, "书店", account="6222021234567890123", member="102100099996", clearing="CNAPS"),
    D: BankAccount(D, "Łódź Öl", iban="FR1420041010050500013M02606", bic="PSSTFRPPXXX"),
}
# Where the grocer's reserve is held.
CUSTODIAN = BankAccount(A, "Trust & Treuhand", iban="NL91ABNA0417164300", bic="ABNANL2A", purpose=RESERVE)
PAYOUTS = (Payout(A, B, 12_345), Payout(A, C, 7), Payout(D, B, 100_000_000))
ORDER = Order(TAG, 12, 1, "EUR", date(2026, 3, 2), datetime(2026, 3, 1, tzinfo=UTC))


def lines(payouts: Sequence[Payout] = PAYOUTS) -> list[Line]:
    return [Line(index, payout) for index, payout in enumerate(payouts)]


def expected(payouts: Sequence[Payout] = PAYOUTS, paid: int = 0, exponent: int = 2) -> Expected:
    return Expected(TAG, 12, "EUR", exponent, payouts, paid, Accounts(ACCOUNTS))


@dataclass(frozen=True)
class Told:
    """One transaction as a bank tells it; by default the first payout, booked on the payer's account."""

    account: str = ACCOUNTS[A].number
    reference: str = Reference(TAG, 12, 0).text
    amount: str = "123.45"
    currency: str = "EUR"
    direction: str = "DBIT"
    status: str = "BOOK"
    creditor: str = ACCOUNTS[B].number
    more: str = ""
    entry: str = ""


def told_of(index: int, payout: Payout, exponent: int = 2) -> Told:
    """The bank's word that a payout is paid, on the payer's statement."""
    return Told(
        ACCOUNTS[payout.payer].number, Reference(TAG, 12, index).text, amount_text(payout.minor, exponent),
        creditor=ACCOUNTS[payout.payee].number,
    )  # fmt: skip


def told_by(order: str, account: str, creditor: str) -> list[Told]:
    """A bank's word that every payment of an order in USD went from one account to another."""
    ids = re.findall("<EndToEndId>(.*)</EndToEndId>", order)
    amounts = re.findall("<InstdAmt.*>(.*)</InstdAmt>", order)
    return [
        Told(account, one, amount, "USD", creditor=creditor) for one, amount in zip(ids, amounts, strict=True)
    ]


def statement(*bookings: Told, version: str = "08", balances: bool = True) -> bytes:
    """A camt.053 file with one statement for each account, in the order in which accounts come."""
    by_account: dict[str, list[Told]] = {}
    for booking in bookings:
        by_account.setdefault(booking.account, []).append(booking)
    body = "".join(_statement(n, told, version, balances) for n, told in enumerate(by_account.values(), 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-03T06:00:00Z</CreDtTm></GrpHdr>{body}"
        "</BkToCstmrStmt></Document>"
    ).encode()


def _statement(number: int, bookings: list[Told], version: str, balances: bool) -> str:
    booked = [b for b in bookings if b.status == "BOOK"]
    total = sum(_cents(b) if b.direction == "CRDT" else -_cents(b) for b in booked)
    held = _balance("OPBD", 5_000) + _balance("CLBD", 5_000 + total) if balances else _balance("OPAV", 1)
    entries = "".join(_entry(b, version) for b in bookings)
    return (
        f"<Stmt><Id>S{number}</Id><CreDtTm>2026-03-03T06:00:00Z</CreDtTm>"
        f"<Acct><Id>{_account(bookings[0].account)}</Id></Acct>{held}{entries}</Stmt>"
    )


def _cents(booking: Told) -> int:
    whole, _, part = booking.amount.partition(".")
    return int(whole) * 100 + int(f"{part:0<2}"[:2])


def _balance(kind: str, cents: int) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{abs(cents) / 100:.2f}</Amt>'
        f"<CdtDbtInd>{'CRDT' if cents >= 0 else 'DBIT'}</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>"
    )


def _account(number: str) -> str:
    return f"<IBAN>{number}</IBAN>" if number[:2].isalpha() else f"<Othr><Id>{number}</Id></Othr>"


def _entry(b: Told, version: str) -> str:
    status = b.status if version < "07" else f"<Cd>{b.status}</Cd>"
    amount = f'<Amt Ccy="{b.currency}">{b.amount}</Amt>'
    own = amount + f"<CdtDbtInd>{b.direction}</CdtDbtInd>" if version >= "03" else ""
    creditor = (
        f"<RltdPties><CdtrAcct><Id>{_account(b.creditor)}</Id></CdtrAcct></RltdPties>" if b.creditor else ""
    )
    return (
        f"<Ntry>{amount}<CdtDbtInd>{b.direction}</CdtDbtInd>{b.entry}<Sts>{status}</Sts>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{b.reference}</EndToEndId></Refs>{own}{creditor}{b.more}"
        "</TxDtls></NtryDtls></Ntry>"
    )


def bookings_of(content: bytes) -> list[Booking]:
    return list(StatementReader(io.BytesIO(content)).bookings())


def outcome_of(content: bytes, of: Expected | None = None) -> Outcome:
    matching = Matching(of or expected())
    for booking in bookings_of(content):
        matching.take(booking)
    return matching.outcome()
