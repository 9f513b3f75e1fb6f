"""The proof of one operation, an expiry for instance: entry, leaf, batch and Merkle path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.statements import ENTRY, entry_document
from ledger_service.api.hexadecimal import hex_text
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Free, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.chain.errors import OperationUnknown
from ledger_service.chain.proofs import Proof, Proven, prove
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import parse_id
from ledger_service.kernel.operations import Gift
from ledger_service.kernel.points import Leg
from ledger_service.ledger.queries import entry_of
from ledger_service.members import queries as members
from ledger_service.points.catalogue import Catalogue, CatalogueCache

_HASH = Text(66, pattern="0x[0-9a-f]{64}")
_PROOF = Named("OperationProof", Record(
    {"batch": Integer(1), "index": Integer(), "count": Integer(1), "path": Listing(_HASH, 16), "root": _HASH,
     "period": Integer(1), "block_number": Integer(), "final": Flag()}, closed=False))  # fmt: skip
PROVE = Route(
    "GET", "/v1/operations/<operation>/proof", "prove-operation", scopes("audit:read", "self:read"),
    "The proof of an operation: entry, leaf, batch, path", group="Chain", problems=(OperationUnknown,),
    success=Success(200, "`proof` is null until the operation is in a block.", shapes.answer(
        "ProvenOperation", operation=shapes.HEX_ID, kind=Text(), state=Text(), reason=Nullable(Text(1000)),
        facts=Free("What the operation says, field by field; its leaf is their hash"), leaf=_HASH,
        entry=Nullable(ENTRY), chain_id=Integer(1), clearing_house=shapes.ADDRESS, proof=Nullable(_PROOF))),
)  # fmt: skip
ROUTES = (PROVE,)


@dataclass(frozen=True, slots=True)
class ProofsDoor:
    """The endpoint of this module over the mirror and the ledger."""

    administration: Administration
    catalogue: CatalogueCache
    domain: Domain

    def prove(self, call: Call) -> Reply:
        """The operation with its entry and its proof."""
        op_id = parse_id(call.path["operation"], "operation")

        def find(catalogue: Catalogue, conn: Connection) -> Json:
            proven = prove(conn, op_id)
            _check_allowed(conn, call, proven)
            return {**proof_document(proven, self.domain), "entry": _entry(conn, proven, catalogue)}

        return self.catalogue.newest(lambda catalogue: self.administration.read(partial(find, catalogue)))


def proof_document(proven: Proven, domain: Domain) -> Json:
    """The operation and its proof as JSON; ``chain.proof_reading`` reads it."""
    return {
        "operation": proven.operation.op_id.hex(),
        "kind": proven.operation.kind.name.lower(),
        "state": proven.state,
        "reason": proven.reason,
        "facts": {name: _plain(name, value) for name, value in proven.facts.items()},
        "leaf": hex_text(proven.leaf),
        "chain_id": domain.chain_id,
        "clearing_house": hex_text(domain.clearing_house),
        "proof": None if proven.proof is None else _proof(proven.proof),
    }


def served(door: ProofsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(PROVE, door.prove)]


def _check_allowed(conn: Connection, call: Call, proven: Proven) -> None:
    """A member's key proves the member's own operations; of all others it hears nothing."""
    own = call.caller.member_id
    if own is None or own == proven.member_id:
        return
    operation = proven.operation
    found = members.find_by_account(conn, operation.recipient) if isinstance(operation, Gift) else None
    if found is None or found.member_id != own:
        raise OperationUnknown(operation.op_id.hex())


def _entry(conn: Connection, proven: Proven, catalogue: Catalogue) -> Json | None:
    owner = members.find_by_id(conn, proven.member_id) if proven.member_id is not None else None
    found = entry_of(conn, proven.operation.op_id, owner.ledger_base) if owner is not None else None
    return None if found is None else entry_document(found, catalogue)


def _proof(proof: Proof) -> Json:
    return {
        "batch": proof.batch,
        "index": proof.index,
        "count": proof.count,
        "path": [hex_text(node) for node in proof.path],
        "root": hex_text(proof.root),
        "period": proof.period,
        "block_number": proof.block_number,
        "final": proof.final,
    }


_WRITTEN: dict[str, Callable[[int], object]] = {"merchant": gln_text, "nonce": str, "max_value_micros": str}


def _plain(name: str, value: object) -> object:
    if isinstance(value, bytes):
        return value.hex() if name.endswith("op_id") else hex_text(value)
    if isinstance(value, Leg):
        return {"programme_id": value.programme, "terms_version": value.terms_version,
                "epoch": value.epoch, "amount": value.amount}  # fmt: skip
    if isinstance(value, tuple):
        return [_plain(name, item) for item in value]
    return _WRITTEN[name](value) if name in _WRITTEN and isinstance(value, int) else value
