"""An old programme's folder of files, and the room that takes it in, over the shop of the checkout tests."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from ledger_service.db.bulk import sql_of
from ledger_service.ledger import reconcile
from ledger_service.ledger.models import lot
from ledger_service.members.enrolment import EnrolmentDesk, Register
from ledger_service.members.identities import Identity, IdentityVault
from ledger_service.members.models import member_identity
from ledger_service.moving_in import books
from ledger_service.moving_in import reconcile as imports
from ledger_service.moving_in.books import ImportRecord
from ledger_service.moving_in.room import Room
from ledger_service.moving_in.service import MovingIn
from ledger_service.outbox import queries as outbox
from tests.integration.checkout.shop import DOMAIN, GROCER, Shop
from tests.integration.members.alliance import CountingIds, FormulaCustody

SOURCE = "oldcard"
Table = list[dict[str, str]]
# The tables whose rows are the books: the same file imported again must leave each as it is.
BOOKS = ("member", "member_identity", "member_card", "account", "entry", "posting", "lot", "intent",
         "moved_lot", "moved_member", "imported_history", "imported_sale", "moving_in_reject")  # fmt: skip


def old_programme(members: int = 6) -> dict[str, Table]:
    """Members with phones, a card each, two lots each, a booking each and one sale."""
    ids = [f"M-{n:04}" for n in range(members)]
    return {
        "members": [
            {"external_id": i, "name": f"Mémber {n}, Jr.", "phone": f"+4915112{n:06}", "email": "",
             "language": "de", "consent_email": "yes", "consent_sms": "no"}
            for n, i in enumerate(ids)
        ],
        "cards": [{"external_id": i, "card_number": f"6001 {n:08}"} for n, i in enumerate(ids)],
        "lots": [
            {"external_id": i, "programme": code, "points": str(100 + n), "last_day": last, "earned_on": day}
            for n, i in enumerate(ids)
            for code, last, day in (("GROC", "2026-08-15", ""), ("FUEL", "", "2026-01-20"))
        ],
        "history": [
            {"external_id": i, "entry_id": f"E{n}", "programme": "GROC", "kind": "earn", "points": "100",
             "occurred_at": "2025-11-02T10:00:00Z"}
            for n, i in enumerate(ids)
        ],
        "sales": [{"merchant": f"{GROCER:013d}", "reference": "bon 77", "total_minor": "1299",
                   "occurred_at": "2026-03-01T09:30:00Z", "external_id": ids[0]}],
    }  # fmt: skip


def write_folder(folder: Path, tables: dict[str, Table], name: str = "first", **wrong: int) -> Path:
    """The tables as CSV with a true manifest; ``wrong`` adds to a total, as rows_lots or points_GROC."""
    folder.mkdir(exist_ok=True)
    files: dict[str, Any] = {}
    for kind, rows in tables.items():
        path = folder / f"{kind}.csv"
        with path.open("w", encoding="utf-8-sig" if kind == "members" else "utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        files[kind] = {"file": path.name, "rows": len(rows) + wrong.get(f"rows_{kind}", 0)}
    if "lots" in files:
        files["lots"]["points"] = dict(points_of(tables["lots"], wrong))
    document = {"import": name, "source": SOURCE, "files": files}
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


def points_of(lots: Table, wrong: dict[str, int]) -> Counter[str]:
    """What the operator's old system says of the sums."""
    sums: Counter[str] = Counter()
    for row in lots:
        sums[row["programme"]] += int(row["points"]) if row["points"].isdigit() else 0
    sums.update({key.removeprefix("points_"): n for key, n in wrong.items() if key.startswith("points_")})
    return sums


class Office:
    """The room of imports over a shop."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.folder = shop, folder
        self.vault = IdentityVault(bytes(range(32)))
        desk = EnrolmentDesk(CountingIds(), self.vault, FormulaCustody(), DOMAIN)
        self.parts = Room(shop.database, shop.clock, desk, Register("9520001", bytes(32)))
        self.room = MovingIn(self.parts)

    def written(self, tables: dict[str, Table], name: str = "first", **wrong: int) -> Path:
        return write_folder(self.folder / name, tables, name, **wrong)

    def loaded(self, tables: dict[str, Table], name: str = "first") -> ImportRecord:
        folder = self.written(tables, name)
        self.room.check(folder)
        return self.room.load(folder)

    def record(self, name: str = "first") -> ImportRecord:
        with self.shop.database.read() as conn:
            return books.find(conn, name)

    def member_id(self, external: str) -> int | None:
        value_hash = self.vault.hash_of(Identity(f"social:{SOURCE}", external))
        with self.shop.database.read() as conn:
            key = (f"social:{SOURCE}", value_hash)
            found = sql_of(member_identity, conn).select(conn, ("kind", "value_hash"), [key])
        return found[0]["member_id"] if found else None

    def points(self, column: str, programme: int | None = None) -> int:
        wanted = select(func.coalesce(func.sum(lot.c[column]), 0))
        if programme is not None:
            wanted = wanted.where(lot.c.programme_id == programme)
        with self.shop.database.read() as conn:
            return int(conn.execute(wanted).scalar_one())

    def counts(self) -> dict[str, int]:
        return {table: self.shop.count(table) for table in BOOKS}

    def drawn(self) -> Sequence[int]:
        query = text("SELECT drawn_total FROM issuance_budget ORDER BY programme_id")
        with self.shop.database.read() as conn:
            return [int(row[0]) for row in conn.execute(query)]

    def proven(self) -> None:
        """The ledger proves itself, and every intent is what was accepted."""
        with self.shop.database.snapshot() as conn:
            assert list(reconcile.differences(conn)) == []
            assert list(imports.differences(conn)) == []
            assert list(outbox.forgeries(conn)) == []
