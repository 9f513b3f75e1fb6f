"""The real service and the real bridge over one database and one chain, on the replay's clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ledger_service.bootstrap.alliance import Alliance, store_alliance
from ledger_service.bootstrap.booked import unbooked
from ledger_service.bootstrap.bridging import bridging_over
from ledger_service.bootstrap.chain_parts import chain_settings, desk_of, node_of, steps_of
from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.bootstrap.http import application
from ledger_service.bootstrap.ledger_view import SqlLedgerView
from ledger_service.bootstrap.serving import wire
from ledger_service.chain.deploy import MoneyRules, deploy
from ledger_service.chain.node_check import check_node
from ledger_service.chain.reconciler import reconcile
from ledger_service.chain.settings import Contracts
from ledger_service.config import settings_of
from ledger_service.custody.keystore import create_keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import BindDomain
from ledger_service.custody.vault import CustodialLimits
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant, parse_instant, seconds_floor
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey
from ledger_service.outbox.models import intent
from tests.api.service import FUEL, FUEL_STORE, GROCER, GROCER_STORE, NOON, Shop, _found
from tests.chain.networks import OwnChain

PATIENCE = 60.0


class Whole:
    """An alliance that was just founded; ``shop`` is its front door."""

    def __init__(self, database: Database, folder: Path, network: OwnChain) -> None:
        self.database = database
        url = f"http://127.0.0.1:{network.port}"
        given = {"ALLIANCE_STATE_DIR": str(folder), "ALLIANCE_REPLAY": "1", "ALLIANCE_CHAIN_URL": url}
        settings = replace(settings_of(given), database_url=str(database.url))
        keystore = create_keystore(folder / "keystore.json")
        self.custody = LocalCustody(keystore, folder / "journal", CustodialLimits())
        room = chain_settings(settings)
        self.node, desk = node_of(settings), desk_of(database, room)
        assert desk.lead()
        steps = steps_of(desk, self.node, self.custody, room)
        deployed = deploy(steps, MoneyRules(50_000_000, 100_000_000, 10_000), seconds_floor(NOON))
        desk.resign()
        self.contracts: Contracts = deployed.contracts
        where = (self.node.chain_id, self.contracts.clearing_house, self.contracts.registry)
        self.custody.bind(BindDomain(*where))
        self.alliance = Alliance(
            "Whole", "USD", "9520000", *where, deployed.manager, deployed.points_implementation,
            50_000_000, 100_000_000, NOON, deployed.recovery_desk, coupons=deployed.coupons,
        )  # fmt: skip
        with database.begin() as conn:
            store_alliance(conn, self.alliance)
            operator = ApiKeys(SystemRandom()).issue(conn, None, IssueKey("operator", "op"), NOON).token
        foundations = Foundations(settings, database, self.custody, self.alliance)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._bridge, args=(foundations,))
        self._thread.start()
        serving = wire(foundations)
        client = application(serving).test_client()
        self.shop = Shop(serving, client, None, {"operator": operator})  # type: ignore[arg-type]  # the real one
        for who in (("grocer", GROCER, GROCER_STORE, "GROC"), ("fuel", FUEL, FUEL_STORE, "FUEL")):
            _found(self.shop, who)

    def _bridge(self, foundations: Foundations) -> None:
        # Its connections to the node are this thread's.
        bridging = bridging_over(foundations)
        bridging.bridge.run(self._stop)
        bridging.jobs.close()

    def further_operator(self, name: str) -> None:
        self.shop.keys[name] = self.shop.further_operator(name).token

    def pass_time(self, seconds: float) -> None:
        """The clock stands so much later; a request that tells so has been answered."""
        self.at(parse_instant(self.shop.at, "at") + timedelta(seconds=seconds))

    def at(self, instant: Any) -> None:
        self.shop.at = format_instant(instant)
        self.shop.must("grocer", "/v1/members", {})

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"not in time: {what}"
            time.sleep(0.05)

    def drained(self) -> bool:
        with self.database.read() as conn:
            states = set(conn.execute(select(intent.c.state)).scalars())
        return states <= {"final", "set_aside"}

    def settle(self) -> None:
        """Everything is on the chain, and both books agree."""
        self.until(self.drained, "drained")
        assert reconcile(self.database, SqlLedgerView()).differences == []
        assert check_node(self.database, self.node, self.contracts) == []
        with self.database.snapshot() as conn:
            assert list(unbooked(conn)) == []

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.shop.serving.writer.close()
        self.shop.serving.clock.close()  # type: ignore[union-attr]  # a replay's clock
        self.shop.serving.name.release()
        self.node.transport.close()
        self.custody.close()
