"""The proof bundle of an item, for whoever must not have to believe us."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.db.engine import Database
from ledger_service.kernel.gs1 import parse_gtin
from ledger_service.traceability.goods.codes import parse_serial
from ledger_service.traceability.proofs.bundle import FORMAT, MOST_EVENTS
from ledger_service.traceability.proofs.errors import ItemProofUnknown
from ledger_service.traceability.proofs.service import Prover

PROOF = Route(
    "GET", "/v1/items/<gtin>/<serial>/proof", "prove-item", scopes("trace:read"),
    "The proof bundle of an item, for `alliance verify item`; of everybody's, for who names it to the serial",
    group="Traceability", problems=(ItemProofUnknown,),
    success=Success(200, "The bundle as of the last checkpoint on the chain.", Named("ItemProof", Record({
        "format": Text(one_of=(FORMAT,)), "version": Integer(1), "chain": Free("Chain id and contracts."),
        "item": Free("gtin, serial, lot and index in the batch."),
        "batch": Free("root, owner, the item's salt, and the path from its leaf to the root."),
        "events": Listing(Free("event_seq, body as it was hashed, and the path to the checkpoint."),
                          MOST_EVENTS),
        "checkpoint": Nullable(Free("size, root, and the last one with what shows that it goes on.")),
        "waiting": Integer(about="Events that are in no checkpoint on the chain yet"),
        "prize": Nullable(Free("Of a batch with prizes: its pool, the draw, and the item's slot.")),
        "claim": Nullable(Free("operation, points, and how many an old debt took; null while unclaimed.")),
    }, closed=False))),
)  # fmt: skip
ROUTES = (PROOF,)


@dataclass(frozen=True, slots=True)
class ItemProofsDoor:
    """The endpoint of this module."""

    database: Database
    prover: Prover

    def prove(self, call: Call) -> Reply:
        """An item's bundle."""
        gtin, serial = parse_gtin(call.path["gtin"], "gtin"), parse_serial(call.path["serial"], "serial")
        with self.database.snapshot() as conn:
            bundle = self.prover.bundle(conn, gtin, serial)
        return Reply(bundle.document())


def served(door: ItemProofsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(PROOF, door.prove)]
