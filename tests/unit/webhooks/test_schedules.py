"""When subscriptions of EPCIS report: fields as cron has them, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest

from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.webhooks.subscriptions.rules import next_after, parse_schedule

# A Wednesday.
NOON = datetime(2017, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "next_one"),
    [
        ({"hour": "1", "minute": "5"}, "2017-03-02T01:05:00Z"),
        ({"hour": "1"}, "2017-03-02T01:00:00Z"),
        ({"minute": "0"}, "2017-03-01T13:00:00Z"),
        ({"minute": "0,[14-16]"}, "2017-03-01T12:14:00Z"),
        ({"second": "30"}, "2017-03-01T12:00:30Z"),
        ({"second": 0}, "2017-03-01T12:01:00Z"),
        ({"dayOfMonth": "1"}, "2017-04-01T00:00:00Z"),
        ({"dayOfWeek": "[6-7]", "hour": "23"}, "2017-03-04T23:00:00Z"),
        ({"month": "2", "dayOfMonth": "29"}, "2020-02-29T00:00:00Z"),
        # On a Tuesday that is eleven years away, and comes all the same.
        ({"month": "2", "dayOfMonth": "29", "dayOfWeek": "2"}, "2028-02-29T00:00:00Z"),
        ({"month": "2", "dayOfMonth": "30"}, None),
    ],
)
def test_the_next_report(fields: dict[str, Any], next_one: str | None) -> None:
    found = next_after(parse_schedule(fields), NOON)
    assert (None if found is None else format_instant(found)) == next_one


def test_the_evening_costs_no_more_than_the_morning() -> None:
    every, evening = parse_schedule({"second": "[0-59]"}), NOON.replace(hour=23, minute=59, second=57)
    begun = process_time()
    for _ in range(20):
        assert next_after(every, evening) == evening.replace(second=58)
    assert process_time() - begun < 0.2


@pytest.mark.parametrize(
    "fields",
    [{}, {"hour": "24"}, {"minute": "60"}, {"dayOfWeek": "0"}, {"hour": ""}, {"hour": "[5-1]"},
     {"hour": "1-5"}, {"hour": "1,"}, {"hour": "*"}, {"hour": True}, {"hour": "١"},
     {"year": "2017"}, {"hour": "1," * 200}],
)  # fmt: skip
def test_what_is_no_schedule(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedField):
        parse_schedule(fields)
