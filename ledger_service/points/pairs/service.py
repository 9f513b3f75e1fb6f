"""What the index tells of terms of pairs goes into their mirror; the caller commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from ledger_service.db.bulk import sql_of
from ledger_service.db.models import alliance
from ledger_service.kernel.events import PairTermsAgreed, PairTermsGone
from ledger_service.points.errors import RegistryTooOld
from ledger_service.points.pairs.models import pair_terms
from ledger_service.points.programmes import note_change


def require_pairs(conn: Connection) -> None:
    """The alliance's registry takes terms of pairs.

    Raises:
        RegistryTooOld: it was created before there were any.
    """
    if not conn.execute(select(alliance.c.pairs)).scalar_one_or_none():
        raise RegistryTooOld


def note(conn: Connection, told: Sequence[PairTermsAgreed | PairTermsGone]) -> None:
    """The mirror of terms of pairs says what the chain does. Idempotency: by programme and version."""
    for one in told:
        mine = (pair_terms.c.programme_id == one.programme) & (pair_terms.c.version == one.version)
        conn.execute(delete(pair_terms).where(mine))
        if isinstance(one, PairTermsAgreed):
            row = {
                "programme_id": one.programme,
                "version": one.version,
                "acceptor": one.acceptor,
                "effective_from": one.effective_from,
                "point_value_micros": one.point_value_micros,
                "fee_bps": one.fee_bps,
            }
            sql_of(pair_terms, conn).insert(conn, [row])
    if told:
        note_change(conn)
