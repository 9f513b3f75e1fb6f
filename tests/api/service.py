"""The real service over a real database, custody inside the process, a registry that always agrees."""

from __future__ import annotations

import atexit
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import inspect
from werkzeug.test import TestResponse

from ledger_service.api.ports import (
    BasisOfProgramme,
    ConversionOfProgrammes,
    CreatedProgramme,
    EndOfProgramme,
    NetWord,
    NewProgramme,
    TermsOfPair,
    TermsOfProgramme,
)
from ledger_service.bootstrap.alliance import Alliance, store_alliance
from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.bootstrap.http import application
from ledger_service.bootstrap.serving import Serving, wire
from ledger_service.config import Settings, settings_of
from ledger_service.custody.keystore import create_keystore, load_keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import BindDomain
from ledger_service.custody.vault import CustodialLimits
from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.reserve_wishes import Wish
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.kernel.settlement_words import Decided, Held
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssuedKey, IssueKey, MerchantKeys
from tests.api import contract

NOON = datetime(2017, 3, 1, 12, tzinfo=UTC)
GROCER, FUEL = with_check_digit("952010000000"), with_check_digit("952060000000")
GROCER_STORE, FUEL_STORE = with_check_digit("952010000007"), with_check_digit("952060000007")
FORMER_HOUSE = b"\x0f" * 20
ALLIANCE = Alliance(
    "Test", "USD", "9520000", 31337, b"\x01" * 20, b"\x02" * 20, b"\x03" * 20, b"\x04" * 20, 50_000_000,
    100_000_000, NOON, b"\x05" * 20, b"\x06" * 20, reserve_desk=b"\x07" * 20,
    extends=True, pairs=True, converts=True,
)  # fmt: skip
TERMS = {"point_value_micros": 10_000, "fee_bps": 100, "issuance_cap": 1_000_000, "validity_epochs": 1}


class Registry:
    """Fulfils ``api.ports.Governance``; ``refusal`` is raised by the next act."""

    def __init__(self) -> None:
        self.programmes: list[NewProgramme] = []
        self.acts: list[tuple[Any, ...]] = []
        self.refusal: DomainError | None = None
        self.due = 0

    def _act(self, *act: Any) -> None:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        self.acts.append(act)

    def admit_merchant(self, merchant_id: int) -> MerchantKeys:
        self._act("admit", merchant_id)
        key = merchant_id.to_bytes(20, "big")
        return MerchantKeys(key, key, key)

    def set_suspended(self, merchant_id: int, suspended: bool, name: str) -> None:
        self._act("suspend", merchant_id, suspended)

    def confirm_period(self, word: NetWord, signature: bytes | None, name: str) -> None:
        self._act("confirm", word, signature)

    def dispute_line(self, held: Held, signature: bytes | None) -> None:
        self._act("dispute", held, signature)

    def word_on_line(self, decided: Decided, merchant: int) -> bytes:
        return merchant.to_bytes(65, "big")

    def resolve_line(self, decided: Decided, signatures: tuple[bytes, bytes]) -> None:
        self._act("resolve", decided, signatures)

    def arbitrate_line(self, decided: Decided, evidence: bytes, name: str) -> int:
        self._act("arbitrate", decided, evidence, name)
        return self.due

    def close_period(self, period: int) -> None:
        self._act("close", period)

    def reserve(self, wish: Wish, name: str) -> None:
        self._act("reserve", wish)

    def publish_period(self, period: int, answer_days: int) -> None:
        self._act("publish", period, answer_days)

    def net_period(self, period: int) -> None:
        self._act("net", period)

    def mark_paid(self, period: int, payouts: Sequence[int], evidence: bytes) -> None:
        self._act("paid", period, tuple(payouts), evidence)

    def create_programme(self, new: NewProgramme) -> CreatedProgramme:
        self._act("programme", new.code)
        self.programmes.append(new)
        return CreatedProgramme(len(self.programmes), keccak256(new.code.encode())[:20])

    def publish_terms(
        self, merchant_id: int, programme_id: int, version: int, terms: TermsOfProgramme
    ) -> None:
        self._act("terms", programme_id, version)

    def publish_pair_terms(self, terms: TermsOfPair) -> int:
        self._act("pair", terms)
        return 2

    def publish_basis(self, basis: BasisOfProgramme) -> None:
        self._act("basis", basis)

    def publish_conversion(self, terms: ConversionOfProgrammes) -> None:
        self._act("conversion", terms)

    def announce_end(self, end: EndOfProgramme) -> None:
        self._act("end", end)

    def append_epochs(self, programme_id: int, first_epoch: int, ends: Sequence[int]) -> None:
        self._act("epochs", programme_id, first_epoch, len(ends))


@dataclass
class Shop:
    """A running service with the keys of everybody who uses it."""

    serving: Serving
    client: FlaskClient
    registry: Registry
    keys: dict[str, str] = field(default_factory=dict)
    at: str = "2017-03-01T12:00:00Z"
    numbers: int = 0

    def post(self, who: str, path: str, body: dict[str, Any] | None = None, **more: str) -> TestResponse:
        """A write with a fresh idempotency key unless one is given; ``raw`` headers win."""
        return self._write("POST", who, path, body, **more)

    def put(self, who: str, path: str, body: dict[str, Any], **more: str) -> TestResponse:
        """As ``post``, for what is put in the place of what was there."""
        return self._write("PUT", who, path, body, **more)

    def _write(
        self, method: str, who: str, path: str, body: dict[str, Any] | None, **more: str
    ) -> TestResponse:
        self.numbers += 1
        headers = {"Idempotency-Key": more.pop("key", f"key-{self.numbers}"), "Alliance-Time": self.at}
        headers |= {"Authorization": f"Bearer {self.keys.get(who, who)}", "Content-Type": "application/json"}
        answer = self.client.open(path, method=method, data=json.dumps(body or {}), headers=headers | more)
        contract.check(method, path, answer)
        return answer

    def get(self, who: str, path: str, **headers: str) -> TestResponse:
        headers |= {"Authorization": f"Bearer {self.keys.get(who, who)}", "Alliance-Time": self.at}
        answer = self.client.get(path, headers=headers)
        contract.check("GET", path, answer)
        return answer

    def delete(self, who: str, path: str) -> TestResponse:
        """What stands there is taken away; such a write takes no key."""
        headers = {"Authorization": f"Bearer {self.keys.get(who, who)}", "Alliance-Time": self.at}
        answer = self.client.delete(path, headers=headers)
        contract.check("DELETE", path, answer)
        return answer

    def must(self, who: str, path: str, body: dict[str, Any] | None = None, **more: str) -> dict[str, Any]:
        """The answer of a write that has to succeed."""
        answer = self.post(who, path, body, **more)
        assert answer.status_code < 300, answer.get_data(as_text=True)
        return dict(answer.json)

    def key_for(self, role: str, subject: str) -> str:
        return str(self.must("operator", "/v1/keys", {"role": role, "subject": subject})["token"])

    def further_operator(self, name: str) -> IssuedKey:
        """The key of another person, issued at the machine: over HTTP no operator makes a second one."""
        with self.serving.foundations.database.begin() as conn:
            return ApiKeys(SystemRandom()).issue(conn, None, IssueKey("operator", name), NOON)


def open_shop(database: Database, folder: Path, **environment: str) -> Shop:
    """Two merchants with a programme, a store and a till each; keys of every role.

    On an empty SQLite database it is a copy of what the process has founded once, unless migrations made it.
    """
    if not database.is_sqlite or inspect(database.reading).has_table("alembic_version"):
        return _found_both(bare_shop(database, folder, **environment))
    kept = _founded_once()
    here, there = kept.folder / "alliance.db", str(database.url.database)
    with closing(sqlite3.connect(here)) as founded, closing(sqlite3.connect(there)) as empty:
        founded.backup(empty)
    shutil.copytree(kept.folder / "state", folder, dirs_exist_ok=True)
    custody = LocalCustody(load_keystore(folder / "keystore.json"), folder / "journal", CustodialLimits())
    shop = _served((database, custody), _settings(database, folder, environment), dict(kept.keys))
    shop.registry.programmes += kept.programmes
    shop.registry.acts += kept.acts
    shop.numbers = kept.numbers
    return shop


def bare_shop(database: Database, folder: Path, **environment: str) -> Shop:
    """A service of an alliance that has no merchants yet, with the keys of an operator and an auditor."""
    settings = _settings(database, folder, environment)
    with database.begin() as conn:
        store_alliance(conn, ALLIANCE)
        operator = ApiKeys(SystemRandom()).issue(conn, None, IssueKey("operator", "op"), NOON).token
        auditor = ApiKeys(SystemRandom()).issue(conn, None, IssueKey("auditor", "au"), NOON).token
    custody = LocalCustody(create_keystore(folder / "keystore.json"), folder / "journal", CustodialLimits())
    custody.bind(BindDomain(ALLIANCE.chain_id, ALLIANCE.clearing_house, ALLIANCE.registry))
    return _served((database, custody), settings, {"operator": operator, "auditor": auditor})


def _served(stands: tuple[Database, LocalCustody], settings: Settings, keys: dict[str, str]) -> Shop:
    registry = Registry()
    serving = wire(Foundations(settings, *stands, ALLIANCE, (FORMER_HOUSE,)), registry)
    return Shop(serving, application(serving).test_client(), registry, keys)


@dataclass(frozen=True)
class _Founded:
    folder: Path
    keys: dict[str, str]
    programmes: list[NewProgramme]
    acts: list[tuple[Any, ...]]
    numbers: int


@cache
def _founded_once() -> _Founded:
    folder = Path(tempfile.mkdtemp(prefix="founded-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "state").mkdir()
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    create_everything(database)
    shop = _found_both(bare_shop(database, folder / "state"))
    shop.serving.close()
    database.close()
    return _Founded(folder, shop.keys, shop.registry.programmes, shop.registry.acts, shop.numbers)


def _found_both(shop: Shop) -> Shop:
    for name, gln, store, code in (
        ("grocer", GROCER, GROCER_STORE, "GROC"),
        ("fuel", FUEL, FUEL_STORE, "FUEL"),
    ):
        _found(shop, (name, gln, store, code))
    return shop


def _found(shop: Shop, who: tuple[str, str, str, str]) -> None:
    name, gln, store, code = who
    shop.must("operator", "/v1/merchants", {"merchant": gln, "name": name})
    shop.must("operator", "/v1/programmes", programme_body(code, gln))
    shop.must(
        "operator",
        "/v1/stores",
        {"store": store, "merchant": gln, "name": name, "timezone": "America/New_York"},
    )
    terminal = shop.must("operator", "/v1/terminals", {"store": store, "label": "till 1"})["terminal"]
    shop.keys[name] = shop.key_for("merchant", gln)
    shop.keys[f"{name}-till"] = shop.key_for("cashier", terminal)
    shop.keys[f"{name}-terminal"] = terminal


def programme_body(code: str, gln: str) -> dict[str, Any]:
    return {"code": code, "merchant": gln, "name": f"{code} points", "currency": "USD", "cycle": "quarter",
            "timezone": "America/New_York", "earn": {"points": 1, "per_minor": 100}, **TERMS}  # fmt: skip


def basket(store: str = GROCER_STORE, amount: int = 10_000, **more: Any) -> dict[str, Any]:
    line = {"line": "1", "category": "GROCERY", "quantity": 4, "amount_minor": amount}
    return {"store": store, "currency": "USD", "reference": "r", "lines": [line], **more}


def _settings(database: Database, folder: Path, environment: dict[str, str]) -> Settings:
    given = {"ALLIANCE_STATE_DIR": str(folder), "ALLIANCE_REPLAY": "1", **environment}
    return replace(settings_of(given), database_url=str(database.url))
