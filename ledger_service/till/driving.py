"""The driver of this till for `alliance certify pos`: JSON lines in, one answer a line out.

What the lines are is written down in docs/certification.md; this module is also an example for drivers of
other tills.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.secp256k1 import address_of_key, address_text
from ledger_service.till import counter
from ledger_service.till.book import Book, State
from ledger_service.till.clocks import Clocks
from ledger_service.till.folder import Enrolment, Folder
from ledger_service.till.refunding import refund
from ledger_service.till.refusals import NoAnswer, TillRefused
from ledger_service.till.selling import Till, sell
from ledger_service.till.synchronising import synchronise
from ledger_service.till.wire import Service

NAME, VERSION = "alliance till", "1"
_OFFERS = ("sale", "refund", "clock", "exchange", "attach", "takeback", "hold", "close", "papers", "coupons",
           "pins", "value-cards")  # fmt: skip
_SHOWN = {"certain": "sold", "waiting": "waiting", "refused": "refused"}
_AS_GIVEN = ("member", "invoice", "tenders", "cashier", "coupons")
_TOLD = (
    "to_pay_minor", "to_give_back_minor", "store_credit_minor", "due_minor", "points_value_minor", "receipt",
)  # fmt: skip
Json = dict[str, Any]


@dataclass
class Drive:
    """One till in a folder, and the clocks that it was told to have."""

    folder: Path
    off_seconds: int = 0
    boot: str = ""
    _clocks: Clocks = field(default_factory=Clocks)

    def answers(self, lines: Iterable[str]) -> Iterator[Json]:
        """The answer to each line, in order."""
        for line in lines:
            if line.strip():
                yield self._answer(line)

    def _answer(self, line: str) -> Json:
        try:
            request = json.loads(line)
            act = DRIVEN[request["do"]]
        except (ValueError, KeyError, TypeError):
            return {"state": "refused", "code": "unknown-request"}
        try:
            return act(self, request)
        except TillRefused as refusal:
            return {"state": "refused", "code": refusal.code}
        except DomainError as refusal:
            return {"state": "refused", "code": refusal.code}
        except KeyError as missing:
            return {"state": "refused", "code": "malformed-request", "detail": str(missing)}
        except NoAnswer:
            return {"state": "offline", "queued": self._queued()}

    def hello(self, _: Json) -> Json:
        """Who this is, and what it offers."""
        return {"name": NAME, "version": VERSION, "offers": _OFFERS}

    def start(self, request: Json) -> Json:
        """A fresh till that belongs to the terminal; answers with the key that will sign for it."""
        shutil.rmtree(self._till, ignore_errors=True)
        folder = Folder(self._till)
        key = folder.key()
        asked = Service(request["url"], request["api_key"], request["timeout_millis"])
        facts = asked.get("/v1/alliance")
        if not facts.good:
            raise TillRefused(facts.code)
        names = ("currency", "chain_id", "clearing_house", "receipt_signer")
        given = ("url", "api_key", "terminal", "store", "timeout_millis")
        folder.enrol(Enrolment(**{n: request[n] for n in given}, **{n: facts.document[n] for n in names}))
        return {"state": "ready", "till_key": address_text(address_of_key(key))}

    def clock(self, request: Json) -> Json:
        """The wall clock shows another time, after a reboot where the request says so."""
        wanted = seconds_floor(parse_instant(request["now"], "now"))
        self.off_seconds = wanted - int(time.time())
        if request.get("rebooted"):
            self.boot = secrets.token_hex(8)
        return {"state": "ready"}

    def sale(self, request: Json) -> Json:
        """Sell a basket under a ticket."""
        body = {"key": request["ticket"], "reference": request["ticket"], "lines": request["lines"]}
        body |= {name: request[name] for name in _AS_GIVEN if request.get(name) is not None}
        if request.get("points_minor"):
            body["spend"] = {"max_value_minor": request["points_minor"]}
        told = self._with_till(lambda till: sell(till, body))
        answer = told["answer"] or {}
        # What was taken alone comes back in the envelope of the upload.
        uploaded = answer.get("sale")
        sale: Json = uploaded if isinstance(uploaded, dict) else answer
        shown = {name: sale.get(name) for name in ("due_minor", "points_value_minor", "receipt")}
        return {"state": _SHOWN[told["state"]], "code": told["code"], "sale": sale.get("sale_id"), **shown}

    def refund(self, request: Json) -> Json:
        """Goods of a ticket come back."""
        body = {"key": request["ticket"], "of": request["of"], "lines": request.get("lines")}
        told = self._with_till(lambda till: refund(till, body))
        answer = told["answer"] or {}
        shown = {name: answer.get(name) for name in ("refunded_minor", "cash_minor")}
        return {"state": _SHOWN[told["state"]], "code": told["code"], **shown}

    def exchange(self, request: Json) -> Json:
        """Goods of a ticket are exchanged for others."""
        return self._deed(counter.exchange, request)

    def attach(self, request: Json) -> Json:
        """The receipt of a ticket joins a member."""
        return self._deed(counter.attach, request)

    def takeback(self, request: Json) -> Json:
        """Goods come back without a receipt."""
        return self._deed(counter.take_back, request)

    def hold(self, request: Json) -> Json:
        """Points are held for a basket."""
        spend = {"spend": {"max_value_minor": request["points_minor"]}}
        return self._deed(counter.hold, request | spend)

    def capture(self, request: Json) -> Json:
        """A hold becomes a sale."""
        spend = {"spend": {"max_value_minor": request["points_minor"]}}
        return self._deed(counter.capture, request | spend)

    def void(self, request: Json) -> Json:
        """A hold ends."""
        return self._deed(counter.void, request)

    def close(self, request: Json) -> Json:
        """The till closes a business day; ``found`` is the service's word on it."""
        told = self._with_till(lambda till: counter.close_day(till, {**request, "key": request["ticket"]}))
        return {"state": _SHOWN[told["state"]], "code": told["code"],
                "found": (told["answer"] or {}).get("state")}  # fmt: skip

    def sync(self, _: Json) -> Json:
        """Settle what can be settled, as the timer of the till would."""
        told = self._with_till(synchronise)
        return {"state": "synchronised", **told, "queued": self._queued()}

    def _deed(self, act: Callable[[Till, Json], Json], request: Json) -> Json:
        told = self._with_till(lambda till: act(till, {**request, "key": request["ticket"]}))
        answer = told["answer"] or {}
        shown = {name: answer.get(name) for name in _TOLD}
        return {"state": _SHOWN[told["state"]], "code": told["code"], **shown}

    @property
    def _till(self) -> Path:
        return self.folder / "till"

    def _queued(self) -> int:
        def count(till: Till) -> int:
            counts = till.book.counts()
            waiting = (State.ASKING, State.QUEUED, State.CANCELLING)
            return sum(counts[state] for state in waiting) + len(till.book.open_deeds())

        return int(self._with_till(count))

    def _with_till(self, act: Callable[[Till], Any]) -> Any:
        folder = Folder(self._till)
        enrolment = folder.enrolment()
        service = Service(enrolment.url, enrolment.api_key, enrolment.timeout_millis)
        clocks = Clocks(
            lambda: self._clocks.wall() + self.off_seconds, self._clocks.steady,
            lambda: self._clocks.boot() + self.boot,
        )  # fmt: skip
        with folder.alone():
            book = Book(folder.book)
            try:
                return act(Till(enrolment, folder.key(), book, service, clocks))
            finally:
                book.close()


DRIVEN: dict[str, Callable[[Drive, Json], Json]] = {
    "hello": Drive.hello, "start": Drive.start, "clock": Drive.clock, "sale": Drive.sale,
    "refund": Drive.refund, "sync": Drive.sync, "exchange": Drive.exchange, "attach": Drive.attach,
    "takeback": Drive.takeback, "hold": Drive.hold, "capture": Drive.capture, "void": Drive.void,
    "close": Drive.close,
}  # fmt: skip
