"""The test command keeps to what a container may use, not to what the machine around it has."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    ("written", "left"), [(("8192", "192"), [8_000]), (("100", "192"), [0]), (("max", "5"), []), ((), [])]
)
def test_a_containers_limit_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: tuple[str, ...], left: list[int]
) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("test_command", str(SCRIPTS / "test"))
    spec = spec_from_loader("test_command", loader)
    assert spec is not None
    command = module_from_spec(spec)
    loader.exec_module(command)
    for version in command.GROUP_FILES:
        for name, text in zip(version, written, strict=False):
            path = tmp_path / version[0].replace("/", "_") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        assert list(command._group_bytes(tmp_path / version[0].replace("/", "_"))) == left
