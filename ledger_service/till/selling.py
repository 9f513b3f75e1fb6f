"""One sale at the till: written down first, asked online, taken alone where no answer comes."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.otp import looks_like_digits
from ledger_service.till import typed
from ledger_service.till.basket import checked
from ledger_service.till.book import Book, Entry, State
from ledger_service.till.clocks import Clocks, Reading, read_clock
from ledger_service.till.codes import Taken, acceptance, judge_spend, learn_signer, permit_digest
from ledger_service.till.folder import Enrolment
from ledger_service.till.lines import to_pay_minor
from ledger_service.till.refusals import NoAnswer, TillRefused
from ledger_service.till.wire import Answer, Service

# After a silence the next sales are taken alone at once; later the service is asked again.
_REST_SECONDS = 15
_AS_GIVEN = ("member", "spend", "tenders", "business_date", "cashier", "coupons", "invoice")
_ANSWERS = {State.QUEUED: "waiting", State.ASKING: "waiting"}
# What the service has decided, though it may decide otherwise some other day.
_LAST_WORDS = frozenset({"pin-locked", "value-card-not-usable"})
_REFUSED_LOCALLY = frozenset({State.CANCELLING, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Till:
    """Everything a till works with; ``online`` is False where it must not ask."""

    enrolment: Enrolment
    key: bytes
    book: Book
    service: Service
    clocks: Clocks
    online: bool = True


def sell(till: Till, request: dict[str, Any]) -> dict[str, Any]:
    """What becomes of a sale: ``certain``, ``waiting`` (it counts and is queued) or ``refused``, with a code.

    Nothing is answered before it is on the disk. The same ``key`` again goes on where the first left off.

    Raises:
        TillRefused: the request is malformed, or the till's clock is known to be wrong.
    """
    key = str(checked(request).get("key") or secrets.token_hex(16))
    known, basket = till.book.find(key), _basket(till, key, request)
    if known is not None and not _is_same(json.loads(known["body"]), typed.kept(basket)):
        return _shown(key, State.REFUSED, {"code": "idempotency-key-reused"})
    if known is not None and known["state"] != State.ASKING:
        return _shown(key, State(known["state"]), json.loads(known["answer"] or "{}"))
    reading = read_clock(till.clocks, till.book.contact)
    if known is not None:
        # The process died while it asked: asked again under the same key, and nobody was told anything yet.
        reading = replace(reading, now=known["sold_at"])
        if till.online:
            till.book.asks(key)
        body = typed.completed(json.loads(known["body"]), basket)
        return _decide(till, _Sale(key, body, bool(known["asked"])), reading, till.online)
    entry = _entry(till, key, basket, reading)
    if entry.permit is not None and till.book.used(entry.permit, entry.body["member"]["pay_code"]):
        return _shown(key, State.REFUSED, {"code": "pay-code-used"})
    asks = till.online and not till.book.rests(reading.steady, reading.boot)
    till.book.begin(replace(entry, body=typed.kept(entry.body)), asked=asks)
    return _decide(till, _Sale(key, entry.body), reading, asks)


@dataclass(frozen=True, slots=True)
class _Sale:
    """A sale that is written down, and what was shown with it; ``asked`` where an earlier process may have
    got it booked.
    """

    key: str
    body: dict[str, Any]
    asked: bool = False


def _decide(till: Till, sale: _Sale, reading: Reading, asks: bool) -> dict[str, Any]:
    key, body, unclear = sale.key, sale.body, sale.asked
    if asks:
        answer, may_be_booked = _ask(till, key, body)
        # Rung up again with another PIN: what the first one came to is found out by the next sync.
        other = unclear and answer is not None and answer.code == "idempotency-key-reused"
        unclear = unclear or may_be_booked
        if answer is not None and not other:
            state = State.CERTAIN if answer.good else State.REFUSED
            if answer.good:
                learn_signer(till.book, till.enrolment, body)
            till.book.settle(key, state, answer.document)
            return _shown(key, state, answer.document)
    if not unclear:
        till.book.never_asked(key)
    try:
        taken = _alone(till, body, reading)
    except TillRefused as refusal:
        why = {"code": refusal.code, "detail": refusal.detail}
        till.book.settle(key, State.CANCELLING if unclear else State.REFUSED, why)
        return _shown(key, State.REFUSED, why)
    till.book.queue(key, taken.value_micros, taken.version)
    return _shown(key, State.QUEUED, {})


def _ask(till: Till, key: str, body: dict[str, Any]) -> tuple[Answer | None, bool]:
    """The service's answer, or None and whether it may have booked the sale all the same."""
    try:
        answer = till.service.post("/v1/sales", json.dumps(_online(body)).encode(), key)
    except NoAnswer as silence:
        rest(till)
        return None, silence.sent
    if answer.passing and answer.code not in _LAST_WORDS:
        rest(till)
        return None, True
    return answer, False


def _online(body: dict[str, Any]) -> dict[str, Any]:
    """The service decides what coupons take off; what the till would take off alone is no matter of its."""
    if "coupons" not in body:
        return body
    named = {name: value for name, value in body["coupons"].items() if name != "taken_minor"}
    return body | {"coupons": named}


def rest(till: Till) -> None:
    """The service is left alone for a while, so that no cashier waits for it."""
    till.book.rest(till.clocks.steady() + _REST_SECONDS, till.clocks.boot())


def _alone(till: Till, body: dict[str, Any], reading: Reading) -> Taken:
    if typed.is_marked(typed.kept(body)):
        raise TillRefused("needs-the-service", "only the service can judge a PIN, a code or a value card")
    if looks_like_digits(body.get("member", {}).get("pay_code") or ""):
        raise TillRefused("needs-the-service", "only the service can tell whose 18 digits these are")
    if "spend" not in body:
        _check_paid(body, 0)
        return Taken(0, 0)
    if till.book.contact is None:
        raise TillRefused("allowance-unknown", "the till has never been online")
    taken = judge_spend(till.book, till.enrolment, body, reading.now)
    _check_paid(body, body["spend"]["max_value_minor"])
    return taken


def _check_paid(body: dict[str, Any], points_minor: int) -> None:
    """Where the till says how it was paid, that is all of the basket but what points pay.

    Raises:
        TillRefused: the service would refuse it for good.
    """
    if "tenders" not in body:
        return
    paid, due = sum(t["amount_minor"] for t in body["tenders"]), to_pay_minor(body) - points_minor
    if paid != due:
        raise TillRefused("tenders-do-not-add-up", f"{paid} is tendered, {due} is due beside the points")


def _entry(till: Till, key: str, body: dict[str, Any], reading: Reading) -> Entry:
    permit = None
    code = body.get("member", {}).get("pay_code")
    if code is not None and not looks_like_digits(code):
        try:
            digest = permit_digest(till.enrolment, code)
        except DomainError as refusal:
            raise TillRefused(refusal.code) from None
        body = body | {"acceptance": acceptance(till.enrolment, till.key, digest, reading.now)}
        permit = digest.hex()
    return Entry(key, body, reading.now, reading.steady, reading.boot, permit)


def _basket(till: Till, key: str, request: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "store": till.enrolment.store,
        "currency": till.enrolment.currency,
        "reference": request.get("reference") or key,
        "lines": request["lines"],
    }
    given = {name: request[name] for name in _AS_GIVEN if request.get(name) is not None}
    return body | given


def _is_same(kept: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether two bodies are of one sale; when the code was taken is the till's own matter."""
    names = {*kept, *body} - {"acceptance"}
    return all(kept.get(name) == body.get(name) for name in names)


def _shown(key: str, state: State, answer: dict[str, Any]) -> dict[str, Any]:
    shown = "refused" if state in _REFUSED_LOCALLY else _ANSWERS.get(state, state.value)
    return {"key": key, "state": shown, "code": answer.get("code"), "answer": answer or None}
