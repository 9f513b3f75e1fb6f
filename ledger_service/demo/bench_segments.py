"""`scripts/bench segments`: how long it takes to count the segments of a merchant with so many customers.

Customers, three purchases of each on average, links, ties, tags, receipts, coupons and items are made in SQL;
`alliance segments count` then counts one segment for each kind of rule, twice: the first time everybody
comes, the second time nobody comes or goes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from ledger_service.demo import private_postgres
from ledger_service.demo.bench_figures import Figures, hundredths
from ledger_service.demo.bench_sharing import Filling
from ledger_service.demo.bench_tiers import Execute, connected
from ledger_service.demo.processes import Fleet
from ledger_service.demo.screen import Screen

AIM_SECONDS = 30
_PURCHASES_EACH, _SPREAD_DAYS, _DAY = 3, 700, 86_400_000_000
_BEST = {"fact": "monetary_score", "at_least": 5}
_RECENT = {"fact": "recency_score", "at_least": 4}
_STAYS = {"not": {"stage": ["lapsed"]}}
_SPECTATOR = {"behaviour": ["spectator", "joiner"]}
_RICH = {"fact": "lifetime_value_minor", "at_least": 5_000}
# One for each kind of fact, and one that asks for all of them at once.
RULES: dict[str, dict[str, Any]] = {
    "RFM": {"all": [_BEST, _RECENT, {"fact": "frequency_score", "at_least": 4}]},
    "STAGE": _STAYS,
    "BEHAVIOUR": _SPECTATOR,
    "FRIENDS": {"fact": "friends_of_friends", "at_least": 1},
    "TAG": {"tag": "vip"},
    "VALUE": _RICH,
    "ALL-OF-IT": {"any": [{"all": [_BEST, _RECENT]}, _SPECTATOR, {"fact": "friends", "at_least": 2},
                          {"fact": "items", "at_least": 1}, {"tag": "vip"}, _RICH]},
}  # fmt: skip
_MODEL = {"often": {"r": 243_000, "alpha": 30_898_000, "a": 793_000, "b": 2_426_000},
          "spend": {"p": 6_250_000, "q": 3_740_000, "gamma": 1_544_000_000}}  # fmt: skip


def measure(name: str, members: int, screen: Screen) -> Figures:
    """Fill one setup's database, count its segments twice, clear it away."""
    folder = Path(tempfile.mkdtemp(prefix="alliance-bench-"))
    figures = Figures(name)
    try:
        with Fleet(folder / "log") as fleet:
            url = private_postgres.start(fleet) if name == "postgresql" else f"sqlite:///{folder}/alliance.db"
            setting = f"ALLIANCE_DATABASE_URL={url}"
            alliance = ["/usr/bin/env", setting, sys.executable, "-m", "ledger_service"]
            subprocess.run([*alliance, "db", "upgrade"], check=True, stdout=subprocess.DEVNULL)
            screen.say(f"{name}: making {members:,} customers and their purchases")
            with closing(connected(url)) as connection:
                sales = fill(connection.execute, members, postgres=name == "postgresql")
            figures.rows = {"customers": f"{members:,}", "purchases": f"{sales:,}"}
            first = _counted(figures, "first count", alliance)
            with closing(connected(url)) as connection:
                connection.execute("UPDATE segment SET due_at = 1")
            again = _counted(figures, "again", alliance)
            _check(figures, first, again)
        return figures
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _counted(figures: Figures, label: str, alliance: list[str]) -> dict[str, dict[str, Any]]:
    command = [*alliance, "segments", "count", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    told = b"" if process.stdout is None else process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        figures.failures.append(f"alliance segments count ended with {process.returncode}")
    found = {one["code"]: one for one in map(json.loads, told.splitlines())}
    for code, one in found.items():
        figures.rows[f"{code}, members"] = f"{one['size']:,}"
        figures.rows[f"{code}, {label}, s"] = hundredths(one["millis"], 1_000)
        if one["millis"] > AIM_SECONDS * 1_000:
            figures.notes.append(f"{figures.name}: {code} misses its aim of {AIM_SECONDS} s ({label})")
    total = sum(one["millis"] for one in found.values())
    figures.rows[f"all of them, {label}, s"] = hundredths(total, 1_000)
    figures.rows[f"CPU s of the command, {label}"] = f"{int(used.ru_utime + used.ru_stime):,}"
    figures.rows[f"command MiB, {label}"] = f"{used.ru_maxrss // 1024:,}"
    return found


def _check(figures: Figures, first: dict[str, Any], again: dict[str, Any]) -> None:
    """Each rule takes some in and leaves some out, and the second count finds the same."""
    if first.keys() != RULES.keys() or again.keys() != RULES.keys():
        figures.failures.append(f"counted {sorted(first)}, then {sorted(again)}")
        return
    for code in RULES:
        size = first[code]["size"]
        if not size or (again[code]["size"], again[code]["moved"], first[code]["moved"]) != (size, 0, size):
            figures.failures.append(f"{code}: {first[code]}, then {again[code]}")


def fill(execute: Execute, members: int, *, postgres: bool) -> int:
    """Everything that a rule reads; returns how many purchases there are."""
    filling = Filling(execute, members, postgres=postgres)
    filling.alliance()
    now, many, sixteen, text = filling.now, filling.many, filling.sixteen, filling.text
    many("member", "member_id, status, custody, ledger_base, created_at",
         "n, 'active', 'device', n * 16, 1", members)  # fmt: skip
    sales = members * _PURCHASES_EACH
    # Everybody has bought once; the other purchases are some people's far more than others'.
    buyer = f"(CASE WHEN n <= {members} THEN n ELSE 1 + (n * 31) * n % {members} END)"
    at = f"{now} - (1 + (({buyer} * 7919) + n * 104729) % {_SPREAD_DAYS}) * {_DAY} + n % 1000"
    many("sale", "sale_id, kind, merchant_id, store_gln, terminal_id, member_id, reference, currency,"
         " total_minor, lines, spent, earned, returned, receipt, occurred_at",
         f"{sixteen('n')}, 'sale', CASE WHEN n % 9 = 0 THEN 2 ELSE 1 END, 1, 't', {buyer}, {text('n', 12)},"
         f" 'USD', 100 + (n * 7919) % 5000, '[]', '', '', '', '', {at}", sales)  # fmt: skip
    _shared(filling, members)
    _beside(filling, members)
    _segments(filling)
    # A server that sells does this by itself, and reads an index alone where it has.
    execute("VACUUM ANALYZE" if postgres else "ANALYZE")
    return sales


def _shared(filling: Filling, members: int) -> None:
    """One in four shares a link, one in four follows one and is brought."""
    many, text, sixteen, no = filling.many, filling.text, filling.sixteen, filling.no()
    old = filling.now - _DAY
    some = members // 4
    sharer = f"(1 + (n * 7919) % {some})"
    many("share_link", "code, campaign_id, member_id, channel, made_at",
         f"{text('n', 12)}, {sixteen('1')}, n, 'line', {old}", some)  # fmt: skip
    follower = f"({some} + n)"
    many("share_bind", "number, touch_id, campaign_id, version, code, member_id, sharer_id, newcomer,"
         " customer, touched_at, bound_at, body, salt",
         f"n, {sixteen('n')}, {sixteen('1')}, 1, {text(sharer, 12)}, {follower}, {sharer}, {no}, {no},"
         f" {old}, {old}, '', {filling.thirty_two('n')}", some)  # fmt: skip
    many("share_tie", "member_id, sharer_id, number, tied_at", f"{follower}, {sharer}, n, {old}", some)
    # Half of those who share were brought themselves, so that there are friends of friends.
    many("share_bind", "number, touch_id, campaign_id, version, code, member_id, sharer_id, newcomer,"
         " customer, touched_at, bound_at, body, salt",
         f"{some} + n, {sixteen(f'{some} + n')}, {sixteen('1')}, 1, {text('1', 12)}, n + 1, 1 + n / 2, {no},"
         f" {no}, {old}, {old}, '', {filling.thirty_two('n')}", some // 2)  # fmt: skip
    many("share_tie", "member_id, sharer_id, number, tied_at", f"n + 1, 1 + n / 2, {some} + n, {old}",
         some // 2)  # fmt: skip
    many("share_purchase", "sale_id, campaign_id, number, member_id, sharer_id, ordinal, amount_minor,"
         " outcome, sold_at, recorded_at",
         f"{sixteen('n')}, {sixteen('1')}, n, {follower}, {sharer}, 1, 100, 'rewarded', {old}, {old}",
         some // 2)  # fmt: skip


def _beside(filling: Filling, members: int) -> None:
    """Receipts, coupons, items and tags of one member in five each."""
    many, sixteen, old, some = filling.many, filling.sixteen, filling.now - _DAY, members // 5
    key = filling.thirty_two("n")
    many("claim", "claim_id, member_id, merchant_id, store_gln, timezone, sold_on, reference, amount_minor,"
         " receipt_key, state, filed_at, answer_due_at, try_again_at",
         f"{sixteen('n')}, n * 5, 1, 1, 'UTC', '2026-01-01', 'r', 100, {key}, 'refused', {old}, 1, 1",
         some)  # fmt: skip
    filling.execute("INSERT INTO coupon_definition (definition_id, merchant_id, code, names, jurisdiction,"
                    " created_by, created_at) VALUES (1, 1, 'C', '{}', 'none', 'a', 1)")  # fmt: skip
    many("coupon", "coupon_id, definition_id, version, state, holder, claimant, claimed_at, gifts, events",
         f"{sixteen('n')}, 1, 1, 'available', 1 + n % {some} * 5, 1 + n % {some} * 5, {old}, 0, 1",
         3 * some)  # fmt: skip
    many("trace_claim", "item_id, op_id, gtin, batch_no, member_id, programme_id, terms_version, points, net,"
         " epoch, device, place, channel, claimed_at",
         f"n, {sixteen('n')}, '1', 1, 2 + n * 5 % {members - 2}, 1, 1, 1, 1, 1, {sixteen('1')}, '', 'app',"
         f" {old}", some)  # fmt: skip
    many("member_tag", "merchant_id, member_id, tag, since", f"1, n * 5, 'vip', {old}", some)


def _segments(filling: Filling) -> None:
    filling.execute("INSERT INTO value_model (merchant_id, fitted_at, customers, came_back, parameters)"
                    f" VALUES (1, 1, 1, 1, '{json.dumps(_MODEL)}')")  # fmt: skip
    for place, (code, rule) in enumerate(RULES.items(), 1):
        segment = filling.sixteen(str(place))
        filling.execute("INSERT INTO segment (segment_id, merchant_id, code, name, version, created_at,"
                        f" due_at) VALUES ({segment}, 1, '{code}', '{code}', 1, 1, {place})")  # fmt: skip
        filling.execute("INSERT INTO segment_version (segment_id, version, body, written_by, written_at)"
                        f" VALUES ({segment}, 1, '{json.dumps({'rule': rule})}', 'a', 1)")  # fmt: skip
