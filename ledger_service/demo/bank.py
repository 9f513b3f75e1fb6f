"""The bank of the main run: it is handed a payment order (pain.001) and books it, all of it, on one statement
of each payer's account (camt.053), as a bank's evening file tells it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as Xml

from ledger_service.demo.alliance_plan import MERCHANTS

_ORDER = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"
_STATEMENT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_ACCOUNT, _OTHER = "DbtrAcct", "CdtrAcct"


def accounts_file() -> str:
    """Every merchant's bank account as `alliance settle --accounts` reads it: CSV."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(("merchant", "name", "account", "bic"))
    for merchant in MERCHANTS:
        rows.writerow((merchant.gln, merchant.name, f"77{merchant.position:08d}", "ALLIUS33"))
    return written.getvalue()


def evening_statement(order: bytes, day: date) -> bytes:
    """What the bank says of an order in the evening: every payment is booked.

    Args:
        order: a pain.001.001.09 document of ours.
        day: when it was booked.
    """
    paying = list(Xml.fromstring(order).iter(f"{_ORDER}PmtInf"))  # noqa: S314 -- the run's own file
    root = Xml.Element("Document", xmlns=_STATEMENT)
    body = Xml.SubElement(root, "BkToCstmrStmt")
    head = Xml.SubElement(body, "GrpHdr")
    _text(head, "MsgId", f"EVENING{day:%Y%m%d}")
    _text(head, "CreDtTm", f"{day}T18:00:00Z")
    for number, payments in enumerate(paying, start=1):
        _statement(Xml.SubElement(body, "Stmt"), payments, (number, day))
    written = io.BytesIO()
    Xml.ElementTree(root).write(written, "UTF-8", xml_declaration=True)
    return written.getvalue()


def _statement(into: Xml.Element, payments: Xml.Element, told: tuple[int, date]) -> None:
    """One payer's account, which held in the morning what it pays, and holds nothing in the evening."""
    number, day = told
    amounts = [_ordered(payment) for payment in _payments(payments)]
    held = sum((Decimal(amount.text or "") for amount in amounts), Decimal(0))
    _text(into, "Id", f"S{number}")
    _text(into, "CreDtTm", f"{day}T18:00:00Z")
    _account(Xml.SubElement(into, "Acct"), payments, _ACCOUNT)
    for balance, amount in (("OPBD", held), ("CLBD", held - held)):
        _balance(Xml.SubElement(into, "Bal"), balance, (f"{amount:f}", amounts[0].get("Ccy", "")), day)
    for payment in _payments(payments):
        entry = Xml.SubElement(into, "Ntry")
        _amount(entry, payment)
        _text(Xml.SubElement(entry, "Sts"), "Cd", "BOOK")
        family = Xml.SubElement(Xml.SubElement(entry, "BkTxCd"), "Domn")
        _text(family, "Cd", "PMNT")
        kind = Xml.SubElement(family, "Fmly")
        _text(kind, "Cd", "ICDT")
        _text(kind, "SubFmlyCd", "ESCT")
        details = Xml.SubElement(Xml.SubElement(entry, "NtryDtls"), "TxDtls")
        reference = payment.findtext(f"{_ORDER}PmtId/{_ORDER}EndToEndId", "")
        _text(Xml.SubElement(details, "Refs"), "EndToEndId", reference)
        _amount(details, payment)
        _account(Xml.SubElement(Xml.SubElement(details, "RltdPties"), _OTHER), payment, _OTHER)


def _payments(payments: Xml.Element) -> Iterator[Xml.Element]:
    yield from payments.iter(f"{_ORDER}CdtTrfTxInf")


def _ordered(payment: Xml.Element) -> Xml.Element:
    found = payment.find(f"{_ORDER}Amt/{_ORDER}InstdAmt")
    if found is None:
        raise ValueError("a payment without an amount")
    return found


def _amount(into: Xml.Element, payment: Xml.Element) -> None:
    ordered = _ordered(payment)
    _text(into, "Amt", ordered.text or "").set("Ccy", ordered.get("Ccy", ""))
    _text(into, "CdtDbtInd", "DBIT")


def _balance(into: Xml.Element, kind: str, money: tuple[str, str], day: date) -> None:
    _text(Xml.SubElement(Xml.SubElement(into, "Tp"), "CdOrPrtry"), "Cd", kind)
    _text(into, "Amt", money[0]).set("Ccy", money[1])
    _text(into, "CdtDbtInd", "CRDT")
    _text(Xml.SubElement(into, "Dt"), "Dt", day.isoformat())


def _account(into: Xml.Element, of: Xml.Element, name: str) -> None:
    number = of.findtext(f"{_ORDER}{name}/{_ORDER}Id/{_ORDER}Othr/{_ORDER}Id", "")
    _text(Xml.SubElement(Xml.SubElement(into, "Id"), "Othr"), "Id", number)


def _text(parent: Xml.Element, name: str, text: str) -> Xml.Element:
    made = Xml.SubElement(parent, name)
    made.text = text
    return made
