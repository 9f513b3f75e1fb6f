"""Chains for tests: anvil and the project's own node as real processes, and a proxy that lies."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from ledger_service.chain.client import Node
from ledger_service.chain.errors import ChainUnavailable
from ledger_service.chain.transport import Transport
from ledger_service.kernel.secp256k1 import address_of_key
from tests import warm

# Anvil's first two accounts, known to everybody: they hold funds on development chains only.
RELAYER_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
APPROVER_KEY = bytes.fromhex("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
OPERATOR_KEY = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
LONG_AGO = 1_600_000_000
ROOT = Path(__file__).resolve().parents[2]


def anvil_binary() -> str | None:
    """Where the native anvil is: named by the environment, in npm's platform package, or on the PATH.

    Never npm's wrapper script: killing a wrapper leaves the chain alive.
    """
    named = os.environ.get("ALLIANCE_ANVIL")
    installed = sorted(ROOT.glob("contracts/node_modules/@foundry-rs/anvil-*/bin/anvil"))
    return named or (str(installed[0]) if installed else shutil.which("anvil"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Network:
    """A chain process that can be killed, started again and started empty."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | warm.Process | None = None
    nodes: list[Node] = field(default_factory=list)
    genesis_time: int = field(default_factory=lambda: int(time.time()) - 5)

    def launch(self) -> subprocess.Popen[bytes] | warm.Process:
        """The process runs; it need not answer yet."""
        raise NotImplementedError

    def forget(self) -> None:
        """The next start begins with an empty chain."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def node(self) -> Node:
        made = Node(Transport(self.url, timeout_seconds=60))
        self.nodes.append(made)
        return made

    def close(self) -> None:
        self.kill()
        for node in self.nodes:
            node.transport.close()

    def start(self) -> None:
        self.process = self.launch()
        node, deadline = self.node(), time.monotonic() + 30
        while True:
            try:
                node.head_number()
                return
            except ChainUnavailable:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.01)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class Anvil(Network):
    """Foundry's node: fast, and forgets everything when it dies."""

    extra: tuple[str, ...] = ()

    def launch(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def command(self) -> list[str]:
        binary = anvil_binary()
        if binary is None:
            raise FileNotFoundError("anvil")
        fixed = [
            "--timestamp",
            str(self.genesis_time),
            "--silent",
            "--gas-limit",
            "60000000",
            "--order",
            "fifo",
        ]
        return [binary, "-p", str(self.port), *fixed, *self.extra]


@dataclass
class OwnChain(Network):
    """The project's durable chain; ``store`` survives a kill."""

    store: Path = Path("unset")
    fresh: int = 0

    def launch(self) -> warm.Process:
        funded = ["0x" + address_of_key(key).hex() for key in (RELAYER_KEY, OPERATOR_KEY, APPROVER_KEY)]
        store = self.store.with_name(f"{self.store.name}.{self.fresh}")
        arguments = ["--store", str(store), "--port", str(self.port), "--chain-id", "31337", "--time-control"]
        arguments += ["--genesis-time", str(self.genesis_time), "--fund", *funded]
        with open(os.devnull, "wb") as nowhere:
            return warm.start(
                "ledger_service.chain.node.server", *arguments, env=os.environ, out=nowhere, err=nowhere
            )

    def forget(self) -> None:
        self.fresh += 1
