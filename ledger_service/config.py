"""The configuration: environment variables and nothing else, read once, into one frozen value.

``docs/configuration.md`` is generated from the fields below. Secrets do not stand in variables but in
the file that ALLIANCE_SECRETS_FILE names (mode 0600), which only the signing process reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

PREFIX = "ALLIANCE_"
_MOST_DIGITS = 20


class ConfigurationError(Exception):
    """A variable whose value cannot be used; names the variable and what it takes."""


def _about(
    text: str, least: int = 0, most: int | None = None, one_of: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {"about": text, "least": least, "most": most, "one_of": one_of}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of every process; the variable is the field's name in capitals after ``ALLIANCE_``."""

    state_dir: Path = field(
        default=Path("var"),
        metadata=_about("Folder of all this service keeps on disk; other paths default to names in it."),
    )
    database_url: str = field(
        default="",
        metadata=_about(
            "URL of the database: SQLite (default: `alliance.db` in the state folder) or PostgreSQL."
        ),
    )
    secrets_file: Path = field(
        default=Path(""),
        metadata=_about("Keystore (mode 0600) of the signing process, made by `alliance signer init`."),
    )
    replay: bool = field(
        default=False,
        metadata=_about(
            "1 while old data is replayed: requests may set the clock with `Alliance-Time` (D16)."
        ),
    )
    log_level: str = field(
        default="info",
        metadata=_about(
            "Least level of what the processes log: debug, info, warning or error.",
            one_of=("debug", "info", "warning", "error"),
        ),
    )
    http_host: str = field(default="127.0.0.1", metadata=_about("Address that `alliance serve` listens on."))
    http_port: int = field(
        default=8080, metadata=_about("Port that `alliance serve` listens on.", least=1, most=65535)
    )
    workers: int = field(
        default=1,
        metadata=_about(
            "Worker processes of `alliance serve`; more than one pays with PostgreSQL only.", least=1, most=64
        ),
    )
    threads: int = field(
        default=48,
        metadata=_about(
            "Request threads of one worker; as many requests can share one commit.", least=1, most=512
        ),
    )
    connections: int = field(
        default=2048,
        metadata=_about(
            "Connections that one worker holds; each needs a file descriptor, further ones wait.",
            least=16,
            most=65_536,
        ),
    )
    body_seconds: int = field(
        default=15, metadata=_about("Seconds in which the whole body of a request has to be there.", 1, 600)
    )
    public_url: str = field(
        default="", metadata=_about("Address under which clients reach the service, for /openapi.json.")
    )
    rate_per_second: int = field(
        default=2000, metadata=_about("Requests that one API key may send per second in the long run.", 1)
    )
    rate_burst: int = field(
        default=4000, metadata=_about("Requests that one API key may send at once.", least=1)
    )
    stranger_rate_per_second: int = field(
        default=5, metadata=_about("Requests with wrong API keys of an address per second, then 429.", 1)
    )
    stranger_burst: int = field(
        default=50, metadata=_about("Requests with wrong API keys that one address may send at once.", 1)
    )
    public_rate_per_second: int = field(default=20, metadata=_about("The same without a key, per second.", 1))
    public_burst: int = field(default=200, metadata=_about("Keyless requests of an address at once.", 1))
    member_rate_per_second: int = field(
        default=20, metadata=_about("Requests that one member, whatever its keys, may send per second.", 1)
    )
    member_burst: int = field(
        default=200, metadata=_about("Requests that one member, whatever its keys, may send at once.", 1)
    )
    guess_seconds: int = field(
        default=10, metadata=_about("Seconds after which a key may show one wrong pay code more.", 1)
    )
    guess_burst: int = field(
        default=30,
        metadata=_about(
            "Wrong pay codes (18 digits or signed) that one key may show before codes from it get 429.",
            least=1,
        ),
    )
    group_most: int = field(
        default=64, metadata=_about("Most commands that one commit of the writer holds.", least=1, most=1024)
    )
    queue_most: int = field(
        default=2048, metadata=_about("Commands that may wait for the writer before 503 is answered.", 1)
    )
    read_pool: int = field(default=8, metadata=_about("Connections for reads of one worker.", 1, 128))
    chain_url: str = field(
        default="http://127.0.0.1:8545",
        metadata=_about("JSON-RPC address of the chain: the chain inside the project or any EVM network."),
    )
    chain_host: str = field(
        default="127.0.0.1", metadata=_about("Address that `alliance chain` listens on; loopback only.")
    )
    chain_port: int = field(
        default=8545, metadata=_about("Port that `alliance chain` listens on.", least=1, most=65535)
    )
    chain_store: Path = field(
        default=Path(""),
        metadata=_about("SQLite file of the project's chain (default: `chain.db` in the state folder)."),
    )
    chain_id: int = field(
        default=31337, metadata=_about("Chain id of a new chain inside the project.", 1, 2**53 - 1)
    )
    chain_genesis: int = field(
        default=0,
        metadata=_about(
            "Time of block 0 of a new chain inside the project, in seconds since 1970; 0 means now, or"
            " 2000-01-01 in replay."
        ),
    )
    confirmations: int = field(
        default=0,
        metadata=_about(
            "Blocks on top of a block before it is final; 0 for a chain that never reorganises.", 0, 1000
        ),
    )
    batch_most: int = field(default=240, metadata=_about("Most operations of one batch.", 1, 1000))
    batches_in_flight: int = field(
        default=8, metadata=_about("Batches that are sent and not yet in a block (R11).", 1, 200)
    )
    batch_linger_millis: int = field(
        default=250,
        metadata=_about("How long a batch that is not full waits for company, in milliseconds.", 0, 600_000),
    )
    priority_fee_wei: int = field(default=0, metadata=_about("Tip per gas."))
    fee_floor_wei: int = field(
        default=0, metadata=_about("Least bid per gas; 0 suits networks without fees.")
    )
    first_block: int = field(
        default=0, metadata=_about("Where the index begins, for networks that were there before us.")
    )
    jobs_seconds: int = field(
        default=5,
        metadata=_about("Seconds between two runs of the jobs (expiry, vesting, hold deadlines).", 1, 86_400),
    )
    messages: str = field(
        default="",
        metadata=_about("Where one-time codes go: an https address or `file:` and a folder; empty: nowhere."),
    )
    codes_per_range_day: int = field(
        default=200, metadata=_about("One-time codes a UTC day to ten thousand neighbouring numbers.", 1)
    )
    webhook_loopback: bool = field(
        default=False, metadata=_about("1 where webhooks may call this very machine, by HTTP too: for tests.")
    )
    payments_file: Path = field(
        default=Path(""), metadata=_about("Keys at payment providers, mode 0600 (default: `payments.json`).")
    )
    signer_socket: Path = field(
        default=Path(""),
        metadata=_about("Unix socket of the signing process (default: `signer.sock` in the state folder)."),
    )

    custodial_permit_micros: int = field(
        default=50_000_000,
        metadata=_about("What one pay code signed in custody may spend, in micros of the currency (D1).", 1),
    )
    custodial_day_micros: int = field(
        default=100_000_000,
        metadata=_about("What one account in custody may spend in a day, in micros of the currency (D1).", 1),
    )

    adjustment_points: int = field(
        default=10_000, metadata=_about("Points that one adjustment may add (D18).", 1)
    )
    adjustment_day_points: int = field(
        default=100_000,
        metadata=_about("Points that all adjustments of one funder may add within a day (D18).", 1),
    )

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is one file that processes share through a lock."""
        return self.database_url.startswith("sqlite")


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; an unknown ``ALLIANCE_`` variable is a typing slip and refused.

    Raises:
        ConfigurationError: a value of the wrong form or out of range, or a variable that no field has.
    """
    known = {PREFIX + f.name.upper(): f for f in fields(Settings)}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    unknown = [name for name in unknown if name not in TEST_VARIABLES]
    if unknown:
        raise ConfigurationError(f"{', '.join(unknown)}: no such setting; docs/configuration.md lists them")
    values = {
        known[name].name: _value(known[name], environment[name]) for name in known if name in environment
    }
    return _with_paths(Settings(**values))


def settings_from_environment() -> Settings:
    """The settings of this process; the one place that reads its environment."""
    return settings_of(os.environ)


# Read by the test suites and scripts, not by any process of the product.
TEST_VARIABLES = frozenset({"ALLIANCE_TEST_DEEP", "ALLIANCE_WRITE_BASELINE", "ALLIANCE_TEST_POSTGRES"})


def _with_paths(given: Settings) -> Settings:
    state = given.state_dir.absolute()
    defaults: dict[str, Any] = {
        "secrets_file": state / "keystore.json",
        "chain_store": state / "chain.db",
        "payments_file": state / "payments.json",
        "signer_socket": state / "signer.sock",
    }
    values: dict[str, Any] = {f.name: getattr(given, f.name) for f in fields(given)}
    for name, path in defaults.items():
        values[name] = path if values[name] == Path("") else values[name].absolute()
    values["state_dir"] = state
    values["database_url"] = given.database_url or f"sqlite:///{state / 'alliance.db'}"
    values["public_url"] = given.public_url or f"http://{given.http_host}:{given.http_port}"
    return Settings(**values)


def _value(setting: Any, text: str) -> Any:
    readers: dict[str, Callable[[Any, str], Any]] = {
        "bool": _flag,
        "int": _number,
        "Path": _path,
        "str": _text,
    }
    return readers[str(setting.type)](setting, text.strip())


def _flag(setting: Any, text: str) -> bool:
    if text not in ("0", "1"):
        raise ConfigurationError(f"{PREFIX}{setting.name.upper()} takes 0 or 1")
    return text == "1"


def _number(setting: Any, text: str) -> int:
    least, most = setting.metadata["least"], setting.metadata["most"]
    if (
        not (text.isascii() and text.isdigit())
        or len(text) > _MOST_DIGITS
        or int(text) < least
        or (most is not None and int(text) > most)
    ):
        span = f"from {least}" + (f" to {most}" if most is not None else "")
        raise ConfigurationError(f"{PREFIX}{setting.name.upper()} takes a whole number {span}")
    return int(text)


def _path(setting: Any, text: str) -> Path:
    if not text:
        raise ConfigurationError(f"{PREFIX}{setting.name.upper()} takes a path")
    return Path(text)


def _text(setting: Any, text: str) -> str:
    one_of = setting.metadata["one_of"]
    if one_of and text not in one_of:
        raise ConfigurationError(f"{PREFIX}{setting.name.upper()} takes one of {', '.join(one_of)}")
    return text
