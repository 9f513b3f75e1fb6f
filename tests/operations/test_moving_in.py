"""The drill of docs/moving-in.md with real processes: rolled back once, then cut over, spent and audited."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger_service.demo.stack import SetupFailed
from ledger_service.kernel import otp
from tests import warm
from tests.api.service import basket
from tests.operations.installation import STORE, Installation

PEOPLE = 50


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "state")
    try:
        made.found()
        yield made
    finally:
        made.close()


def table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def old_programme(folder: Path, name: str) -> Path:
    """Fifty members with two lots each, one of them in a row that nobody can take."""
    folder.mkdir()
    ids = [f"K{n:03}" for n in range(PEOPLE)]
    days = [(datetime.now(UTC) + timedelta(days=more)).date().isoformat() for more in (20, 100)]
    table(folder / "members.csv", [{"external_id": i, "email": f"{i}@example.com"} for i in ids])
    same = {"programme": "GROC", "points": "300"}
    lots = [{"external_id": i, **same, "last_day": day} for i in ids for day in days]
    table(folder / "lots.csv", [*lots, {**lots[0], "external_id": "nobody"}])
    totals = {"rows": len(lots) + 1, "points": {"GROC": 300 * (len(lots) + 1)}}
    files = {"members": {"file": "members.csv", "rows": PEOPLE}, "lots": {"file": "lots.csv", **totals}}
    document = {"import": name, "source": "oldcard", "files": files}
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


def imported(made: Installation, *arguments: str, good: tuple[int, ...] = (0,)) -> str:
    return warm.run_command(made.environment, "import", *arguments, good=good)


def number_of(made: Installation, external: str) -> str:
    wanted = {"kind": "social:oldcard", "value": external}
    return str(made.must(made.operator, "/v1/members/identify", wanted)["number"])


def available(made: Installation, number: str) -> int:
    rows = made.get(made.operator, f"/v1/members/{number}/balance")["balances"]
    return sum(row["available"] for row in rows)


def test_the_drill(installation: Installation, tmp_path: Path) -> None:
    made = installation
    rehearsal = old_programme(tmp_path / "rehearsal", "rehearsal")
    told = imported(made, "check", str(rehearsal), good=(1,))
    assert "100 accepted, GROC 30,000 points; 1 rejected" in told
    imported(made, "load", str(rehearsal), good=(1,))
    assert "nobody" in (rehearsal / "rejects" / "lots.csv").read_text()
    assert available(made, number_of(made, "K007")) == 0
    assert "rolled back" in imported(made, "roll-back", "rehearsal")

    folder = old_programme(tmp_path / "real", "real")
    imported(made, "check", str(folder), good=(1,))
    imported(made, "load", str(folder), good=(1,))
    fresh, into = str(folder / "lots.csv"), str(tmp_path / "differences.csv")
    told = imported(made, "compare", "real", fresh, "--into", into, good=(1,))
    assert "101 rows, 50 balances, 1 differences" in told, "the row that was rejected is missed"
    with pytest.raises(SetupFailed, match="rejects-not-acknowledged"):
        imported(made, "cut-over", "real")
    assert "issued 30,000, lapsed 0" in imported(made, "cut-over", "real", "--with-rejects", "1")
    states = {one["name"]: one["state"] for one in json.loads(imported(made, "status"))}
    assert states == {"rehearsal": "rolled_back", "real": "cut_over"}

    number = number_of(made, "K007")
    spend(made, number)
    assert available(made, number) == 600 - 500
    made.run("export", str(tmp_path / "out"))
    sums = json.loads((tmp_path / "out" / "export.json").read_text())["tables"]["lots"]["points"]
    assert sums == {"GROC": 30_000 - 500}
    made.assert_sound()


def spend(made: Installation, number: str) -> None:
    """500 points that moved in pay at the till, by a code of 18 digits."""
    known = made.must(made.operator, f"/v1/members/{number}/digits", {})["digits"]
    now = int(datetime.now(UTC).timestamp())
    code = otp.digits_at(bytes.fromhex(known["secret"]), known["number"], now)
    body = basket(STORE, 500, member={"pay_code": code}, spend={"max_value_minor": 500})
    assert made.must(made.till, "/v1/sales", body)["points_value_minor"] == 500
