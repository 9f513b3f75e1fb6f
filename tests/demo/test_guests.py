"""Logins of the run's visitors: made once, kept from other eyes, and shown with what each opens."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from ledger_service.demo import guests
from ledger_service.demo.progress import Progress
from ledger_service.demo.screen import Screen
from ledger_service.demo.service_client import Frame, Service
from ledger_service.demo.stack import Stack

AT = datetime(2017, 1, 10, 5, tzinfo=UTC)


class FakeService:
    """Answers each write once and notes it; a second write under the same key would be seen."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def demand(self, path: str, body: dict[str, Any], frame: Frame) -> dict[str, Any]:
        frame.key.encode("ascii")
        self.keys.append(frame.key)
        return {"number": f"9{len(self.keys)}", "token": f"alk_{len(self.keys)}", "definition": 1}

    async def put(self, path: str, body: dict[str, Any], frame: Frame) -> dict[str, Any]:
        return await self.demand(path, body, frame)


def commands(_settings: dict[str, str], *arguments: str) -> str:
    answers = {
        "open": "4\n",
        "anchor": "0x00 final\n",
        "print": "index,code,serial,pin\n0,HTTP://X/01/1/21/2,2,12345678\n",
    }
    return answers.get(arguments[1], "")


def test_visitors_are_invited_once_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guests, "run_command", commands)
    progress, service = Progress(tmp_path / "progress.db"), FakeService()
    progress.put("second operator", "alk_second")
    for code, store in (("GROC", 31), ("GROC", 4), ("FUEL", 31)):
        progress.add_till(code, store, f"alk_{code}_{store}")
    stack = Stack("127.0.0.1", 1, "", "alk_first", {"ALLIANCE_STATE_DIR": str(tmp_path)})
    house = guests.House(stack, cast(Service, service), progress, AT)
    logins = asyncio.run(guests.invite(house))
    progress.close()
    opened = [one["opens"] for one in logins["logins"]]
    assert {"/me", "/till", "/merchant", "/audit", "/operator"} <= set(opened)
    assert logins["logins"][2]["key"] == "alk_GROC_4"
    assert len(set(service.keys)) == len(service.keys)
    assert asyncio.run(guests.invite(house)) == json.loads((tmp_path / guests.LOGINS).read_text()) == logins
    assert (tmp_path / guests.LOGINS).stat().st_mode & 0o077 == 0
    before = len(service.keys)
    guests.show_logins(Screen(), logins)
    said = capsys.readouterr().out
    assert all(one["key"] in said for one in logins["logins"]) and "12345678" in said
    assert len(service.keys) == before
