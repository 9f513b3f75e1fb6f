"""Prize pools of batches: what can be won, where the draw stands, and what anybody checks it with."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.goods.errors import BatchUnknown
from ledger_service.traceability.prizes.errors import PrizePoolUnknown, PrizeShareRefused
from ledger_service.traceability.prizes.queries import PoolRow, counted, find_pool
from ledger_service.traceability.prizes.rules import MOST_KINDS, MOST_POINTS, MOST_PRIZES, tally
from ledger_service.traceability.prizes.service import open_share
from ledger_service.traceability.proofs.bundle import block_document
from ledger_service.traceability.proofs.commitments import anchored
from ledger_service.traceability.proofs.pool_bundle import FORMAT
from ledger_service.traceability.proofs.pool_service import PoolProver

_GROUP = "Prizes"
_SHARE = Text(pattern="[0-9a-f]{64}", about="SHA-256 of 32 bytes that the brand keeps until the draw")
_PRIZE: dict[str, Schema] = {"name": Text(100), "count": Integer(1, MOST_PRIZES)}
_GIVES: dict[str, Schema] = {
    "points": Nullable(Integer(1, MOST_POINTS)),
    "coupon": Nullable(Text(64, about="A coupon definition of the brand's own, instead of points")),
}
_COUPON = Free("merchant, code, version, and the hash of its terms; null of a prize of points.")
STATES = ("committed", "anchored", "share-awaited", "drawn", "open")
# What opening a batch takes.
POOL = Record(
    {"programme": shapes.PROGRAMME, "ends_at": shapes.INSTANT,
     "prizes": Listing(Record(_PRIZE, _GIVES), MOST_KINDS)},
    {"draws_at": Nullable(shapes.INSTANT), "share": Nullable(_SHARE)},
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/batches/<batch>/prizes", "show-prizes", PUBLIC,
    "What items of a batch can win, how much was given, and where the draw stands", group=_GROUP,
    limited=True, problems=(PrizePoolUnknown,),
    success=Success(200, "The pool.", shapes.answer(
        "PrizePool", batch=Integer(1), gtin=Text(14), lot=Text(20), size=Integer(1),
        programme=shapes.PROGRAMME, state=Text(one_of=STATES), ends_at=shapes.INSTANT,
        draws_at=Nullable(shapes.INSTANT), block=Nullable(Free("number, hash, and the brand's open share.")),
        prizes=Listing(Record({
            "prize": Integer(1), **_PRIZE, "points": Integer(0, MOST_POINTS), "coupon": Nullable(_COUPON),
            "given": Integer(), "stopped": Integer(),
        }, closed=False), MOST_KINDS))),
)  # fmt: skip
PROOF = Route(
    "GET", "/v1/batches/<batch>/prizes/proof", "prove-prizes", PUBLIC,
    "The bundle of a pool, for `alliance verify prizes`; from an hour after its end on with all winners",
    group=_GROUP, limited=True, problems=(PrizePoolUnknown,),
    success=Success(200, "The bundle.", Named("PrizesProof", Record({
        "format": Text(one_of=(FORMAT,)), "version": Integer(1), "chain": Free("Chain id and contract."),
        "batch": Free("owner, root, and the root over its items alone."),
        "pool": Text(about="The pool as it was hashed"), "slots_root": Text(66),
        "block": Nullable(Free("number, hash, and the brand's open share.")), "secret": Nullable(Text(66)),
        "winners": Nullable(Listing(Record({
            "index": Integer(), "serial": Text(12), "prize": Integer(1), "state": Text(12),
            "points": Nullable(shapes.POINTS), "operation": Nullable(Text(34)),
            "owed": Integer(0, about="Of the points, what went against an old debt and was not issued"),
        }, closed=False), MOST_PRIZES)),
    }, closed=False))),
)  # fmt: skip
SHARE = Route(
    "POST", "/v1/batches/<batch>/prize-share", "open-prize-share", scopes("store:write"),
    "Open the brand's share of a draw, once the block that draws is known", group="Goods", write=True,
    body=Named("PrizeShare", Record({"share": Text(pattern="[0-9a-f]{64}", about="The 32 bytes")})),
    problems=(*WRITE_PROBLEMS, BatchUnknown, PrizePoolUnknown, PrizeShareRefused),
    success=Success(200, "Drawn.", shapes.answer("PrizeShareOpened", state=Text(one_of=STATES))),
)  # fmt: skip
ROUTES = (SHOW, PROOF, SHARE)


@dataclass(frozen=True, slots=True)
class PrizesDoor:
    """The endpoints of this module."""

    administration: Administration
    database: Database
    prover: PoolProver

    def show(self, call: Call) -> Reply:
        """The pool as it stands."""
        batch_no = _number(call)
        with self.database.read() as conn:
            found = find_pool(conn, batch_no)
            if found is None:
                raise PrizePoolUnknown
            root = anchored(conn, batch_no)
            there = root is not None and root.on_chain
            prizes = tally(found.pool, counted(conn, batch_no, "given"), counted(conn, batch_no, "stopped"))
            return Reply(_document(found, _state(found, there, call), prizes))

    def prove(self, call: Call) -> Reply:
        """The pool's bundle."""
        with self.database.snapshot() as conn:
            return Reply(self.prover.bundle(conn, _number(call), call.at).document())

    def share(self, call: Call) -> Reply:
        """The brand's share is open."""
        batch = _number(call), call.caller.merchant_id
        given = bytes.fromhex(call.body.fields["share"])

        def act(conn: Connection) -> Json:
            open_share(conn, batch, given, call.at)
            return {"state": "drawn"}

        return self.administration.write(call, act, status=200)


def served(door: PrizesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.show, door.prove, door.share)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _number(call: Call) -> int:
    text = call.path["batch"]
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise MalformedField("batch", "must be a number")
    return int(text)


def _state(found: PoolRow, on_chain: bool, call: Call) -> str:
    if found.drawn_at is not None:
        return "open" if found.is_open(call.at) else "drawn"
    if found.block is not None:
        return "share-awaited"
    return "anchored" if on_chain else "committed"


def _document(found: PoolRow, state: str, prizes: list[Json]) -> Json:
    pool = found.pool
    draws = None if pool.draws_at is None else format_instant(instant_of_seconds(pool.draws_at))
    return {
        "batch": found.batch_no, "gtin": pool.gtin, "lot": pool.lot, "size": pool.size, "state": state,
        "programme": pool.programme, "ends_at": format_instant(found.ends_at), "draws_at": draws,
        "block": block_document(found.block), "prizes": prizes,
    }  # fmt: skip
