"""Messages between custody and its clients: four bytes of length, then JSON.

A question is ``{"id": n, "ask": [request, …]}``, its answer ``{"id": n, "answers": […]}`` where an
answer is hex text or ``{"code": …, "params": {…}}``.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

from ledger_service.custody.errors import REFUSALS, SigningRefused
from ledger_service.custody.requests import Request, request_of_wire, request_to_wire
from ledger_service.kernel.errors import DomainError

MOST_BYTES = 16 * 1024 * 1024
MOST_REQUESTS = 2_000
_HEAD_BYTES = 4


class WireBroken(Exception):
    """The other side went away or does not speak this protocol; the connection is of no use any more."""


def send_message(connection: socket.socket, message: object) -> None:
    """The whole message is handed to the kernel.

    Raises:
        WireBroken: too large to send, or nobody listens.
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MOST_BYTES:
        raise WireBroken("message too large")
    try:
        connection.sendall(len(body).to_bytes(_HEAD_BYTES, "big") + body)
    except OSError as error:
        raise WireBroken(str(error)) from None


def receive_message(connection: socket.socket) -> dict[str, Any] | None:
    """The next message, or None where the other side has closed between two messages.

    Raises:
        WireBroken: closed within a message, timed out, too large, or not a JSON object.
    """
    try:
        head = _exactly(connection, _HEAD_BYTES)
        if head is None:
            return None
        size = int.from_bytes(head, "big")
        body = _exactly(connection, size) if size <= MOST_BYTES else None
    except OSError as error:
        raise WireBroken(str(error)) from None
    if body is None:
        raise WireBroken("no message of that size")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise WireBroken("not JSON") from None
    if not isinstance(message, dict):
        raise WireBroken("not an object")
    return message


def question(number: int, requests: Sequence[Request]) -> dict[str, object]:
    """The message that asks."""
    return {"id": number, "ask": [request_to_wire(request) for request in requests]}


def requests_of(message: dict[str, Any]) -> list[Request]:
    """The requests of a question.

    Raises:
        ValueError: not a question of this protocol.
    """
    asked = message.get("ask")
    if type(message.get("id")) is not int or not isinstance(asked, list) or len(asked) > MOST_REQUESTS:
        raise ValueError("not a question")
    return [request_of_wire(raw) for raw in asked]


def answer_message(number: object, answers: Sequence[bytes | DomainError]) -> dict[str, object]:
    """The message that answers."""
    return {"id": number, "answers": [_answer_to_wire(answer) for answer in answers]}


def answers_of(message: dict[str, Any] | None, number: int, count: int) -> list[bytes | DomainError]:
    """The answers to the question with this number.

    Raises:
        WireBroken: another message, or another number of answers.
    """
    if message is None:
        raise WireBroken("closed")
    answers = message.get("answers")
    if message.get("id") != number or not isinstance(answers, list) or len(answers) != count:
        raise WireBroken("not the answer to this question")
    return [_answer_of_wire(raw) for raw in answers]


def _answer_to_wire(answer: bytes | DomainError) -> object:
    if isinstance(answer, DomainError):
        return {"code": answer.code, "params": answer.params}
    return answer.hex()


def _answer_of_wire(raw: object) -> bytes | DomainError:
    if isinstance(raw, str):
        return bytes.fromhex(raw)
    if isinstance(raw, dict) and raw.get("code") in REFUSALS:
        return REFUSALS[raw["code"]](**raw["params"])
    return SigningRefused("unreadable-answer")


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    left = size
    while left:
        part = connection.recv(min(left, 1 << 16))
        if not part:
            if left == size:
                return None
            raise OSError("closed within a message")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
