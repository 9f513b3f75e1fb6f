"""Payouts as a payment order, ISO 20022 pain.001.001.09: the version that SEPA, CGI-MP and Swiss banks take.

The file is a function of what it orders: ids come from alliance, period and attempt, so the same order is the
same file, and a bank that looks for duplicates by message id refuses it the second time.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple
from xml.etree import ElementTree as Xml

from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.money import exponent_of
from ledger_service.settlement.bank.accounts import BankAccount
from ledger_service.settlement.bank.charset import latin_name, unicode_name
from ledger_service.settlement.bank.errors import BankNameNotLatin, PayoutTooLarge
from ledger_service.settlement.bank.references import Reference
from ledger_service.settlement.netting import Payout

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_GREATEST_MINOR = 10**18


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered when; ``attempt`` counts orders of a period from 1, ``latin`` is for SEPA banks."""

    tag: str
    period: int
    attempt: int
    currency: str
    execution: date
    created: datetime
    latin: bool = False

    @property
    def message_id(self) -> str:
        """At most 26 characters."""
        return f"AL{self.tag}P{self.period}A{self.attempt}"


class Line(NamedTuple):
    """A payout with its number in its period, or a part of it from 1 on for an account of another's.

    The reference carries both numbers.
    """

    number: int
    payout: Payout
    part: int = 0
    creditor: BankAccount | None = None


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whose money moves where: accounts of all who pay and are paid, and reserves of those in default.

    A payer with a reserve here does not pay itself: its custodian's account is debited, and the payer is told
    as the one for whom it is done (the ultimate debtor).
    """

    own: Mapping[int, BankAccount]
    reserves: Mapping[int, BankAccount] = field(default_factory=dict)


def payment_order(order: Order, lines: Sequence[Line], accounts: Accounts) -> bytes:
    """The order as an XML document in UTF-8: one payment information for each payer.

    Args:
        order: what and when.
        lines: at least one payout, each number and part once.
        accounts: of all who pay and are paid.

    Raises:
        BankNameNotLatin: Latin letters are asked for, and a name has others.
        PayoutTooLarge: all together have more than 18 digits.
    """
    if sum(line.payout.minor for line in lines) >= _GREATEST_MINOR:
        raise PayoutTooLarge(max(lines, key=lambda line: line.payout.minor).number)
    writer = _Writer(order, accounts)
    root = Xml.Element("Document", xmlns=NAMESPACE)
    body = _under(root, "CstmrCdtTrfInitn")
    writer.header(_under(body, "GrpHdr"), lines)
    by_payer = sorted(lines, key=lambda line: (line.payout.payer, line.number, line.part))
    for number, (payer, of_payer) in enumerate(groupby(by_payer, lambda line: line.payout.payer), 1):
        writer.of_payer(_under(body, "PmtInf"), number, payer, list(of_payer))
    Xml.indent(root)
    document = io.BytesIO()
    Xml.ElementTree(root).write(document, "UTF-8", xml_declaration=True)
    return document.getvalue() + b"\n"


def amount_text(minor: int, exponent: int) -> str:
    """Minor units as a decimal number of the currency, exact."""
    if not exponent:
        return str(minor)
    whole, part = divmod(minor, 10**exponent)
    return f"{whole}.{part:0{exponent}}"


class _Writer:
    def __init__(self, order: Order, accounts: Accounts) -> None:
        self._order, self._accounts = order, accounts
        self._exponent = exponent_of(order.currency)

    def header(self, head: Xml.Element, lines: Sequence[Line]) -> None:
        _text(head, "MsgId", self._order.message_id)
        _text(head, "CreDtTm", format_instant(self._order.created))
        self._sums(head, lines)
        _text(_under(head, "InitgPty"), "Nm", f"Alliance {self._order.tag}")

    def of_payer(self, info: Xml.Element, number: int, payer: int, lines: Sequence[Line]) -> None:
        own, reserve = self._accounts.own[payer], self._accounts.reserves.get(payer)
        debtor = reserve or own
        _text(info, "PmtInfId", f"{self._order.message_id}D{number}")
        _text(info, "PmtMtd", "TRF")
        self._sums(info, lines)
        _text(_under(info, "ReqdExctnDt"), "Dt", self._order.execution.isoformat())
        _text(_under(info, "Dbtr"), "Nm", self._name(debtor))
        _account(_under(info, "DbtrAcct"), debtor)
        _agent(_under(info, "DbtrAgt"), debtor)
        if reserve is not None:
            self._ultimate(_under(info, "UltmtDbtr"), own)
        # SEPA knows no other bearer than SLEV, and nobody else knows that one.
        sepa = self._order.currency == "EUR" and bool(debtor.iban)
        _text(info, "ChrgBr", "SLEV" if sepa else "SHAR")
        for line in lines:
            self._payout(_under(info, "CdtTrfTxInf"), line)

    def _payout(self, transfer: Xml.Element, line: Line) -> None:
        payee, order = line.creditor or self._accounts.own[line.payout.payee], self._order
        reference = Reference(order.tag, order.period, line.number, line.part).text
        ids = _under(transfer, "PmtId")
        _text(ids, "InstrId", reference)
        _text(ids, "EndToEndId", reference)
        amount = _text(_under(transfer, "Amt"), "InstdAmt", amount_text(line.payout.minor, self._exponent))
        amount.set("Ccy", order.currency)
        if payee.bic or payee.member:
            _agent(_under(transfer, "CdtrAgt"), payee)
        _text(_under(transfer, "Cdtr"), "Nm", self._name(payee))
        _account(_under(transfer, "CdtrAcct"), payee)
        _text(_under(transfer, "RmtInf"), "Ustrd", f"Points settlement period {order.period} {reference}")

    def _ultimate(self, party: Xml.Element, account: BankAccount) -> None:
        """By its GLN too: two merchants may have the same name."""
        _text(party, "Nm", self._name(account))
        other = _under(_under(_under(party, "Id"), "OrgId"), "Othr")
        _text(other, "Id", gln_text(account.merchant))
        _text(_under(other, "SchmeNm"), "Prtry", "GLN")

    def _sums(self, parent: Xml.Element, lines: Sequence[Line]) -> None:
        _text(parent, "NbOfTxs", str(len(lines)))
        _text(parent, "CtrlSum", amount_text(sum(line.payout.minor for line in lines), self._exponent))

    def _name(self, account: BankAccount) -> str:
        if not self._order.latin:
            return unicode_name(account.name)
        name = latin_name(account.latin_name or account.name)
        if name is None:
            raise BankNameNotLatin(gln_text(account.merchant))
        return name


def _account(parent: Xml.Element, account: BankAccount) -> None:
    number = _under(parent, "Id")
    if account.iban:
        _text(number, "IBAN", account.iban)
    else:
        _text(_under(number, "Othr"), "Id", account.account)


def _agent(parent: Xml.Element, account: BankAccount) -> None:
    bank = _under(parent, "FinInstnId")
    if account.bic:
        _text(bank, "BICFI", account.bic)
    if account.member:
        member = _under(bank, "ClrSysMmbId")
        if account.clearing:
            _text(_under(member, "ClrSysId"), "Cd", account.clearing)
        _text(member, "MmbId", account.member)
    if not (account.bic or account.member):
        # What the SEPA guidelines ask for where the IBAN alone names the bank.
        _text(_under(bank, "Othr"), "Id", "NOTPROVIDED")


def _under(parent: Xml.Element, name: str) -> Xml.Element:
    return Xml.SubElement(parent, name)


def _text(parent: Xml.Element, name: str, text: str) -> Xml.Element:
    element = _under(parent, name)
    element.text = text
    return element
