"""Fixtures of the node's tests."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.node.chain import Chain
from ledger_service.chain.node.methods import Methods
from ledger_service.chain.node.rpc import Dispatcher
from tests.chain.node.builders import GENESIS_TIME, opened
from tests.chain.node.processes import NodeProcess

Ask = Callable[..., Any]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = GENESIS_TIME + 100

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def deep_recursion() -> None:
    """py-evm raises the limit at import; pytest plug-ins may lower it again."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain(tmp_path: Path, clock: Clock) -> Iterator[Chain]:
    with opened(tmp_path / "chain.db", clock=clock) as made:
        yield made


@pytest.fixture
def ask(chain: Chain) -> Ask:
    """Runs one method through the dispatcher; returns the result or the error object."""
    dispatcher = Dispatcher(Methods(chain, time_control=True))

    def run(method: str, *arguments: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
        answer = json.loads(dispatcher.answer(json.dumps(request).encode()))
        return answer["error"] if "error" in answer else answer["result"]

    return run


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    process = NodeProcess(tmp_path / "node.db")
    process.start()
    yield process
    process.stop()
