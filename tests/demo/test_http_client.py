"""The HTTP client's honest retries, against a server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ledger_service.demo import http_client
from ledger_service.demo.http_client import Connection, NoAnswer, Request

GOOD = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'
BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
IN_FLIGHT = b"HTTP/1.1 409 Conflict\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
CONFLICT = (
    b"HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\nContent-Length: 23\r\n\r\n"
    b'{"code":"hold-closed"} '
)
Script = list[bytes | None]


async def serve(script: Script, client: Callable[[int], Awaitable[None]]) -> list[bytes]:
    """Answer the requests that come with the script's bytes in order; ``None`` cuts the connection."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                seen.append(head + await reader.readexactly(length))
                step = script.pop(0)
                if step is None:
                    return
                writer.write(step)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        await client(server.sockets[0].getsockname()[1])
    return seen


def run(script: Script) -> tuple[list[bytes], http_client.Answer, int]:
    got: list[http_client.Answer] = []
    retries: list[int] = []

    async def client(port: int) -> None:
        async with Connection("127.0.0.1", port) as connection:
            got.append(await connection.send(Request("POST", "/v1/sales", b"{}", {"Idempotency-Key": "k"})))
            retries.append(connection.retries)

    seen = asyncio.run(serve(script, client))
    return seen, got[0], retries[0]


def test_a_good_answer_comes_back_parsed() -> None:
    _, answer, retries = run([GOOD])
    assert (answer.status, answer.document, retries) == (201, {"ok": True}, 0)


@pytest.mark.parametrize("trouble", [None, BUSY, IN_FLIGHT])
def test_a_lost_or_postponed_answer_is_asked_for_again_with_the_same_bytes(trouble: bytes | None) -> None:
    seen, answer, retries = run([trouble, trouble, GOOD])
    assert answer.status == 201
    assert retries == 2
    assert len(set(seen)) == 1


def test_a_refusal_is_an_answer_and_not_tried_again() -> None:
    seen, answer, _ = run([CONFLICT])
    assert (answer.status, answer.code, len(seen)) == (409, "hold-closed", 1)


def test_who_never_answers_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "MOST_TRIES", 2)
    with pytest.raises(NoAnswer):
        run([BUSY, BUSY])
