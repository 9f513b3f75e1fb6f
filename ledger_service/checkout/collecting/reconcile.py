"""Rewards for spend against their receipts and coupons, in the database alone."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ledger_service.kernel.ids import id_text
from ledger_service.ledger.reconcile import Difference

# Of a member with a mark the receipts are still to be added up.
_SHORT = text(
    "SELECT r.reward_id, r.spend_minor, COALESCE(SUM(c.minor), 0) FROM spend_reward AS r"
    " LEFT JOIN spend_receipt AS c ON c.reward_id = r.reward_id WHERE r.state = 'granted'"
    " AND NOT EXISTS (SELECT 1 FROM spend_mark AS m WHERE m.member_id = r.member_id)"
    " GROUP BY r.reward_id, r.spend_minor HAVING COALESCE(SUM(c.minor), 0) < r.spend_minor"
)
_ENDED = text(
    "SELECT c.sale_id, r.state FROM spend_receipt AS c JOIN spend_reward AS r ON r.reward_id = c.reward_id"
    " WHERE r.state <> 'granted'"
)
_VOID = text(
    "SELECT r.reward_id FROM spend_reward AS r JOIN coupon AS c ON c.coupon_id = r.reward_id"
    " WHERE r.state = 'granted' AND c.state = 'void'"
)


def differences(conn: Connection) -> Iterator[Difference]:
    """What differs: receipts that do not reach, or that serve what was taken back; a void coupon.

    Args:
        conn: a snapshot; of what agrees nothing is kept.
    """
    for reward, spend, minor in conn.execute(_SHORT):
        yield Difference("spend-reward", _name(reward), f"receipts of {spend}", str(minor))
    for sale, state in conn.execute(_ENDED):
        yield Difference("spend-receipt", _name(sale), "serves a reward that stands", str(state))
    for (reward,) in conn.execute(_VOID):
        yield Difference("spend-reward", _name(reward), "a coupon", "void")


def _name(raw: bytes) -> str:
    return id_text(bytes(raw))
