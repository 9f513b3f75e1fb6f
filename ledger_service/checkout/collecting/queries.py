"""Reads of rewards for spend: which receipts count for what, and what was granted and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from ledger_service.checkout.collecting.models import spend_receipt, spend_reward

_C, _R = spend_receipt.c, spend_reward.c


def receipts_of(
    conn: Connection, member_id: int, after: tuple[bytes, int] | None, most: int
) -> Sequence[Row[Any]]:
    """The member's receipts as they count, by sale and definition."""
    its = select(spend_receipt).where(_C.member_id == member_id)
    if after is not None:
        sale_id, definition = after
        same = (_C.sale_id == sale_id) & (_C.definition_id > definition)
        its = its.where((_C.sale_id > sale_id) | same)
    return conn.execute(its.order_by(_C.sale_id, _C.definition_id).limit(most)).all()


def rewards_of(conn: Connection, member_id: int, after: bytes | None, most: int) -> Sequence[Row[Any]]:
    """The member's rewards, also those that went back, in the order of their ids."""
    its = select(spend_reward).where(_R.member_id == member_id)
    if after is not None:
        its = its.where(_R.reward_id > after)
    return conn.execute(its.order_by(_R.reward_id).limit(most)).all()
