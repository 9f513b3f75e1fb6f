"""What waits to be told becomes operations of the contract, of each coupon in the order in which it happened.

One unit of work writes the operations and that nothing waits any more, so a crash at any point tells each
thing once (INV-7). A use is dated by when the coupon was accepted: by its reservation where a hold had one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from ledger_service.coupons.codes.models import coupon_code_list
from ledger_service.coupons.codes.rules import GENERIC, chain_id_of, opening_of
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.telling.models import coupon_telling, coupon_token, coupon_type
from ledger_service.coupons.telling.parts import code_proof
from ledger_service.coupons.telling.types import has_contract, register, send, type_for
from ledger_service.coupons.wallet.models import coupon, coupon_event
from ledger_service.db.engine import Database
from ledger_service.db.errors import RowVanished
from ledger_service.kernel.beside import leaf_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.coupon_operations import NO_ROOT, NOBODY, Consume, CouponOperation, Give, Reverse
from ledger_service.kernel.ids import derive_id
from ledger_service.members.queries import accounts_of
from ledger_service.outbox.beside.queries import leaves_of

# Tills wait while a step is written; proofs are made before.
AT_ONCE = 50
_C, _E, _K, _T = coupon.c, coupon_event.c, coupon_token.c, coupon_telling.c
# Which merchants' sales these are, by sale; fulfilled by the checkout.
Acceptors = Callable[[Connection, Sequence[bytes]], Mapping[bytes, int]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that a code was issued; empty for a coupon without one."""

    root: bytes = NO_ROOT
    opening: bytes = bytes(32)
    nodes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Teller:
    """A step of the bridge's job."""

    database: Database
    acceptors: Acceptors

    def step(self, at: datetime) -> bool:
        """Some of what waits is told.

        Returns:
            whether more waits.
        """
        with self.database.snapshot() as conn:
            rows = _waiting(conn)
            proofs = {_op_id(row): _proof(conn, row) for row in rows if row["kind"] == "consumed"}
        if rows:
            with self.database.begin() as conn:
                _Telling(conn, at, self.acceptors, proofs).tell(rows)
        return len(rows) == AT_ONCE


@dataclass
class _Telling:
    """One step, inside its unit of work."""

    conn: Connection
    at: datetime
    acceptors: Acceptors
    proofs: Mapping[bytes, Proof]
    _told: dict[bytes, CouponOperation] = field(default_factory=dict)

    def tell(self, rows: Sequence[RowMapping]) -> None:
        """The rows wait no more.

        Raises:
            RowVanished: another has told one of them meanwhile; nothing is written.
        """
        if has_contract(self.conn):
            merchants = self.acceptors(self.conn, [row["ref"] for row in rows if row["kind"] == "consumed"])
            for row in rows:
                one = self._operation(row, merchants)
                if one is not None:
                    self._told[one.op_id] = one
        send(self.conn, list(self._told.values()), self.at)
        for row in rows:
            mine = (_T.coupon_id == row["coupon_id"]) & (_T.position == row["position"]) & _T.waits
            op_id = _op_id(row) if _op_id(row) in self._told else None
            done = update(coupon_telling).where(mine).values(waits=False, op_id=op_id)
            if self.conn.execute(done).rowcount != 1:
                raise RowVanished(coupon_telling.name)

    def _operation(self, row: RowMapping, merchants: Mapping[bytes, int]) -> CouponOperation | None:
        token = self._token(row)
        if token is None:
            return None
        number = chain_id_of(token["gcn"], token["serial"])
        if row["kind"] == "given":
            return self._gift(row, number, token["account"])
        if row["kind"] == "given-back":
            return self._back(row, number)
        merchant = merchants.get(row["ref"])
        if merchant is None:
            return None
        proof = self.proofs[_op_id(row)]
        return Consume(
            _op_id(row), merchant, self._accepted(row), number, token["account"] or NOBODY, proof.root,
            proof.opening, proof.nodes,
        )  # fmt: skip

    def _back(self, row: RowMapping, number: int) -> Reverse | None:
        """The consumption before is taken back by whoever accepted it; None where nobody was told of it."""
        earlier = (_E.coupon_id == row["coupon_id"]) & (_E.position < row["position"])
        last = select(_E.position).where(earlier & (_E.kind == "consumed")).order_by(_E.position.desc())
        position = self.conn.execute(last.limit(1)).scalar_one()
        original = derive_id("coupon event", row["coupon_id"], position)
        now = self._told.get(original)
        told = leaves_of(self.conn, [original]).get(original) if now is None else (now.merchant, leaf_of(now))
        if told is None:
            return None
        merchant, leaf = told
        return Reverse(_op_id(row), merchant, seconds_floor(row["at"]), number, original, leaf)

    def _gift(self, row: RowMapping, number: int, account: bytes | None) -> Give | None:
        holders = (_E.coupon_id == row["coupon_id"]) & (_E.position < row["position"])
        # A generic code gives whoever shows it a coupon of its own.
        kinds = _E.kind.in_(("claimed", "granted", "given", "shown")) & _E.member_id.is_not(None)
        before = select(_E.member_id).where(holders & kinds)
        giver = self.conn.execute(before.order_by(_E.position.desc()).limit(1)).scalar_one_or_none()
        known = accounts_of(self.conn, [one for one in (giver, row["member_id"]) if one is not None])
        source, goal = account or known.get(giver or 0), known.get(row["member_id"])
        if source is None or goal is None:
            return None
        mine = _K.coupon_id == row["coupon_id"]
        self.conn.execute(update(coupon_token).where(mine).values(account=goal))
        owner = select(coupon_definition.c.merchant_id)
        owned = owner.where(coupon_definition.c.definition_id == row["definition_id"])
        merchant = self.conn.execute(owned).scalar_one()
        return Give(_op_id(row), merchant, seconds_floor(row["at"]), number, source, goal)

    def _token(self, row: RowMapping) -> RowMapping | None:
        """The coupon's number, given now where it has none; None where its type has none either."""
        mine = select(coupon_token).where(_K.coupon_id == row["coupon_id"])
        found = self.conn.execute(mine).mappings().one_or_none()
        if found is not None:
            return found
        of_list = row["list_id"] is not None and row["list_kind"] != GENERIC
        kind = type_for(self.conn, row["definition_id"], open_type=not of_list)
        if kind is None:
            return None
        if not kind["version"]:
            register(self.conn, row["definition_id"], self.at)
        place = (row["gcn"], row["first"] + row["place"]) if of_list else self._next(kind["gcn"])
        values = {"coupon_id": row["coupon_id"], "gcn": place[0], "serial": place[1]}
        self.conn.execute(insert(coupon_token).values(values))
        return self.conn.execute(mine).mappings().one()

    def _next(self, gcn: int) -> tuple[int, int]:
        mine, t = coupon_type.c.gcn == gcn, coupon_type.c.next_serial
        self.conn.execute(update(coupon_type).where(mine).values(next_serial=t + 1))
        return gcn, int(self.conn.execute(select(t).where(mine)).scalar_one()) - 1

    def _accepted(self, row: RowMapping) -> int:
        before = (_E.coupon_id == row["coupon_id"]) & (_E.position == row["position"] - 1)
        held = select(_E.at).where(before & (_E.kind == "reserved"))
        return seconds_floor(self.conn.execute(held).scalar_one_or_none() or row["at"])


def _proof(conn: Connection, row: RowMapping) -> Proof:
    if row["list_id"] is None or row["list_kind"] == GENERIC:
        return Proof()
    listed = select(coupon_code_list).where(coupon_code_list.c.list_id == row["list_id"])
    one = conn.execute(listed).mappings().one()
    tag, nodes = code_proof(conn, one, row["place"])
    return Proof(one["root"], opening_of(tag), nodes)


def _waiting(conn: Connection) -> Sequence[RowMapping]:
    """The first that wait, coupon by coupon, each in the order of its history."""
    joined = coupon_telling.join(
        coupon_event, (_E.coupon_id == _T.coupon_id) & (_E.position == _T.position)
    ).join(coupon, _C.coupon_id == _T.coupon_id)
    listed = coupon_code_list.c
    outer = joined.outerjoin(coupon_code_list, listed.list_id == _C.list_id)
    columns: tuple[Any, ...] = (
        _T.coupon_id, _T.position, _E.kind, _E.member_id, _E.ref, _E.at, _C.definition_id, _C.list_id,
        _C.position.label("place"), listed.gcn, listed.first, listed.kind.label("list_kind"),
    )  # fmt: skip
    query = select(*columns).select_from(outer).where(_T.waits)
    return conn.execute(query.order_by(_T.coupon_id, _T.position).limit(AT_ONCE)).mappings().all()


def _op_id(row: RowMapping) -> bytes:
    return derive_id("coupon event", row["coupon_id"], row["position"])
