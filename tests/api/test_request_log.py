"""The request log obeys its level and never hides a failed answer."""

from __future__ import annotations

import orjson
import pytest

from ledger_service.api.request_log import RequestLog


class Lines:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []

    def write(self, line: bytes, /) -> None:
        self.texts.append(line)


@pytest.mark.parametrize(("least", "written"), [("info", [200, 500]), ("warning", [500]), ("error", [500])])
def test_a_quiet_log_still_tells_of_failures(least: str, written: list[int]) -> None:
    lines = Lines()
    log = RequestLog(lines, least)
    for status in (200, 500):
        log.request({"status": status})
    assert [orjson.loads(line)["status"] for line in lines.texts] == written
