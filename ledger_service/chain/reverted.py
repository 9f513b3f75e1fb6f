"""A step that was refused in its block: which, why by the contract's word, when it may be asked again."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from ledger_service.chain.answers import Receipt
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import NodeRefusal
from ledger_service.chain.models import chain_cursor, chain_step, chain_tx
from ledger_service.chain.refusals import refusal_of


def why_reverted(node: Node, name: str, asked: tuple[bytes, bytes | None, bytes], receipt: Receipt) -> str:
    """The step, its block and the contract's error by name, as the same call is refused now.

    A receipt holds no reason, so the call is judged once more: on the state before its block where the node
    keeps it, else on the newest.

    Args:
        node: to ask.
        name: the step's.
        asked: sender, contract and calldata; no contract where one was to be created.
        receipt: of the step's transaction.
    """
    sender, to, data = asked
    block = receipt.block_number
    told = f"step {name} reverted in block {block:,}"
    for at in () if to is None else (hex(block - 1), "pending"):
        answer = node.call(CallAt(sender, to, data, at=at))  # type: ignore[arg-type]  # not of a creation
        if isinstance(answer, NodeRefusal) and answer.data:
            return f"{told}: {refusal_of(answer.data).text()}"
    return f"{told}; the contract does not refuse it now"


def freed(conn: Connection, name: str) -> bool:
    """Whether the step may be asked for anew: what was sent for it is reverted in a block that no
    reorganisation undoes. Its row keeps the transaction under another name; the caller commits.

    Locks: the step's row, so that of two callers one frees it.
    """
    key, step = chain_step.c.key == name, chain_tx.c.step == name
    if conn.execute(select(chain_step.c.nonce).where(key).with_for_update()).first() is None:
        return False
    final = conn.execute(select(chain_cursor.c.final_number)).scalar_one_or_none()
    sent = conn.execute(select(chain_tx.c.nonce, chain_tx.c.state, chain_tx.c.block_number).where(step)).all()
    over = [row for row in sent if row.state == "reverted" and row.block_number <= (final or 0)]
    if final is None or not over or len(over) < len(sent):
        return False
    other = f"{name} reverted:{over[0].nonce}"
    conn.execute(update(chain_step).where(key).values(key=other))
    conn.execute(update(chain_tx).where(step).values(step=other))
    return True
