"""A refund at the till: written down first, asked under one key until it is answered, never alone."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.till.clocks import read_clock
from ledger_service.till.refusals import NoAnswer, TillRefused
from ledger_service.till.selling import Till, rest
from ledger_service.till.wire import Answer

_KEY_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")
_LONGEST_KEY = 64
DONE, ASKING, REFUSED = "done", "asking", "refused"


def refund(till: Till, request: dict[str, Any]) -> dict[str, Any]:
    """What became of a refund: ``certain``, ``waiting`` (nobody knows yet) or ``refused``, with a code.

    Args:
        till: which till.
        request: ``key`` of the refund, ``of`` (the key of the sale), and ``lines`` unless all comes back.

    Raises:
        TillRefused: the request is malformed, or the sale waits to be booked itself.
    """
    key, of = _key_of(request, "key"), _key_of(request, "of")
    body: dict[str, Any] = {"reference": key}
    if request.get("lines") is not None:
        body["lines"] = request["lines"]
    raw, sale_id = json.dumps(body), id_text(derive_id("sale", till.enrolment.subject, of, 0))
    known = till.book.find_refund(key)
    if known is not None and (known["body"], known["sale_id"]) != (raw, sale_id):
        raise TillRefused("idempotency-key-reused")
    if known is not None and known["state"] != ASKING:
        return _shown(key, known["state"], json.loads(known["answer"]))
    sale = till.book.find(of)
    if sale is not None and sale["state"] in ("asking", "queued"):
        raise TillRefused("needs-the-service", "the sale itself is not booked yet: let the till synchronise")
    if known is None:
        till.book.begin_refund(key, sale_id, raw, read_clock(till.clocks, till.book.contact).now)
    return _asked(till, key, sale_id, raw)


def ask_again(till: Till, row: sqlite3.Row) -> None:
    """A refund of which nobody knows what became is asked for again, the same bytes under the same key."""
    _asked(till, row["key"], row["sale_id"], row["body"])


def _asked(till: Till, key: str, sale_id: str, raw: str) -> dict[str, Any]:
    if not till.online:
        return _shown(key, ASKING, {"code": "offline"})
    try:
        answer = till.service.post(f"/v1/sales/{sale_id}/refunds", raw.encode(), key)
    except NoAnswer:
        rest(till)
        return _shown(key, ASKING, {"code": "no-answer"})
    if answer.passing:
        rest(till)
        return _shown(key, ASKING, {"code": answer.code})
    return _settled(till, key, answer)


def _settled(till: Till, key: str, answer: Answer) -> dict[str, Any]:
    state = DONE if answer.good else REFUSED
    till.book.settle_refund(key, state, answer.document)
    return _shown(key, state, answer.document)


def _shown(key: str, state: str, answer: dict[str, Any]) -> dict[str, Any]:
    told = {DONE: "certain", ASKING: "waiting", REFUSED: "refused"}[state]
    return {"key": key, "state": told, "code": answer.get("code"), "answer": answer or None}


def _key_of(request: dict[str, Any], name: str) -> str:
    key = request.get(name)
    if not isinstance(key, str) or not 1 <= len(key) <= _LONGEST_KEY or set(key) - _KEY_LETTERS:
        raise TillRefused("malformed-refund", f"{name} must have 1 to 64 letters, digits or . _ ~ -")
    return key
