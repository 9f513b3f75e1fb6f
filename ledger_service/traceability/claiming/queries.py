"""Reading claims: a member's own, and all of a batch that was recalled, with what became of their points."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, func, select

from ledger_service.members.models import member
from ledger_service.outbox.models import intent
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.goods.models import trace_item, trace_product
from ledger_service.traceability.prizes.models import trace_prize

_C, _M, _I, _W = trace_claim.c, member.c, trace_item.c, trace_prize.c


def claims_of_member(conn: Connection, member_id: int, after: int | None, most: int) -> list[RowMapping]:
    """A member's claims by item, behind ``after``, with the products' names and what the items drew."""
    joined = trace_claim.join(trace_item, _I.item_id == _C.item_id)
    joined = joined.join(trace_product, trace_product.c.gtin == _C.gtin)
    joined = joined.outerjoin(trace_prize, _W.item_id == _C.item_id)
    p = trace_product.c
    won = _W.state.label("drawn"), _W.points.label("won")
    columns = (trace_claim, _I.serial, p.name_en, p.name_zh_hans, p.name_zh_hant, p.brand, *won)
    query = (
        select(*columns).select_from(joined).where((_C.member_id == member_id) & (_C.item_id > (after or 0)))
    )
    return list(conn.execute(query.order_by(_C.item_id).limit(most)).mappings())


def claims_of_batch(conn: Connection, batch_no: int, after: int | None, most: int) -> list[RowMapping]:
    """Who claimed items of a batch, by item, and where each issue stands on its way to settlement."""
    joined = trace_claim.join(trace_item, _I.item_id == _C.item_id).join(member, _M.member_id == _C.member_id)
    joined = joined.outerjoin(intent, intent.c.op_id == _C.op_id)
    columns = (trace_claim, _I.serial, _I.state, _M.member_number, intent.c.state.label("issue"))
    mine = (_C.batch_no == batch_no) & (_C.item_id > (after or 0))
    query = select(*columns).select_from(joined).where(mine)
    return list(conn.execute(query.order_by(_C.item_id).limit(most)).mappings())


def points_of_batch(conn: Connection, batch_no: int) -> list[RowMapping]:
    """By programme and epoch: claims, points issued, and claims that were taken back since."""
    columns = (
        _C.programme_id, _C.epoch, func.count().label("claims"), func.sum(_C.net).label("points"),
        func.count(_C.voided_at).label("voided"),
    )  # fmt: skip
    query = select(*columns).where(_C.batch_no == batch_no).group_by(_C.programme_id, _C.epoch)
    return list(conn.execute(query.order_by(_C.programme_id, _C.epoch)).mappings())
