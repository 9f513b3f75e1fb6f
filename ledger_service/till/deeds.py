"""What only the service can do: written down first, asked under one key until it is answered, never alone."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from ledger_service.till.book import Deed
from ledger_service.till.clocks import read_clock
from ledger_service.till.refusals import NoAnswer, TillRefused
from ledger_service.till.selling import Till, rest
from ledger_service.till.wire import Answer

_KEY_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")
_LONGEST_KEY = 64
_CONFLICT, _IN_FLIGHT = 409, "request-in-flight"
# The service was restored and knows that it was done from the chain, but no more what it had answered.
_ADOPTED = "operation-adopted"
DONE, ASKING, REFUSED = "done", "asking", "refused"


def known_deed(till: Till, deed: Deed) -> dict[str, Any] | None:
    """What is known of a deed that was asked for before; None where nobody knows.

    Raises:
        TillRefused: its key is that of another one.
    """
    known = till.book.find_deed(deed.key)
    if known is None:
        return None
    if (known["body"], known["path"]) != (deed.body, deed.path):
        raise TillRefused("idempotency-key-reused")
    return None if known["state"] == ASKING else _shown(deed.key, known["state"], json.loads(known["answer"]))


def do(till: Till, deed: Deed) -> dict[str, Any]:
    """What became of it: ``certain``, ``waiting`` (nobody knows yet) or ``refused``, with a code.

    Raises:
        TillRefused: its key is that of another one, or the till's clock is known to be wrong.
    """
    told = known_deed(till, deed)
    if told is not None:
        return told
    if till.book.find_deed(deed.key) is None:
        till.book.begin_deed(deed, read_clock(till.clocks, till.book.contact).now)
    return asked(till, deed)


def ask_again(till: Till, row: sqlite3.Row) -> None:
    """One of which nobody knows what became is asked for again, the same bytes under the same key."""
    asked(till, Deed(row["key"], row["path"], row["body"]))


def asked(till: Till, deed: Deed) -> dict[str, Any]:
    """The service is asked, once; silence and passing trouble leave the deed open."""
    if not till.online:
        return _shown(deed.key, ASKING, {"code": "offline"})
    try:
        answer = till.service.post(deed.path, deed.body.encode(), deed.key)
    except NoAnswer:
        rest(till)
        return _shown(deed.key, ASKING, {"code": "no-answer"})
    if answer.passing and not _is_the_last_word(answer):
        rest(till)
        return _shown(deed.key, ASKING, {"code": answer.code})
    return settled(till, deed.key, answer)


def settled(till: Till, key: str, answer: Answer) -> dict[str, Any]:
    """The service's word is kept."""
    state = DONE if answer.good or answer.code == _ADOPTED else REFUSED
    till.book.settle_deed(key, state, answer.document)
    return _shown(key, state, answer.document)


def key_of(request: dict[str, Any], name: str) -> str:
    """A key as the service takes it.

    Raises:
        TillRefused: it is none.
    """
    key = request.get(name)
    if not isinstance(key, str) or not 1 <= len(key) <= _LONGEST_KEY or set(key) - _KEY_LETTERS:
        raise TillRefused("malformed-request", f"{name} must have 1 to 64 letters, digits or . _ ~ -")
    return key


def _is_the_last_word(answer: Answer) -> bool:
    """Whether a conflict is a refusal: all are, but that the same request is being worked on already."""
    return answer.status == _CONFLICT and answer.document.get("code", _IN_FLIGHT) != _IN_FLIGHT


def _shown(key: str, state: str, answer: dict[str, Any]) -> dict[str, Any]:
    told = {DONE: "certain", ASKING: "waiting", REFUSED: "refused"}[state]
    return {"key": key, "state": told, "code": answer.get("code"), "answer": answer or None}
