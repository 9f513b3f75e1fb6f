"""An operation as the chain tells it, whole but for what no event says: a permit's limits and signature."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ledger_service.chain.decode import MinedOperation
from ledger_service.chain.models import chain_operation
from ledger_service.kernel.operations import (
    Clawback,
    Convert,
    Expire,
    Extend,
    Gift,
    Issue,
    Kind,
    Operation,
    Redeem,
    Restore,
)


def accepted_and_detail(mined: MinedOperation) -> tuple[int, int]:
    """When it was accepted (seconds), and its kind's own small number."""
    head = int.from_bytes(mined.data[:32], "big")
    return head >> 56 & (1 << 40) - 1, head >> 48 & 255


def terms_of(mined: MinedOperation) -> int:
    """The number of the terms of a conversion; 0 where the programme had ended."""
    return int.from_bytes(mined.data[128:160], "big") >> 16


def by_custodian(mined: MinedOperation) -> bool:
    """Whether a custodial signer approved it, so that the contract counted it against the day's limit."""
    spends = mined.kind in (Kind.REDEEM, Kind.GIFT, Kind.CONVERT)
    return spends and bool(int.from_bytes(mined.data[:32], "big") & 1)


def rebuilt(conn: Connection, mined: MinedOperation) -> Operation | None:
    """The operation with the leaf that the chain has of it; None for a change of signer.

    Args:
        conn: for the operation that a reversal cites.
        mined: as the mirror keeps it.
    """
    at, detail = accepted_and_detail(mined)
    head, data = (mined.op_id, mined.merchant, mined.account), mined.data
    third = data[96:128]
    match mined.kind:
        case Kind.ISSUE:
            return Issue(*head, at, detail, mined.legs[0])
        case Kind.EXPIRE:
            return Expire(*head, at, mined.legs[0])
        case Kind.EXTEND:
            was, now = mined.legs
            return Extend(*head, at, was, now.epoch)
        case Kind.REDEEM:
            nonce = int.from_bytes(third, "big")
            return Redeem(*head, nonce, 0, at, at, detail, data[128:160], mined.legs, b"")
        case Kind.RESTORE:
            return Restore(*head, at, _op_id_of(conn, third), third, detail, mined.legs[0])
        case Kind.CLAWBACK:
            return Clawback(*head, at, _op_id_of(conn, third), third, mined.legs)
        case Kind.GIFT:
            nonce, recipient = int.from_bytes(data[128:160], "big"), mined.recipient or b""
            return Gift(*head, recipient, nonce, at, at, data[160:192], mined.legs, b"")
        case Kind.CONVERT:
            nonce, digest = int.from_bytes(third, "big"), data[160:192]
            terms = (terms_of(mined), mined.spread_bps)
            return Convert(*head, nonce, 0, at, at, *terms, digest, mined.legs, b"")
        case _:
            return None


def _op_id_of(conn: Connection, leaf: bytes) -> bytes:
    op_id: bytes = conn.execute(
        select(chain_operation.c.op_id).where(chain_operation.c.leaf == leaf)
    ).scalar_one()
    return op_id
