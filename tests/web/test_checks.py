"""Every command with which a page says "check this yourself" is one, with the options that it is given."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from ledger_service import cli

_ADVICE = re.compile(r"check\(t, ('.*?)\) }}")
_CONTRACTS = "--clearing-house --registry"
COMMANDS = sorted({
    line.partition("alliance ")[2]
    for page in Path(str(files("ledger_service.web") / "templates")).rglob("*.html")
    for advice in _ADVICE.findall(page.read_text(encoding="utf-8"))
    for line in re.sub(r"' ~ (\w|\.)+( ~ ')?", _CONTRACTS, advice.strip("'")).split("\\n")
})  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_a_page_advises_is_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = command.split()
    named = [word for word in words if word.islower() and not word.startswith("-")]
    with pytest.raises(SystemExit) as ended:
        cli.main([*named, "--help"])
    told = capsys.readouterr().out
    assert ended.value.code in (0, None)
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", told))
