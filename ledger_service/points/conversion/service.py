"""What the index tells of conversions and ends goes into their mirrors; the caller commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from ledger_service.db.models import alliance
from ledger_service.kernel.events import ConversionAgreed, ConversionGone, EndAnnounced, EndGone, Published
from ledger_service.points.conversion.models import conversion_terms, programme_end
from ledger_service.points.errors import RegistryTooOld
from ledger_service.points.programmes import note_change

_T = conversion_terms.c


def require_conversions(conn: Connection) -> None:
    """The alliance's registry takes conversions and ends of programmes.

    Raises:
        RegistryTooOld: it was created before there were any.
    """
    if not conn.execute(select(alliance.c.converts)).scalar_one_or_none():
        raise RegistryTooOld


def note(conn: Connection, told: Sequence[Published]) -> None:
    """The mirrors say what the chain does. Idempotency: by the programmes and the number."""
    mine = [e for e in told if isinstance(e, ConversionAgreed | ConversionGone | EndAnnounced | EndGone)]
    for one in mine:
        if isinstance(one, ConversionAgreed | ConversionGone):
            _note_terms(conn, one)
        else:
            _note_end(conn, one)
    if mine:
        note_change(conn)


def _note_terms(conn: Connection, one: ConversionAgreed | ConversionGone) -> None:
    same = (_T.programme_id == one.programme) & (_T.target_id == one.target) & (_T.number == one.number)
    conn.execute(delete(conversion_terms).where(same))
    if isinstance(one, ConversionAgreed):
        row = {
            "programme_id": one.programme, "target_id": one.target, "number": one.number,
            "effective_from": one.effective_from, "spread_bps": one.spread_bps,
        }  # fmt: skip
        conn.execute(insert(conversion_terms).values(row))


def _note_end(conn: Connection, one: EndAnnounced | EndGone) -> None:
    conn.execute(delete(programme_end).where(programme_end.c.programme_id == one.programme))
    if isinstance(one, EndAnnounced):
        row = {"programme_id": one.programme, "target_id": one.target}
        words = {name: value for name, value in asdict(one).items() if name not in ("programme", "target")}
        conn.execute(insert(programme_end).values({**row, **words}))
