"""A merchant's batch of items and its events in a test's world, the bridge that carries them, and the CLI."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert, select

from ledger_service.bootstrap.event_log import CheckpointClerk
from ledger_service.chain.beside.relay import Relay, relay_room
from ledger_service.chain.beside.targets import items_at
from ledger_service.chain.bridge import Bridge, Job, Wiring
from ledger_service.chain.desk import Desk
from ledger_service.chain.log_office import LogOffice
from ledger_service.cli import verify
from ledger_service.kernel.item_operations import CODEC, TARGET, ClaimItem, ItemOperation, VoidItem
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.merchants.models import merchant
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.beside.service import enqueue_now
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.goods.service import Goods, NewBatch, NewProduct, items_of
from ledger_service.traceability.log.service import checkpoint, grow
from ledger_service.traceability.proofs.bundle import Bundle, Place
from ledger_service.traceability.proofs.commitments import Commitments, anchored
from ledger_service.traceability.proofs.service import Prover
from tests.chain.networks import Network
from tests.chain.test_rotation import steps_of
from tests.chain.world import MERCHANTS, World, wall

GTIN, MASTER = "09506000134352", b"m" * 32
CASE = "https://id.gs1.org/00/095060001343520017"
ACCOUNT = keccak256(b"a member")[12:]


class Seeds:
    def random_bytes(self, count: int) -> bytes:
        return b"\x07" * count


@dataclass
class Wallclock:
    def now(self) -> datetime:
        return wall()


@dataclass
class Tracing:
    """The brand's product in a world; ``place`` is where the contracts stand."""

    world: World
    network: Network
    folder: Path
    goods: Goods = field(default_factory=lambda: Goods(MASTER, Seeds()))
    commitments: Commitments = field(default_factory=lambda: Commitments(MASTER))

    def __post_init__(self) -> None:
        made = self.world.deployment
        assert made is not None
        self.place = Place(self.world.node.chain_id, made.item_registry, made.transparency_log)
        with self.world.database.begin() as conn:
            for gln in MERCHANTS:
                keys = {f"{k}_key": bytes(20) for k in ("admin", "operations", "settlement")}
                row = {"merchant_id": gln, "name": "M", "status": "active", "created_at": wall()}
                conn.execute(insert(merchant).values({**row, **keys}))
            product = NewProduct(GTIN, MERCHANTS[0], ("Tea", "茶", "茶"), "Leaf")
            self.goods.add_product(conn, product, wall())

    def batch(self, lot: str, size: int) -> int:
        """A batch with all its items and its root in the outbox."""
        with self.world.database.begin() as conn:
            new = NewBatch(GTIN, MERCHANTS[0], lot, size)
            number = self.goods.open_batch(conn, new, wall())
        made = 0
        while made < size:
            with self.world.database.begin() as conn:
                made, _ = self.goods.make_items(conn, number)
        while self.step(number):
            pass
        return number

    def step(self, number: int) -> bool:
        with self.world.database.begin() as conn:
            return self.commitments.step(conn, number, wall())

    def serial(self, number: int, index: int) -> str:
        with self.world.database.read() as conn:
            return next(serial for at, _, serial in items_of(conn, number) if at == index)

    def tell(self, *events: dict[str, Any]) -> None:
        with self.world.database.begin() as conn:
            capture_events(conn, MERCHANTS[0], events, wall())

    def checkpoint(self) -> None:
        """What was told is in the log, with a checkpoint of it; nothing is on the chain yet."""
        with self.world.database.begin() as conn:
            grow(conn)
            checkpoint(conn, wall(), now=True)

    @property
    def office(self) -> LogOffice:
        return LogOffice(steps_of(self.world), self.place.transparency_log)

    def clerk(self) -> CheckpointClerk:
        """As a bridge that was just started has it."""
        desk = Desk.unfenced(self.world.database, wall)
        return CheckpointClerk(self.office, desk, Wallclock(), replay=False)

    def bridge(self) -> Bridge:
        world = self.world
        assert world.deployment is not None
        desk = Desk(world.database, "one", wall, world.settings.lease_seconds)
        room = relay_room(desk, world.node, world.keys, world.settings, ())
        relay = Relay(room, [items_at(self.place.item_registry)])
        clerk = CheckpointClerk(self.office, desk, Wallclock(), replay=False)
        jobs = (Job("beside", 0.0, relay.run, signs=True), Job("checkpoints", 0.0, clerk.run, signs=True))
        at = world.deployment.contracts
        return Bridge(Wiring(world.database, world.node, world.keys, at, world.settings, desk, (), jobs))

    def settle(self, seconds: float = 30.0) -> None:
        """Step until every intent beside and the last checkpoint are settled."""
        bridge, deadline = self.bridge(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            bridge.step()
            if self.states() <= {"final", "set_aside"} and not self.clerk().run():
                return
            time.sleep(0.005)
        raise AssertionError(self.states())

    def states(self) -> set[str]:
        with self.world.database.read() as conn:
            return set(conn.execute(select(beside_intent.c.state)).scalars())

    def enqueue(self, *operations: ItemOperation) -> None:
        with self.world.database.begin() as conn:
            enqueue_now(conn, TARGET, CODEC, operations, wall())

    def root(self, number: int) -> bytes:
        with self.world.database.read() as conn:
            found = anchored(conn, number)
        assert found is not None
        return found.root

    def claim(self, number: int, index: int) -> ClaimItem:
        head = (keccak256(self.world.op_id())[:16], MERCHANTS[0], self.world.now())
        return ClaimItem(*head, self.root(number), index, ACCOUNT)

    def void(self, number: int, index: int) -> VoidItem:
        head = (keccak256(self.world.op_id())[:16], MERCHANTS[0], self.world.now())
        return VoidItem(*head, self.root(number), index)

    def reason(self, operation: ItemOperation) -> str | None:
        with self.world.database.read() as conn:
            i = beside_intent.c
            return conn.execute(select(i.reason).where(i.op_id == operation.op_id)).scalar_one()

    def bundle(self, serial: str) -> Bundle:
        with self.world.database.snapshot() as conn:
            return Prover(self.commitments, self.place).bundle(conn, GTIN, serial)

    def verify(self, serial: str, document: Any, *more: str) -> int:
        """The exit code of `alliance verify item` for a bundle in a file, by an auditor who knows the
        contracts.
        """
        place = self.place
        pins = ("--items", f"0x{place.item_registry.hex()}", "--log", f"0x{place.transparency_log.hex()}")
        return self.verify_alone(serial, document, *pins, *more)

    def verify_alone(self, serial: str, document: Any, *more: str) -> int:
        """The same by somebody who has nothing but the bundle's word."""
        path = self.folder / "bundle.json"
        path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
        code = f"https://example.com/01/{GTIN}/21/{serial}"
        return verify.main(["item", code, "--rpc", self.network.url, "--bundle", str(path), *more])


def life_of(serial: str, lot: str, minute: int = 1) -> list[dict[str, Any]]:
    """Commissioned, packed, shipped in its case, unpacked and sold."""
    item = f"https://id.gs1.org/01/{GTIN}/21/{serial}"
    start = datetime.fromisoformat("2026-03-01T00:00:00+00:00")

    def told(at: int, step: str, action: str, **parts: Any) -> dict[str, Any]:
        when = (start + timedelta(minutes=minute + at)).isoformat().replace("+00:00", "Z")
        kind = "AggregationEvent" if "parentID" in parts else "ObjectEvent"
        return {"type": kind, "eventTime": when, "eventTimeZoneOffset": "+00:00", "action": action,
                "bizStep": step, **parts}  # fmt: skip

    return [
        told(0, "commissioning", "ADD", epcList=[item]),
        told(1, "packing", "ADD", parentID=CASE, childEPCs=[item]),
        told(2, "shipping", "OBSERVE", epcList=[CASE]),
        told(3, "unpacking", "DELETE", parentID=CASE, childEPCs=[item]),
        told(4, "retail_selling", "OBSERVE", epcList=[item]),
    ]
