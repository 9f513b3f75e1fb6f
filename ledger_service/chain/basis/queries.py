"""What the mirror knows of the bases of a programme."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from ledger_service.chain.basis.models import chain_basis


def bases_of(conn: Connection, programme_id: int) -> list[Any]:
    """The rows of ``chain_basis``, in the order of their instants."""
    mine = chain_basis.c.programme_id == programme_id
    return list(conn.execute(select(chain_basis).where(mine).order_by(chain_basis.c.number)))
