"""The test command keeps to what a container may use, not to what the machine around it has."""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The test command as a module."""
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("test_command", str(SCRIPTS / "test"))
    spec = spec_from_loader("test_command", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("written", "left"), [(("8192", "192"), [8_000]), (("100", "192"), [0]), (("max", "5"), []), ((), [])]
)
def test_a_containers_limit_counts(
    command: ModuleType, tmp_path: Path, written: tuple[str, ...], left: list[int]
) -> None:
    for version in command.GROUP_FILES:
        groups = tmp_path / version[0].replace("/", "_")
        for name, text in zip(version, written, strict=False):
            (groups / name).parent.mkdir(parents=True, exist_ok=True)
            (groups / name).write_text(f"{text}\n")
        assert list(command._group_bytes(groups)) == left


def test_where_nothing_may_be_run_nothing_is_written(
    command: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LEAST_BYTES", 1)
    monkeypatch.setattr(command.os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_NOEXEC))
    assert not command._has_room(tmp_path)
    monkeypatch.setattr(command.os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_NOSUID))
    monkeypatch.setattr(command.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
    assert command._has_room(tmp_path)
