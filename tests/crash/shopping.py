"""A till that never gives up, a member with a phone, and what must be true of the books after any crash."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
from sqlalchemy import func, select

from ledger_service.chain import models as m
from ledger_service.checkout.models import sale
from ledger_service.demo.alliance_plan import CURRENCY, MERCHANTS
from ledger_service.demo.founding import Founder, programme_body
from ledger_service.demo.http_client import Answer, Request
from ledger_service.demo.phones import Phone, device_key
from ledger_service.demo.service_client import Frame, Service
from ledger_service.demo.tills import acceptance
from ledger_service.kernel.eip712 import Domain
from ledger_service.outbox.models import intent
from tests.crash.product import PATIENCE_SECONDS, Product, wait_until

SEED = "crash"
GROC, MEAT = MERCHANTS[:2]
_POINTS_AT_FIRST = 10_000
_PAUSE_SECONDS = 0.5
_ASKED_AGAIN = 24


class RealTime(Service):
    """The service without a replayed clock: writes carry no instant."""

    async def post(self, path: str, body: dict[str, Any], frame: Frame) -> Answer:
        headers = {"Authorization": f"Bearer {frame.api_key}", "Idempotency-Key": frame.key}
        return await self.send(Request("POST", path, orjson.dumps(body), headers))


@dataclass(frozen=True)
class Sent:
    """A write as the till sends it, again and again the same."""

    path: str
    body: bytes
    key: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": self.key,
            "Content-Type": "application/json",
        }


@dataclass
class Shopping:
    """Two merchants' tills and one member over a running product."""

    product: Product
    tokens: dict[str, str] = field(default_factory=dict)
    phone: Phone = field(default_factory=lambda: Phone(1, device_key(SEED, 1)))
    answered: dict[Sent, tuple[int, bytes]] = field(default_factory=dict)
    refusals: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def open(self) -> None:
        """Both merchants with programmes and tills, the member with points."""
        asyncio.run(self._open())
        self.insist(self.sale(GROC, 100 * _POINTS_AT_FIRST))
        wait_until(self.is_drained, "the first sale did not reach the chain")

    async def _open(self) -> None:
        service = RealTime("127.0.0.1", self.product.http_port, 1)
        key = (self.product.state / "operator.key").read_text().strip()
        founder, now = Founder(service, key, SEED), datetime.now(UTC)
        for merchant in (GROC, MEAT):
            admitted = {"merchant": merchant.gln, "name": merchant.name}
            await founder._write("/v1/merchants", admitted, f"m:{merchant.gln}", now)
            assert merchant.programme is not None
            body = programme_body(merchant, merchant.programme)
            await founder._write("/v1/programmes", body, f"p:{merchant.key}", now)
            self.tokens[merchant.key] = await founder.till(merchant, 1, now)
        facts = await service.get("/v1/alliance", "")
        self.domain = Domain(facts["chain_id"], bytes.fromhex(facts["clearing_house"][2:]))
        await founder.enrol(self.phone, self.domain, now)
        await service.close()
        await asyncio.sleep(0)  # the transport closes in the loop's next turn

    def sale(self, merchant: Any, total_minor: int, points: int = 0) -> Sent:
        """A new sale to the member, which spends some of the grocer's points."""
        store, name = merchant.store_gln(1), f"s{next(self._numbers)}"
        line = {"line": "1", "category": "X", "quantity": 1, "amount_minor": total_minor}
        body: dict[str, Any] = {"store": store, "reference": name, "currency": CURRENCY, "lines": [line]}
        body["member"] = {"number": self.phone.number}
        if points:
            now = datetime.now(UTC).replace(microsecond=0)
            code = self.phone.pay_code(self.domain, now, 10**8)
            body["member"] = {"pay_code": code}
            body["acceptance"] = acceptance(SEED, store, self.domain, code, now)
            body["spend"] = [{"programme": GROC.key, "points": points}]
        return Sent("/v1/sales", orjson.dumps(body), name, self.tokens[merchant.key])

    def refund(self, of: bytes, merchant: Any) -> Sent:
        """The whole sale comes back."""
        path = f"/v1/sales/{orjson.loads(of)['sale_id']}/refunds"
        name = f"r{next(self._numbers)}"
        return Sent(path, orjson.dumps({"reference": name}), name, self.tokens[merchant.key])

    def basket(self) -> None:
        """Earned, spent elsewhere, given back: every answer arrives, however often it has to be asked for."""
        self.insist(self.sale(GROC, 700))
        spent = self.insist(self.sale(MEAT, 500, points=20))
        self.insist(self.refund(spent, MEAT))

    @contextmanager
    def buying(self) -> Iterator[None]:
        """A till sells all the while, and has every answer at the end."""
        stop, failures = threading.Event(), []

        def run() -> None:
            try:
                self.basket()
                while not stop.wait(_PAUSE_SECONDS):
                    self.basket()
            except AssertionError as failure:
                failures.append(failure)

        till = threading.Thread(target=run, daemon=True)
        till.start()
        try:
            yield
        finally:
            stop.set()
            till.join()
        assert not failures, failures

    def insist(self, sent: Sent) -> bytes:
        """The final answer of a write, which is 2xx; between the tries nobody answered or the answer was 503.

        A 503 says when to come again.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                status, headers, body = self.product.ask("POST", sent.path, sent.body, sent.headers)
            except (OSError, http.client.HTTPException):
                status, headers, body = 0, {}, b""
            if status in (200, 201):
                self.answered[sent] = status, body
                return bytes(body)
            assert status in (0, 503) or (status == 409 and "Retry-After" in headers), (status, body)
            assert not status or headers["Retry-After"].isdigit()
            self.refusals[status] += 1
            time.sleep(0.1)
        raise AssertionError(f"no answer to {sent.key}")

    def assert_sound(self) -> None:
        """Nothing acknowledged is lost or doubled, the newest keys give the same answers, all books agree."""
        wait_until(self.is_drained, f"not drained: {self.states()}")
        for sent, answer in list(self.answered.items())[-_ASKED_AGAIN:]:
            status, headers, body = self.product.ask("POST", sent.path, sent.body, sent.headers)
            assert (status, body, headers.get("Idempotency-Replayed")) == (*answer, "true")
        with self.product.database() as database, database.snapshot() as conn:
            _assert_each_sale_once(conn, self.answered)
            _assert_no_gap(conn)
            operations = list(conn.execute(select(m.chain_operation.c.op_id)).scalars())
            assert len(operations) == len(set(operations))
        verdict = self.product.audit()
        assert verdict.clean and not verdict.pending, verdict.text()

    def is_drained(self) -> bool:
        """Whether every operation is final on the chain."""
        return set(self.states()) == {"final"}

    def states(self) -> dict[str, int]:
        """How many operations are in which state."""
        with self.product.database() as database, database.read() as conn:
            query = select(intent.c.state, func.count()).group_by(intent.c.state)
            return {str(state): number for state, number in conn.execute(query)}


def _assert_each_sale_once(conn: Any, answered: dict[Sent, Any]) -> None:
    wanted = sorted(sent.key for sent in answered if sent.path == "/v1/sales")
    assert sorted(conn.execute(select(sale.c.reference)).scalars()) == wanted


def _assert_no_gap(conn: Any) -> None:
    """Every nonce of every signer is used by exactly one transaction that is mined for good."""
    for signer, following in conn.execute(select(m.chain_signer.c.address, m.chain_signer.c.next_nonce)):
        done = m.chain_tx.c.state.in_(("mined", "final"))
        query = select(m.chain_tx.c.nonce).where((m.chain_tx.c.signer == signer) & done)
        assert sorted(conn.execute(query).scalars()) == list(range(following))
