"""A body belongs to its reader or to the watcher that ends it, never to both."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest

from ledger_service.api.deadline import Deadlines, Environ
from ledger_service.api.errors import BodyTooSlow, MalformedBody
from tests.api.fakes import Parts


class Line:
    """A body that comes when the test lets it."""

    def __init__(self, raw: bytes) -> None:
        self.asked, self.come = threading.Event(), threading.Event()
        self._raw = raw

    def read(self, size: int) -> bytes:
        self.asked.set()
        self.come.wait(20)
        return self._raw


def environ_of(line: Any, length: int = 2) -> Environ:
    return {"CONTENT_LENGTH": str(length), "wsgi.input": line}


@pytest.mark.parametrize("raw", [b"{}", b"{"])
def test_a_body_that_comes_after_its_end_is_not_taken(raw: bytes) -> None:
    now, ended, raised = [100.0], [], []
    bodies, line = Deadlines(15, lambda: now[0]), Line(raw)

    def read() -> None:
        with pytest.raises(BodyTooSlow) as refusal:
            bodies.read(environ_of(line), "r1")
        raised.append(refusal.value.most_seconds)

    reader = threading.Thread(target=read)
    reader.start()
    line.asked.wait(20)
    for at in (114.9, 115.0, 130.0):
        now[0] = at
        bodies.end_overdue(lambda environ, request_id: ended.append((now[0], request_id)))
    line.come.set()
    reader.join(20)
    assert ended == [(115.0, "r1")]
    assert raised == [15]


def test_a_body_in_time_is_read_and_nothing_is_left_to_end() -> None:
    bodies = Deadlines(0)
    assert bodies.read(environ_of(io.BytesIO(b"{}")), "r") == b"{}"
    with pytest.raises(MalformedBody):
        bodies.read(environ_of(io.BytesIO(b"{")), "r")
    bodies.end_overdue(lambda *_: pytest.fail("somebody is ended"))


def test_the_answer_for_a_late_body_is_a_problem_document_that_ends_the_connection() -> None:
    answered = Parts().pipeline().late("abc")
    headers = dict(answered.headers)
    assert answered.status == 408
    assert b'"body-too-slow"' in answered.body
    assert b'"abc"' in answered.body
    assert headers["Connection"] == "close"
    assert headers["Content-Length"] == str(len(answered.body))
    assert headers["X-Request-Id"] == "abc"
