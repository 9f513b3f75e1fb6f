"""The merchant of a certification: one programme, one store, a till for each case, and its books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from ledger_service.certify.sandbox import Sandbox
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import with_check_digit

CODE = "CERT"
GLN, _STORE = with_check_digit("952990000000"), with_check_digit("952990000007")
_ZONE = "UTC"
_WITHOUT_RECEIPT = {"most_minor": 2_000, "most_per_day": 1}
_LOOKS_BACK, _LOOKS_AHEAD = timedelta(days=20), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A till as the service knows it: its id, and the API key that it asks with."""

    terminal: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Merchant:
    """The merchant's own view of its books."""

    sandbox: Sandbox
    key: str
    store: str = _STORE

    def terminal(self, name: str) -> Terminal:
        """A new till with a key."""
        office, operator = self.sandbox.office, self.sandbox.operator_key
        made = office.post(operator, "/v1/terminals", {"store": self.store, "label": name[:60]})
        issued = office.post(operator, "/v1/keys", {"role": "cashier", "subject": made["terminal"]})
        return Terminal(made["terminal"], issued["token"])

    def trust(self, terminal: Terminal, till_key: str) -> None:
        """The till's signing key counts."""
        path = f"/v1/terminals/{terminal.terminal}/till-key"
        self.sandbox.office.post(self.key, path, {"till_key": till_key})

    def allow(self, terminal: Terminal, minor: int) -> None:
        """The till may take so much a day in points while it is alone."""
        body = {"allowance_micros": minor * 10_000, "window_seconds": 86_400}
        self.sandbox.office.post(self.key, f"/v1/terminals/{terminal.terminal}/offline-allowance", body)

    def disable(self, terminal: Terminal) -> None:
        """The till and its keys do nothing any more."""
        self.sandbox.office.post(self.key, f"/v1/terminals/{terminal.terminal}/disable", {})

    def booked(self, ticket: str, now: datetime) -> list[dict[str, Any]]:
        """The sales that carry a ticket as their reference, those that a fast clock dated later too."""
        span = {"since": format_instant(now - _LOOKS_BACK), "until": format_instant(now + _LOOKS_AHEAD)}
        page = self.sandbox.office.get(self.key, f"/v1/sales?{urlencode({'reference': ticket, **span})}")
        return list(page["sales"])

    def uploads(self, terminal: Terminal) -> list[dict[str, Any]]:
        """What the till has uploaded and what became of it."""
        rows = self.sandbox.office.get(self.key, "/v1/offline-sales?limit=200")["sales"]
        return [row for row in rows if row["terminal"] == terminal.terminal]

    def losses(self, sale_id: str) -> list[dict[str, Any]]:
        """What the merchant bears of a sale."""
        rows = self.sandbox.office.get(self.key, "/v1/offline-losses?limit=200")["losses"]
        return [row for row in rows if row["sale_id"] == sale_id]

    def day(self, date: str) -> list[dict[str, Any]]:
        """What the ledger has of a business day, by operation."""
        return list(self.sandbox.office.get(self.key, f"/v1/stores/{self.store}/days/{date}")["ledger"])

    def by_invoice(self, number: str) -> list[dict[str, Any]]:
        """The sales that carry an invoice's number."""
        path = f"/v1/sales?{urlencode({'invoice': number})}"
        return list(self.sandbox.office.get(self.key, path)["sales"])

    def sale(self, sale_id: str) -> dict[str, Any]:
        """A sale with everything that is known of it."""
        return self.sandbox.office.get(self.key, f"/v1/sales/{sale_id}")

    def card(self, number: str) -> str:
        """A fresh card, bound to a member."""
        office, operator = self.sandbox.office, self.sandbox.operator_key
        made = office.post(operator, "/v1/card-batches", {"merchant": GLN, "count": 1})
        card = str(made["numbers"][0])
        office.post(operator, f"/v1/members/{number}/cards", {"card": card})
        return card

    def code_state(self, terminal: Terminal, code: str) -> str:
        """What became of a pay code."""
        told = self.sandbox.office.post(terminal.api_key, "/v1/pay-codes/query", {"pay_code": code})
        return str(told["state"])


def open_shop(sandbox: Sandbox) -> Merchant:
    """The merchant stands; found again, it is found."""
    office, operator = sandbox.office, sandbox.operator_key
    office.post(operator, "/v1/merchants", {"merchant": GLN, "name": "Certified"}, idempotency="certify.gln")
    programme = {
        "code": CODE, "merchant": GLN, "name": "Certified points", "currency": sandbox.currency,
        "timezone": _ZONE, "cycle": "quarter", "point_value_micros": 10_000, "fee_bps": 100,
        "issuance_cap": 1_000_000_000, "validity_epochs": 2, "earn": {"points": 1, "per_minor": 100},
    }  # fmt: skip
    office.post(operator, "/v1/programmes", programme, idempotency="certify.programme")
    store = {"store": _STORE, "merchant": GLN, "name": "Certified", "timezone": _ZONE}
    office.post(operator, "/v1/stores", store, idempotency="certify.store")
    path = f"/v1/merchants/{GLN}/return-policy"
    office.post(operator, path, {"without_receipt": _WITHOUT_RECEIPT}, idempotency="certify.returns")
    issued = office.post(operator, "/v1/keys", {"role": "merchant", "subject": GLN})
    return Merchant(sandbox, issued["token"])
