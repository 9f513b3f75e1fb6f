"""The bridge as operators and auditors see it: how far behind, what was set aside, what alarms."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.paging import MOST_ROWS
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Nullable, Record, Text
from ledger_service.chain.status import chain_status
from ledger_service.db.models import alliance
from ledger_service.kernel import campaign_operations as campaigns
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.coupon_operations import TARGET
from ledger_service.kernel.operations import Kind
from ledger_service.outbox import queries as outbox
from ledger_service.outbox.beside import queries as beside

_GROUP = "Chain"
_COUNT = Integer()
_LAG = Record(
    {
        "queued": _COUNT,
        "packed": _COUNT,
        "mined": _COUNT,
        "oldest_queued": Nullable(shapes.INSTANT),
        "later": Integer(0, outbox.MOST_COUNTED),
    }
)
_COUPONS = Record({"on_chain": Flag(), "queued": _COUNT, "refused": _COUNT})
_MOST_REFUSED = 20
_REFUSED = Record({"operation": shapes.HEX_ID, "kind": Text(), "reason": Text(1000)})
_CAMPAIGNS = Record({
    "on_chain": Flag(), "queued": _COUNT, "refused": _COUNT, "latest": Listing(_REFUSED, _MOST_REFUSED),
})  # fmt: skip
_ASIDE = Record({"operation": shapes.HEX_ID, "kind": Text(), "reason": Nullable(Text(1000))}, closed=False)

STATUS = Route(
    "GET", "/v1/chain/status", "chain-status", scopes("audit:read", "operate"),
    "Lag, last batch, operations set aside, alarms", group=_GROUP,
    success=Success(200, "As the database tells; the node is not asked.", shapes.answer(
        "ChainStatus", lag=_LAG, block_number=Nullable(_COUNT), last_batch=Nullable(_COUNT),
        coupons=_COUPONS, campaigns=_CAMPAIGNS, period=_COUNT, set_aside_count=_COUNT,
        set_aside=Listing(_ASIDE, MOST_ROWS), alarms=Listing(Record(closed=False)))),
)  # fmt: skip
ROUTES = (STATUS,)


@dataclass(frozen=True, slots=True)
class ChainDoor:
    """The endpoints of this module over the tables of bridge and outbox."""

    administration: Administration

    def status(self, call: Call) -> Reply:
        """The bridge's state."""
        return self.administration.read(status_document)


def status_document(conn: Connection) -> Json:
    """The bridge's state as JSON."""
    lag, chain = outbox.lag(conn), chain_status(conn)
    oldest = None if lag.oldest_queued is None else format_instant(lag.oldest_queued)
    return {
        "lag": {
            "queued": lag.queued,
            "packed": lag.packed,
            "mined": lag.mined,
            "oldest_queued": oldest,
            "later": lag.later,
        },
        "coupons": _coupons(conn),
        "campaigns": _campaigns(conn),
        "block_number": chain.block_number,
        "final_block": chain.final_block,
        "last_batch": chain.last_batch,
        "last_batch_sent": chain.last_batch_sent,
        "period": chain.period,
        "set_aside_count": outbox.set_aside_count(conn),
        "set_aside": [_aside(one) for one in outbox.set_aside(conn, most=MOST_ROWS)],
        "alarms": [{"code": a.code, "subject": a.subject, "detail": a.detail} for a in chain.alarms],
    }


def _coupons(conn: Connection) -> Json:
    """How far the coupon contract is behind; an alliance founded before there was one goes on without it."""
    lag = beside.lag(conn, TARGET)
    on_chain = conn.execute(select(alliance.c.coupons)).scalar() is not None
    return {"on_chain": on_chain, "queued": lag.queued, "refused": lag.refused}


def _campaigns(conn: Connection) -> Json:
    """The same of the campaigns' desk, with what it refused last."""
    lag, latest = beside.lag(conn, campaigns.TARGET), beside.refused(conn, campaigns.TARGET, _MOST_REFUSED)
    told = [{"operation": one.op_id.hex(), "kind": campaigns.CampaignKind(one.kind).name.lower(),
             "reason": one.reason} for one in latest]  # fmt: skip
    on_chain = conn.execute(select(alliance.c.campaign_desk)).scalar() is not None
    return {"on_chain": on_chain, "queued": lag.queued, "refused": lag.refused, "latest": told}


def _aside(one: outbox.SetAside) -> Json:
    return {"operation": one.op_id.hex(), "kind": Kind(one.kind).name.lower(), "reason": one.reason}


def served(door: ChainDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(STATUS, door.status)]
