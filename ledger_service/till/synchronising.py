"""What a till does when the service answers again: ask what is unclear, upload what waits."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.till import typed
from ledger_service.till.book import State
from ledger_service.till.clocks import Contact, time_of_sale
from ledger_service.till.codes import check_statement, learn_signer
from ledger_service.till.deeds import ask_again
from ledger_service.till.refusals import NoAnswer, TillRefused
from ledger_service.till.selling import Till

_MOST_SALES = 100
_MOST_BYTES = 60_000
# Longer than the longest window of an allowance and than the service takes sales.
_KEPT_SECONDS = 8 * 86_400


def fetch_statement(till: Till) -> dict[str, Any]:
    """The allowance and the service's time are known anew.

    Raises:
        NoAnswer: the service is away.
        TillRefused: it refuses the till, or the statement is not its own.
    """
    steady, boot = till.clocks.steady(), till.clocks.boot()
    answer = till.service.get("/v1/offline-allowance")
    if answer.passing:
        raise NoAnswer(f"the service answers {answer.status}", sent=True)
    if not answer.good:
        raise TillRefused(answer.code)
    issued_at = check_statement(till.enrolment, answer.document)
    till.book.keep(answer.document, Contact(issued_at, steady, boot))
    return answer.document


def synchronise(till: Till) -> dict[str, Any]:
    """Everything that the service will decide now is decided; returns how many sales became what.

    Unclear attempts are asked after by their own key before anything else is sent under it. It may be cut off
    and run again at any point.

    Raises:
        NoAnswer: the service went away; what was decided so far is kept.
        TillRefused: it refuses the till.
    """
    fetch_statement(till)
    for row in till.book.open_sales(State.ASKING, State.CANCELLING):
        _clear_up(till, row)
    for row in till.book.open_sales(State.QUEUED):
        if row["asked"] and not _was_booked(till, row):
            till.book.never_asked(row["key"])
    for row in till.book.open_deeds():
        ask_again(till, row)
    told = {"certain": 0, "waiting": 0, "refused": 0}
    for batch in _batches(till):
        for result in _upload(till, batch):
            told[_keep(till, result)] += 1
    if sum(told.values()):
        fetch_statement(till)
    contact = till.book.contact
    if contact is not None:
        till.book.forget(contact.service_at - _KEPT_SECONDS)
    return told


def sale_id_of(till: Till, key: str) -> str:
    """The id that the service gives to the sale of a key."""
    return id_text(derive_id("sale", till.enrolment.subject, key, 0))


def _was_booked(till: Till, row: sqlite3.Row) -> bool:
    answer = till.service.get(f"/v1/sales/{sale_id_of(till, row['key'])}")
    if answer.good and answer.document.get("training"):
        return False
    if answer.good:
        till.book.settle(row["key"], State.CERTAIN, answer.document)
        return True
    if answer.status != 404:
        raise NoAnswer(f"the service answers {answer.status}", sent=True)
    return False


def _clear_up(till: Till, row: sqlite3.Row) -> None:
    """A sale that the cashier was told is refused, or was told nothing of, is booked nowhere in the end."""
    key, body = row["key"], json.loads(row["body"])
    code = (body.get("member") or {}).get("pay_code")
    if row["asked"] and not _was_booked(till, row) and (code is not None or typed.is_marked(body)):
        # The original may still be on its way: from now on it comes too late (D6).
        if not _comes_too_late(till, key, body):
            return
        _was_booked(till, row)
    now = till.book.find(key)
    if now is not None and now["state"] == State.CERTAIN:
        path = f"/v1/sales/{sale_id_of(till, key)}/refunds"
        back = till.service.post(path, b'{"reference": "cancelled"}', f"{key}.cancel")
        if back.passing:
            raise NoAnswer(f"the service answers {back.status}", sent=True)
    till.book.settle(key, State.CANCELLED, {"code": "cancelled"})


def _comes_too_late(till: Till, key: str, body: dict[str, Any]) -> bool:
    """Whether the service refuses the original from now on, or has booked it; else ask again."""
    if typed.is_marked(body):
        return not till.service.post("/v1/sales", typed.ending(body), key).passing
    code = json.dumps({"pay_code": body["member"]["pay_code"]}).encode()
    return not till.service.post("/v1/pay-codes/revoke", code, f"{key}.revoke").passing


def _batches(till: Till) -> list[list[dict[str, Any]]]:
    batches: list[list[dict[str, Any]]] = []
    size = _MOST_BYTES
    for row in till.book.open_sales(State.QUEUED):
        item = _item(till, row)
        length = len(json.dumps(item)) + 2
        if size + length > _MOST_BYTES or len(batches[-1]) == _MOST_SALES:
            batches.append([])
            size = 0
        batches[-1].append(item)
        size += length
    return batches


def _item(till: Till, row: sqlite3.Row) -> dict[str, Any]:
    body, sold_at, contact = json.loads(row["body"]), row["sold_at"], till.book.contact
    if not row["sealed"] and "acceptance" not in body and contact is not None:
        sold_at = time_of_sale(contact, row["steady"], row["boot"], sold_at)
    if not row["sealed"]:
        till.book.seal(row["key"], sold_at)
    if body.get("spend") is None:
        body.pop("acceptance", None)
    return {
        "key": row["key"],
        "sold_at": format_instant(instant_of_seconds(sold_at)),
        "sale": body,
        "allowance_version": row["version"],
    }


def _upload(till: Till, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = till.service.post("/v1/offline-sales", json.dumps({"sales": batch}).encode())
    if answer.passing:
        raise NoAnswer(f"the service answers {answer.status}", sent=True)
    if not answer.good:
        raise TillRefused(answer.code)
    return list(answer.document["results"])


def _keep(till: Till, result: dict[str, Any]) -> str:
    """Write down what became of an uploaded sale."""
    key, state = result["key"], str(result["state"])
    problem = result.get("problem") or {}
    if state == "waiting":
        till.book.note(key, problem)
        return state
    row = till.book.find(key)
    if problem.get("code") == "idempotency-key-reused" and row is not None and _was_booked(till, row):
        # The attempt online arrived after all, between asking for it and the upload.
        return "certain"
    content = result.get("result") or problem
    if row is not None and (content.get("sale") or {}).get("spent") and not content.get("loss"):
        learn_signer(till.book, till.enrolment, json.loads(row["body"]))
    till.book.settle(key, State(state), content)
    return state
