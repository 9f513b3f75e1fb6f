"""Pure rules of rotas: who is on duty at an instant, and the shifts that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger_service.referrals.staffing.errors import ShareRotaRefused

MOST_STAFF = 50
MOST_MINUTES = 43_200
ASSIGNED, HANDED_OVER, MERGED = "assigned", "handed-over", "merged"
KINDS = (ASSIGNED, HANDED_OVER, MERGED)


@dataclass(frozen=True, slots=True)
class Rota:
    """Whose turn it is behind a live code, ``every_minutes`` the next one's, from ``begins_at`` on.

    Without staff the code is again whoever's it was handed to last.
    """

    staff: tuple[str, ...]
    every_minutes: int
    begins_at: datetime


class Shift(NamedTuple):
    """One turn: from, until (itself not included), whose."""

    begins_at: datetime
    ends_at: datetime
    cashier: str


def check_rota(rota: Rota, told_at: datetime) -> None:
    """The rota is one that may be told now.

    Raises:
        ShareRotaRefused: naming the rule.
    """
    if len(set(rota.staff)) != len(rota.staff):
        raise ShareRotaRefused("twice")
    if rota.begins_at < told_at:
        raise ShareRotaRefused("begun")


def in_force(rotas: Sequence[Rota], at: datetime) -> Rota | None:
    """The last told of those that have begun; ``rotas`` in the order of telling."""
    begun = [rota for rota in rotas if rota.begins_at <= at]
    return begun[-1] if begun else None


def on_duty(rota: Rota, at: datetime) -> str | None:
    """Whose turn it is then; None before the rota begins, and where it names nobody."""
    return None if not rota.staff or at < rota.begins_at else rota.staff[_turn(rota, at) % len(rota.staff)]


def shifts(rotas: Sequence[Rota], since: datetime, most: int) -> list[Shift]:
    """The turns from the one of ``since`` on, cut where another rota takes over, without those of nobody."""
    found: list[Shift] = []
    at = since
    while len(found) < most:
        rota, later = in_force(rotas, at), [r.begins_at for r in rotas if r.begins_at > at]
        if rota is None or not rota.staff:
            if not later:
                return found
            at = min(later)
            continue
        turn = _turn(rota, at)
        begins_at = rota.begins_at + turn * timedelta(minutes=rota.every_minutes)
        ends_at = min([begins_at + timedelta(minutes=rota.every_minutes), *later])
        found.append(Shift(begins_at, ends_at, rota.staff[turn % len(rota.staff)]))
        at = ends_at
    return found


def _turn(rota: Rota, at: datetime) -> int:
    return (at - rota.begins_at) // timedelta(minutes=rota.every_minutes)
