"""A till and the real service, joined by a line that a test can cut before or behind the service."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from ledger_service.kernel.clock import format_instant, parse_instant, seconds_floor
from ledger_service.kernel.paycode import encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SignerGrant, SpendPermit, nonce_of
from ledger_service.kernel.secp256k1 import address_of_key, address_text, keccak256, sign_digest
from ledger_service.till.book import Book
from ledger_service.till.clocks import Clocks
from ledger_service.till.folder import Enrolment, Folder
from ledger_service.till.refusals import NoAnswer
from ledger_service.till.selling import Till, sell
from ledger_service.till.synchronising import fetch_statement, synchronise
from ledger_service.till.wire import Answer, Service
from tests.api.service import ALLIANCE, GROCER_STORE, Shop, basket

DOMAIN = ALLIANCE.domain
PHONE = keccak256(b"phone")


@dataclass
class Line:
    """``up``; ``down``: nothing leaves; ``deaf``: sent, but never arrives; ``mute``: the answer is lost."""

    state: str = "up"
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wired(Service):
    """The till's service, inside this process."""

    shop: Shop | None = None
    line: Line = field(default_factory=Line)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self.line.state == "down":
            raise NoAnswer("refused", sent=False)
        self.line.asked.append(f"{method} {path}")
        if self.line.state == "deaf":
            raise NoAnswer("timeout", sent=True)
        assert self.shop is not None
        whole = {
            "Authorization": f"Bearer {self.api_key}", "Alliance-Time": self.shop.at,
            "Content-Type": "application/json", **headers,
        }  # fmt: skip
        answer = self.shop.client.open(path, method=method, data=body, headers=whole)
        if self.line.state == "mute":
            raise NoAnswer("timeout", sent=True)
        return Answer(answer.status_code, dict(answer.json or {}))


class Stand:
    """One till of the grocer, enrolled, with an allowance of five dollars a day."""

    def __init__(self, shop: Shop, path: Path, allowance_minor: int = 500) -> None:
        self.shop, self.line = shop, Line()
        self.steady, self.boot, self.wall_off = 1_000, "boot-1", 0
        self.folder = Folder(path)
        key = self.folder.key()
        facts = shop.get("grocer-till", "/v1/alliance").json
        self.enrolment = Enrolment(
            "http://service", shop.keys["grocer-till"], shop.keys["grocer-terminal"], GROCER_STORE,
            facts["currency"], facts["chain_id"], facts["clearing_house"], facts["receipt_signer"],
        )  # fmt: skip
        self.folder.enrol(self.enrolment)
        path_of = f"/v1/terminals/{self.enrolment.terminal}"
        shop.must("grocer", f"{path_of}/till-key", {"till_key": address_text(address_of_key(key))})
        self.allow(allowance_minor)
        self.open()
        fetch_statement(self.till)

    def open(self) -> None:
        """The till's process starts (again)."""
        service = Wired("http://service", self.enrolment.api_key, 1_000, self.shop, self.line)
        clocks = Clocks(self.wall, lambda: self.steady, lambda: self.boot)
        self.till = Till(self.enrolment, self.folder.key(), Book(self.folder.book), service, clocks)

    def wall(self) -> int:
        return self.now() + self.wall_off

    def now(self) -> int:
        return seconds_floor(parse_instant(self.shop.at, "at"))

    def allow(self, minor: int) -> None:
        wish = {"allowance_micros": minor * 10_000, "window_seconds": 86_400}
        self.shop.must("grocer", f"/v1/terminals/{self.enrolment.terminal}/offline-allowance", wish)

    def later(self, seconds: int) -> None:
        at = parse_instant(self.shop.at, "at") + timedelta(seconds=seconds)
        self.shop.at = format_instant(at)
        self.steady += seconds

    def reboot(self) -> None:
        self.steady, self.boot = 5, "boot-2"

    def member(self, points: int = 1_000) -> dict[str, Any]:
        """A member with a phone and points of the grocer."""
        valid_until = self.now() + 3_600
        grant = SignerGrant(bytes(20), address_of_key(PHONE), 0, valid_until)
        proof = "0x" + sign_digest(PHONE, DOMAIN.digest(grant.struct_hash())).hex()
        signer = address_text(address_of_key(PHONE))
        device = {"signer": signer, "valid_until": valid_until, "proof": proof}
        member = self.shop.must("grocer", "/v1/members", {"custody": "device", "device": device})
        earned = basket(amount=points * 100, member={"number": member["number"]})
        self.shop.must("grocer-till", "/v1/sales", earned)
        return member

    def code(self, member: dict[str, Any], counter: int, **changes: int) -> str:
        account, lane = bytes.fromhex(member["account"][2:]), member["devices"][0]["lane"]
        until = changes.get("valid_until", self.now() + 60)
        permit = SpendPermit(account, nonce_of(lane, counter), changes.get("most", 10**8), until)
        return encode_pay_code(sign_pay_code(PHONE, DOMAIN, permit))

    def earn(self, member: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.sell({"number": member["number"]}, None, **more)

    def sell(self, who: dict[str, Any], invoice: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
        request = {"lines": basket()["lines"], "member": who, "invoice": invoice, **more}
        return sell(self.till, request)

    def pay(self, code: str, value_minor: int = 300, **more: Any) -> dict[str, Any]:
        spend = {"max_value_minor": value_minor}
        lines = basket(amount=1_000)["lines"]
        return sell(self.till, {"lines": lines, "member": {"pay_code": code}, "spend": spend, **more})

    def sync(self) -> dict[str, Any]:
        return synchronise(self.till)

    def state(self, key: str) -> str:
        row = self.till.book.find(key)
        assert row is not None
        return str(row["state"])

    def answer(self, key: str) -> dict[str, Any]:
        row = self.till.book.find(key)
        assert row is not None
        return dict(json.loads(row["answer"]))

    def balance(self, member: dict[str, Any]) -> int:
        balances = self.shop.get("auditor", f"/v1/members/{member['number']}/balance").json["balances"]
        return sum(b["available"] for b in balances)

    def alone(self) -> None:
        """The till does not even try."""
        self.till = replace(self.till, online=False)
