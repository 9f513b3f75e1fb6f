"""What a merchant's customers are worth: a model fitted to its own purchases, tested on their second half.

A merchant has one model at a time and no value stands beside a member: a value is worked out from the model
and the member's own purchases whenever a rule asks, so erasure has nothing to take away. Purchases of one day
(UTC) are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, RowMapping, select, text

from ledger_service.db.bulk import sql_of
from ledger_service.insight.lifetime import (
    Often,
    Past,
    Spend,
    expected_purchases,
    expected_spend,
    fit_often,
    fit_spend,
)
from ledger_service.kernel.clock import micros_of
from ledger_service.members.segments.errors import CustomerValueUnknown
from ledger_service.members.segments.models import value_model

DAY = 86_400_000_000
# Of more customers every so-manieth is fitted to; below so many who came back nothing is said.
MOST_FITTED, LEAST_CAME_BACK = 3_000, 50
_PARTS = 1_000_000
# Longer histories are told in steps of a hundredth, so that however many customers have few pasts.
_STEPS = 100
# What a count adds up stays below 2**63, however odd the model.
_GREATEST = 1 << 61
_V = value_model.c
_OF_SALES = " FROM sale WHERE merchant_id = :merchant AND member_id IS NOT NULL AND occurred_at <= :at"
# What of a member's purchases its value follows from, beside the first and last of them.
PAST = f"""COUNT(DISTINCT occurred_at / {DAY}) AS days, CAST(SUM(total_minor) AS BIGINT) AS spent"""
_PASTS = f"""SELECT member_id, {PAST}, MIN(occurred_at) / {DAY} AS first, MAX(occurred_at) / {DAY} AS last
 {_OF_SALES} GROUP BY member_id"""
# A cell is all pasts of so many days, last and age in steps, as one number: both are below 200 steps.
_CELL = "(({days} * 1000 + ({last} - {first}) / :step) * 1000 + ({today} - {first}) / :step)"
_ONE = ", ".join(
    f"CAST(value ->> {at} AS BIGINT) AS {name}" for at, name in enumerate(("cell", "base", "weight"))
)
_CELLS = {
    "sqlite": f"(SELECT {_ONE} FROM json_each(:cells))",
    "postgresql": f"(SELECT {_ONE} FROM jsonb_array_elements(CAST(:cells AS JSONB)) AS one(value))",
}
_OF_MEMBER = _CELL.format(
    days="s.days", last=f"s.last_at / {DAY}", first=f"s.first_at / {DAY}", today=f":at / {DAY}"
)
# What a count joins: what the model says of pasts such as the member's.
WORTH: Mapping[str, str] = {
    dialect: f" LEFT JOIN {cells} AS worth ON worth.cell = {_OF_MEMBER}" for dialect, cells in _CELLS.items()
}


class Model(NamedTuple):
    """How often and for how much."""

    often: Often
    spend: Spend

    def worth(self, past: Past, days: float) -> tuple[float, float]:
        """(base, weight): somebody of this past spends base + weight x own mean purchase in ``days``."""
        base, weight = expected_spend(self.spend, past.again + 1)
        purchases = expected_purchases(self.often, past, days)
        return purchases * base, purchases * weight


class Fitted(NamedTuple):
    """A model, or None where too few came back; ``tested`` is what it would have said half-way."""

    customers: int
    came_back: int
    model: Model | None
    tested: Mapping[str, int] | None


def fitted(conn: Connection, merchant_id: int, at: datetime) -> Fitted:
    """The merchant's model as of an instant; takes seconds, and a snapshot."""
    rows = _pasts(conn, merchant_id, micros_of(at))
    model = _model(rows, micros_of(at) // DAY)
    came_back = sum(row["days"] > 1 for row in rows)
    tested = None if model is None else _tested(conn, merchant_id, rows, at)
    return Fitted(len(rows), came_back, model, tested)


def keep(conn: Connection, merchant_id: int, at: datetime, found: Fitted) -> None:
    """The model is the merchant's from the instant on; a second one of the same instant changes nothing."""
    row = {
        "merchant_id": merchant_id, "fitted_at": at, "customers": found.customers,
        "came_back": found.came_back,
        "parameters": None if found.model is None else _text(_parts(found.model)),
        "tested": found.tested and _text(found.tested),
    }  # fmt: skip
    sql_of(value_model, conn).insert(conn, [row], or_ignore=True)


def newest(conn: Connection, merchant_id: int, at: datetime) -> RowMapping:
    """The merchant's last fit with a model by then.

    Raises:
        CustomerValueUnknown: there is none.
    """
    its = select(value_model).where(_V.merchant_id == merchant_id, _V.fitted_at <= at)
    its = its.where(_V.parameters.is_not(None)).order_by(_V.fitted_at.desc()).limit(1)
    row = conn.execute(its).mappings().first()
    if row is None:
        raise CustomerValueUnknown
    return row


def worth_of(conn: Connection, merchant_id: int, horizon_days: int, at: datetime) -> dict[str, Any]:
    """The bound values of ``WORTH``: what each past that occurs is worth over the horizon, in millionths.

    Raises:
        CustomerValueUnknown: no model was fitted by then.
    """
    model = _model_of(newest(conn, merchant_id, at)["parameters"])
    its: dict[str, Any] = {"merchant": merchant_id, "at": micros_of(at)}
    oldest = conn.execute(text(f"SELECT MIN(occurred_at) {_OF_SALES}"), its).scalar()
    today = micros_of(at) // DAY
    step = max(1, (today - (today if oldest is None else int(oldest) // DAY)) // _STEPS)
    cell = _CELL.format(days="days", last="last", first="first", today=today)
    its["step"] = step
    found = f"SELECT {cell} AS cell, MAX(spent / days) AS dearest FROM ({_PASTS}) AS past GROUP BY 1"
    pasts = [(int(row.cell), int(row.dearest)) for row in conn.execute(text(found), its)]
    most = _GREATEST, _GREATEST // max(1, *(dearest for _, dearest in pasts), 1)
    cells = [_worth(model, one, (step, horizon_days), most) for one, _ in pasts]
    return {"cells": orjson.dumps(cells).decode(), "step": step}


def _worth(model: Model, cell: int, spans: tuple[int, int], most: tuple[int, int]) -> list[int]:
    """A cell with what each past of it is worth, in millionths."""
    (days, last), age = divmod(cell // 1_000, 1_000), cell % 1_000
    (step, horizon_days), middle = spans, (spans[0] - 1) / 2
    worth = model.worth(Past(days - 1, last * step + middle, age * step + middle), horizon_days)
    return [cell, *(int(min(part * _PARTS, top)) for part, top in zip(worth, most, strict=True))]


def _pasts(conn: Connection, merchant_id: int, at: int) -> Sequence[RowMapping]:
    its = {"merchant": merchant_id, "at": at}
    return conn.execute(text(f"{_PASTS} ORDER BY 1"), its).mappings().all()


def _model(rows: Sequence[RowMapping], today: int) -> Model | None:
    some = rows[:: max(1, len(rows) // MOST_FITTED)]
    spent = [(int(row["days"]), row["spent"] / row["days"]) for row in some if row["spent"] > 0]
    if sum(row["days"] > 1 for row in some) < LEAST_CAME_BACK or not spent:
        return None
    return Model(fit_often(_past(row, today) for row in some), fit_spend(spent))


def _past(row: RowMapping, today: int) -> Past:
    return Past(int(row["days"]) - 1, row["last"] - row["first"], today - row["first"])


def _tested(
    conn: Connection, merchant_id: int, rows: Sequence[RowMapping], at: datetime
) -> Mapping[str, int] | None:
    """A model of the first half of the time, held against what its customers did in the second."""
    today = micros_of(at) // DAY
    half = (min(row["first"] for row in rows) + today) // 2
    # The last instant of that day: what it says is of whole days.
    before = _pasts(conn, merchant_id, (half + 1) * DAY - 1)
    model = _model(before, half)
    if model is None:
        return None
    after = {row["member_id"]: row for row in rows}
    bought = said = spent = told = missed = same = 0.0
    for row in before:
        now, past = after[row["member_id"]], _past(row, half)
        base, weight = model.worth(past, today - half)
        value, actual = base + weight * row["spent"] / row["days"], now["spent"] - row["spent"]
        said += expected_purchases(model.often, past, today - half)
        bought += now["days"] - row["days"]
        told, spent = told + value, spent + actual
        missed += abs(value - actual)
        # Whoever goes on as before: the same again for each day that it was a customer.
        same += abs(row["spent"] * (today - half) / (past.age + 1) - actual)
    return {
        "days": today - half, "customers": len(before), "purchases_expected": round(said),
        "purchases": int(bought), "spent_expected_minor": round(told), "spent_minor": int(spent),
        "missed_minor": round(missed / len(before)), "missed_by_same_again_minor": round(same / len(before)),
    }  # fmt: skip


def _parts(model: Model) -> dict[str, dict[str, int]]:
    return {
        "often": {name: round(value * _PARTS) for name, value in model.often._asdict().items()},
        "spend": {name: round(value * _PARTS) for name, value in model.spend._asdict().items()},
    }


def _model_of(parameters: str) -> Model:
    found = orjson.loads(parameters)
    often = Often(**{name: value / _PARTS for name, value in found["often"].items()})
    return Model(often, Spend(**{name: value / _PARTS for name, value in found["spend"].items()}))


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
