"""The contract's refusals as tests make them, and what the books must say whatever came before or after."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, text, update

from ledger_service.bootstrap.ledger_view import SqlLedgerView
from ledger_service.chain.reconciler import reconcile
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Operation
from ledger_service.ledger.rules import SystemKind, system_account
from ledger_service.outbox.models import State, intent
from ledger_service.points.models import member_programme
from tests.integration.checkout.shop import Phone, Shop

ASIDE = State.SET_ASIDE.value


def refuse(shop: Shop, op_ids: Iterable[bytes], reason: str = "NonceUsed()") -> None:
    """The packer found that the contract refuses these, and sets aside what cites them (``chain.packer``)."""
    row = intent.c
    with shop.database.begin() as conn:
        mine = row.op_id.in_(list(op_ids)) & (row.state == State.QUEUED.value)
        conn.execute(update(intent).where(mine).values(state=ASIDE, reason=reason))
        gone = select(row.op_id).where(row.state == ASIDE).scalar_subquery()
        orphans = row.original_op_id.in_(gone) & (row.state == State.QUEUED.value)
        conn.execute(update(intent).where(orphans).values(state=ASIDE, reason="OriginalSetAside()"))


def by_state(shop: Shop, state: str) -> list[Operation]:
    """The operations in a state of the outbox, in their order."""
    with shop.database.read() as conn:
        rows = conn.execute(select(intent.c.payload).where(intent.c.state == state).order_by("intent_id"))
        return [operation_of(payload) for payload in rows.scalars()]


def differences(shop: Shop) -> list[str]:
    """What the reconciler names, as check and subject."""
    return [f"{d.check} {d.subject}" for d in reconcile(shop.database, SqlLedgerView()).differences]


def frozen(shop: Shop, phone: Phone, programme: int) -> bool:
    """Whether the member may not spend points of the programme."""
    row = member_programme.c
    mine = (row.member_id == phone.member_id) & (row.programme_id == programme)
    with shop.database.read() as conn:
        return bool(conn.execute(select(row.frozen).where(mine)).scalar_one_or_none())


def on_account(shop: Shop, kind: SystemKind, programme: int, merchant: int | None = None) -> int:
    """What went to a system account, less what came from it."""
    number = system_account(kind, programme, merchant).account_id
    into = "SELECT coalesce(sum(CASE WHEN destination_id = :a THEN amount ELSE -amount END), 0) FROM posting"
    with shop.database.read() as conn:
        found = conn.execute(text(f"{into} WHERE destination_id = :a OR source_id = :a"), {"a": number})
        return int(found.scalar_one())
