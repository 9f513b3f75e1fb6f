"""Segments over many customers: one statement finds whom plain sets over the same rows find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger_service.db.engine import Database
from ledger_service.demo.bench_segments import RULES, fill
from ledger_service.demo.bench_tiers import connected
from ledger_service.insight.segmenting import count_of, members_of
from ledger_service.kernel.clock import micros_of
from ledger_service.members.segments.rules import rule_of

DAY, MERCHANT = 86_400_000_000, 1
Rows = Callable[[str], list[Any]]


class Books:
    """What a merchant's rows say of each customer, by sorting and counting in plain Python."""

    def __init__(self, rows: Rows, at: datetime) -> None:
        now, since = micros_of(at), micros_of(at) - 365 * DAY
        bought: dict[int, list[tuple[int, int]]] = {}
        for member, when, total in rows(
            f"SELECT member_id, occurred_at, total_minor FROM sale WHERE merchant_id = {MERCHANT}"
            f" AND occurred_at <= {now}"
        ):
            bought.setdefault(member, []).append((when, total))
        self.last = {m: max(when for when, _ in sold) for m, sold in bought.items()}
        self.days = {m: (now - min(when for when, _ in sold)) // DAY for m, sold in bought.items()}
        self.idle = {m: (now - last) // DAY for m, last in self.last.items()}
        window = {m: [total for when, total in sold if when > since] for m, sold in bought.items()}
        self.frequency = {m: len(totals) for m, totals in window.items()}
        self.money = {m: sum(totals) for m, totals in window.items()}
        self.tagged = {m for (m,) in rows("SELECT member_id FROM member_tag")}
        self.all = set(bought) | self.tagged
        for name, sql in {
            "links": "SELECT member_id FROM share_link", "brought": "SELECT sharer_id FROM share_purchase",
            "followed": "SELECT member_id FROM share_bind", "friends": "SELECT sharer_id FROM share_tie",
            "claims": "SELECT member_id FROM claim", "coupons": "SELECT claimant FROM coupon",
            "items": "SELECT member_id FROM trace_claim",
        }.items():  # fmt: skip
            setattr(self, name, Counter(m for (m,) in rows(sql)))
        above = dict(rows("SELECT member_id, sharer_id FROM share_tie"))
        self.second = Counter(above[sharer] for sharer in above.values() if sharer in above)

    def fifth(self, values: dict[int, int], *wanted: int) -> set[int]:
        """Those of a fifth, where the first ones have one more if they do not come out even."""
        order = sorted(values, key=lambda m: (values[m], m))
        whole, rest = divmod(len(order), 5)
        lasts = [k * whole + min(k, rest) for k in range(6)]
        return {m for k in wanted for m in order[lasts[k - 1] : lasts[k]]}

    def behaviour(self, member: int) -> str:
        """The first that fits."""
        books: Any = self
        tests = (
            ("creator", books.brought[member] > 0), ("conversationalist", books.links[member] > 0),
            ("critic", books.claims[member] > 0), ("collector", books.coupons[member] >= 3),
            ("joiner", books.followed[member] > 0), ("spectator", self.frequency.get(member, 0) > 0),
        )  # fmt: skip
        return next((name for name, fits in tests if fits), "inactive")

    def lapsed(self, member: int) -> bool:
        """Neither new nor active nor at risk."""
        return member in self.last and self.days[member] >= 60 and self.idle[member] >= 180

    def expected(self, valued: Iterable[int]) -> dict[str, set[int]]:
        """Who is in each of the rules; of values it goes by what is given."""
        books: Any = self
        recent, best = self.fifth(self.last, 4, 5), self.fifth(self.money, 5)
        friendly = {m for m in self.all if self.behaviour(m) in ("spectator", "joiner")}
        found = {
            "RFM": best & recent & self.fifth(self.frequency, 4, 5),
            "STAGE": {m for m in self.all if not self.lapsed(m)},
            "BEHAVIOUR": friendly, "FRIENDS": {m for m in self.all if self.second[m]}, "TAG": self.tagged,
        }  # fmt: skip
        counted = {m for m in self.all if books.friends[m] >= 2 or books.items[m]}
        found["ALL-OF-IT"] = (best & recent) | friendly | counted | self.tagged | set(valued)
        return found


@pytest.mark.parametrize("customers", [1_203, pytest.param(60_000, marks=pytest.mark.deep)])
def test_every_rule_finds_whom_plain_sets_find(database: Database, customers: int) -> None:
    at = datetime.now(UTC)
    with closing(connected(database.url.render_as_string(hide_password=False))) as raw:
        fill(raw.execute, customers, postgres=not database.is_sqlite)
        books = Books(lambda sql: raw.execute(sql).fetchall(), at)
    with database.snapshot() as conn:
        rules = {code: rule_of({"rule": rule}) for code, rule in RULES.items()}
        found = {code: members_of(conn, MERCHANT, rule, at) for code, rule in rules.items()}
        assert all(members == sorted(set(members)) for members in found.values())
        for code, expected in books.expected(found["VALUE"]).items():
            assert set(found[code]) == expected, code
        assert count_of(conn, MERCHANT, rules["RFM"], at).size == len(found["RFM"])


@pytest.mark.parametrize("customers", range(8))
def test_few_customers_have_fifths_too(database: Database, customers: int) -> None:
    at = datetime.now(UTC)
    with closing(connected(database.url.render_as_string(hide_password=False))) as raw:
        fill(raw.execute, 40, postgres=not database.is_sqlite)
        raw.execute(f"UPDATE sale SET merchant_id = 2 WHERE member_id > {customers}")
        books = Books(lambda sql: raw.execute(sql).fetchall(), at)
    with database.snapshot() as conn:
        for place, score in enumerate(("recency_score", "frequency_score", "monetary_score")):
            values = (books.last, books.frequency, books.money)[place]
            for fifth in range(1, 6):
                rule = rule_of({"rule": {"fact": score, "at_least": fifth, "at_most": fifth}})
                assert set(members_of(conn, MERCHANT, rule, at)) == books.fifth(values, fifth)
