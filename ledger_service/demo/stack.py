"""The product's processes as a newcomer would start them, and the alliance founded in them."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from ledger_service.demo.alliance_plan import CURRENCY, FOUNDED_AT
from ledger_service.demo.founding import DemoAlliance, Founder
from ledger_service.demo.http_client import Connection, Request
from ledger_service.demo.processes import Command, Fleet, accepts, free_port
from ledger_service.demo.progress import Progress
from ledger_service.demo.service_client import Service
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.eip712 import Domain

HOST = "127.0.0.1"
# The same by a name: a device binds a passkey to one, and to no number.
NAME = "localhost"
LOCAL, ANVIL = "local", "anvil"
_ALLIANCE = (sys.executable, "-m", "ledger_service")
_ANVIL = Path("contracts/node_modules/.bin/anvil")
_ANVIL_GENESIS = seconds_floor(FOUNDED_AT) - 86_400


class SetupFailed(Exception):
    """A command of the set-up refused; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Where the state lies, which database (empty: SQLite in the state), which chain, which HTTP port."""

    state: Path
    database_url: str
    chain: str
    port: int
    workers: int
    seed: str
    chain_port: int = 0


@dataclass(frozen=True, slots=True)
class Stack:
    """A running product: where it answers, and the operator's key."""

    host: str
    port: int
    chain_url: str
    operator_key: str
    settings: dict[str, str]

    @property
    def url(self) -> str:
        """The service's address by the name that passkeys are bound to."""
        return f"http://{NAME}:{self.port}"


def start(fleet: Fleet, options: StackOptions) -> Stack:
    """Everything is started and ready: signer, chain, database, alliance, bridge, service.

    Raises:
        ProcessFailed: a process ended or was not ready in time.
        SetupFailed: the founding was refused.
    """
    given = replace(options, state=options.state.absolute(), chain_port=options.chain_port or free_port())
    given.state.mkdir(parents=True, exist_ok=True)
    settings = _settings(given)
    socket_path = Path(settings["ALLIANCE_SIGNER_SOCKET"])
    run_command(settings, "signer", "init", "--if-missing")
    fleet.start(Command("signer", (*_ALLIANCE, "signer", "serve"), settings, lambda: _answers(socket_path)))
    _start_chain(fleet, given, settings)
    run_command(settings, "setup", "--name", "Main Street Alliance", "--currency", CURRENCY,
                "--at", format_instant(FOUNDED_AT))  # fmt: skip
    fleet.start(_printing("bridge", settings, given.state / "log", "bridge works"))
    fleet.start(Command("serve", (*_ALLIANCE, "serve"), settings, lambda: accepts(given.port)))
    key = (given.state / "operator.key").read_text().strip()
    return Stack(HOST, given.port, settings["ALLIANCE_CHAIN_URL"], key, settings)


async def found(stack: Stack, service: Service, progress: Progress, seed: str) -> DemoAlliance:
    """The merchants and programmes of the plan stand; found again, they are found."""
    founder = Founder(service, stack.operator_key, seed)
    await founder.merchants()
    await founder.programmes()
    facts = await service.get("/v1/alliance", "")
    domain = Domain(facts["chain_id"], bytes.fromhex(facts["clearing_house"][2:]))
    return DemoAlliance(founder, domain, await founder.epoch_ends(), progress)


def second_operator(stack: Stack, progress: Progress) -> str:
    """The API key of another operator, let in at the machine: what one asks for, the other approves."""
    known = progress.get("second operator")
    if known is None:
        known = run_command(stack.settings, "keys", "issue", "operator", "second").split()[0]
        progress.put("second operator", known)
    return str(known)


def run_command(settings: dict[str, str], *arguments: str, good: tuple[int, ...] = (0,)) -> str:
    """Run one `alliance` command to its end and return what it printed.

    Raises:
        SetupFailed: it refused.
    """
    pairs = [f"{name}={value}" for name, value in settings.items()]
    done = subprocess.run(
        ["/usr/bin/env", *pairs, *_ALLIANCE, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode not in good:
        raise SetupFailed(f"alliance {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _settings(options: StackOptions) -> dict[str, str]:
    own_chain = options.chain in (LOCAL, ANVIL)
    settings = {
        "ALLIANCE_STATE_DIR": str(options.state),
        "ALLIANCE_REPLAY": "1",
        "ALLIANCE_HTTP_PORT": str(options.port),
        "ALLIANCE_PUBLIC_URL": f"http://{NAME}:{options.port}",
        "ALLIANCE_WORKERS": str(options.workers),
        "ALLIANCE_CHAIN_PORT": str(options.chain_port),
        "ALLIANCE_CHAIN_URL": f"http://{HOST}:{options.chain_port}" if own_chain else options.chain,
        "ALLIANCE_SIGNER_SOCKET": str(options.state / "signer.sock"),
        "ALLIANCE_LOG_LEVEL": "warning",
        # Everybody who opens a share link sits behind one address here.
        "ALLIANCE_PUBLIC_RATE_PER_SECOND": "2000",
        "ALLIANCE_PUBLIC_BURST": "4000",
    }
    if options.database_url:
        settings["ALLIANCE_DATABASE_URL"] = options.database_url
    return settings


def _start_chain(fleet: Fleet, options: StackOptions, settings: dict[str, str]) -> None:
    def listening() -> bool:
        return accepts(options.chain_port)

    if options.chain == LOCAL:
        fleet.start(Command("chain", (*_ALLIANCE, "chain"), settings, listening))
    elif options.chain == ANVIL:
        argv = (str(_ANVIL), "--port", str(options.chain_port), "--timestamp", str(_ANVIL_GENESIS),
                "--silent", "--gas-limit", "60000000", "--order", "fifo", "--prune-history")  # fmt: skip
        fleet.start(Command("anvil", argv, {}, listening))
        _fund_on_anvil(settings)


def _fund_on_anvil(settings: dict[str, str]) -> None:
    """The sending keys can pay for gas on a chain that knows only its own development accounts."""
    calls = [
        {"jsonrpc": "2.0", "id": i, "method": "anvil_setBalance", "params": [word, hex(10**27)]}
        for i, word in enumerate(run_command(settings, "signer", "addresses").split())
        if word.startswith("0x")
    ]
    asyncio.run(_demand(urlsplit(settings["ALLIANCE_CHAIN_URL"]).port or 0, json.dumps(calls).encode()))


async def _demand(port: int, calls: bytes) -> None:
    async with Connection(HOST, port) as connection:
        answer = await connection.send(Request("POST", "/", calls))
    refused = [one for one in answer.document if "error" in one]
    if refused:
        raise SetupFailed(f"anvil: {refused}")


def _printing(name: str, settings: dict[str, str], logs: Path, line: str) -> Command:
    """A process that is ready once it has printed a line in this start of it."""
    log = logs / f"{name}.log"
    before = log.stat().st_size if log.exists() else 0

    def ready() -> bool:
        return log.exists() and line.encode() in log.read_bytes()[before:]

    return Command(name, (*_ALLIANCE, name), settings, ready)


def _answers(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        return path.exists() and probe.connect_ex(str(path)) == 0
