"""Two merchants settle two periods with real processes: statements, a dispute, payouts, an outsider."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.chain.status import close_of
from ledger_service.demo.stack import SetupFailed
from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.secp256k1 import address_text
from tests import warm
from tests.api.service import basket, programme_body
from tests.operations.installation import GROCER, PATIENCE_SECONDS, Installation, wait_until
from tests.unit.settlement.bank.banking import statement as bank_statement
from tests.unit.settlement.bank.banking import told_by

BAKER, BAKERY = with_check_digit("952010000014"), with_check_digit("952010000021")
BOTH = ("--debtor", GROCER, "--creditor", BAKER)


class Pair(Installation):
    """A grocer who issues points and a baker who takes them."""

    def found_both(self) -> None:
        self.found("--at", "2017-03-01T12:00:00Z")
        self.must(self.operator, "/v1/merchants", {"merchant": BAKER, "name": "Baker 麵包"})
        self.must(self.operator, "/v1/programmes", programme_body("BAKE", BAKER))
        store = {"store": BAKERY, "merchant": BAKER, "name": "Bakery", "timezone": "Asia/Taipei"}
        self.must(self.operator, "/v1/stores", store)
        till = self.must(self.operator, "/v1/terminals", {"store": BAKERY, "label": "till"})["terminal"]
        self.baker = str(self.must(self.operator, "/v1/keys", {"role": "cashier", "subject": till})["token"])

    def spend_at_baker(self, member: dict[str, Any], minor: int) -> None:
        known, now = member["devices"][0]["digits"], parse_instant(self.run("clock").strip(), "clock")
        code = otp.digits_at(bytes.fromhex(known["secret"]), known["number"], seconds_floor(now))
        spend = {"pay_code": code}, {"max_value_minor": minor}
        self.must(self.baker, "/v1/sales", basket(BAKERY, 5_000, member=spend[0], spend=spend[1]))

    def own_the_bakery(self) -> None:
        """Two legal persons, a third and the rest."""
        iban = {"iban": "GB82 WEST 1234 5698 7654 32", "tax_number": "12345678", "merchant": BAKER}
        names = ("Ann 有限公司", "Ben")
        made = [self.must(self.operator, "/v1/owners", {**iban, "name": n})["owner"] for n in names]
        owners = [{"owner": o, "share_bps": bps} for o, bps in zip(made, (3_333, 6_667), strict=True)]
        body = {"effective_from": "2017-01-01T00:00:00Z", "owners": owners}
        self.must(self.operator, f"/v1/stores/{BAKERY}/owners", body)

    def settle(self, what: str, period: int, *more: str) -> dict[str, Any]:
        return dict(json.loads(self.run("settle", what, "--period", str(period), "--json", *more)))

    def stranger(self, period: int, *more: str) -> str:
        """What somebody prints who has a chain URL and two addresses."""
        with self.database() as database, database.read() as conn:
            at = the_alliance(conn)
        nowhere = {"ALLIANCE_STATE_DIR": str(self.state / "stranger")}
        return warm.run_command(
            nowhere, "verify", "settlement", "--rpc", self.environment["ALLIANCE_CHAIN_URL"],
            "--registry", address_text(at.registry), "--clearing-house", address_text(at.clearing_house),
            "--period", str(period), "--currency", "USD", *more,
        )  # fmt: skip


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path, {"ALLIANCE_REPLAY": "1"})
    try:
        made.found_both()
        yield made
    finally:
        made.close()


def net_of(standing: dict[str, Any], merchant: str) -> int:
    return next(int(m["net_micros"]) for m in standing["merchants"] if m["merchant"] == merchant)


def test_a_period_is_published_answered_netted_paid_and_recomputed(pair: Pair, tmp_path: Path) -> None:
    member = pair.enrol()
    pair.sell(member["number"], 100_000)
    pair.own_the_bakery()
    pair.spend_at_baker(member, 300)
    pair.run("settle", "close", "--period", "1")
    with pytest.raises(SetupFailed, match="period-not-published"):
        pair.settle("status", 1)
    published = pair.settle("publish", 1)
    assert pair.settle("publish", 1) == published
    owed = net_of(published, BAKER)
    assert net_of(published, GROCER) == -owed < 0
    letter = tmp_path / "letter.txt"
    letter.write_text("a till of ours was stolen on Friday")
    first_period(pair, letter, owed)
    lines = tmp_path / "lines.csv"
    pair.run("settle", "lines", "--period", "1", "--merchant", BAKER, "--into", str(lines))
    told = pair.stranger(1, "--statement", str(lines), "--merchant", BAKER)
    assert f"merchant {BAKER}: net {owed:,} micros" in told
    assert told.endswith(
        "statement = chain, line by line\n"
        "desk: netted, 1 of 1 payouts paid; 2 confirmed\nrecomputed = desk\nrecomputed = contract\n"
    )
    assert f"net {owed:,} micros, {owed - 1_000_000:,} after disputes" in told
    papers(pair, tmp_path, owed)
    second_period(pair)
    folder = tmp_path / "statements"
    pair.run("settle", "lines", "--each", "--period", "1", "--into", str(folder))
    assert (folder / f"{BAKER}.csv").read_text() == lines.read_text()
    with pytest.raises(SetupFailed, match="exists"):
        pair.run("settle", "lines", "--each", "--period", "1", "--into", str(folder))
    with pytest.raises(SetupFailed, match="period-not-open"):
        pair.run("settle", "lines", "--each", "--period", "3", "--into", str(tmp_path / "open"))
    both = json.loads(pair.stranger(1, "--period", "2", "--json"))["periods"]
    assert [one["desk"]["netted"] and one["agrees"] for one in both] == [True, True]
    assert [p["minor"] for p in both[1]["payouts"]] == [25]
    wait_until(pair.drained, "not every operation is final")
    told = json.loads(pair.run("liability", "--programme", "GROC", "--as-of", "2017-12-31", "--json"))
    assert told["tie"]["chain"] == told["tie"]["lots"] == told["outstanding"] > 0
    pair.assert_sound()


def first_period(pair: Pair, letter: Path, owed: int) -> None:
    """The grocer disputes a part, both confirm the rest, which is netted and paid."""
    dispute = [*BOTH, "--by", GROCER, "--evidence", str(letter), "--micros"]
    with pytest.raises(SetupFailed, match="SettlementHeldInvalid"):
        pair.settle("dispute", 1, *dispute, str(owed + 1))
    disputed = pair.settle("dispute", 1, *dispute, "1000000")
    assert (net_of(disputed, BAKER), disputed["disputes"][0]["open"]) == (owed - 1_000_000, True)
    with pytest.raises(SetupFailed, match="SettlementUnanswered"):
        pair.settle("net", 1)
    standing = pair.settle("confirm", 1, "--merchant", GROCER, "--merchant", BAKER)
    assert all(m["confirmed"] for m in standing["merchants"])
    netted = pair.settle("net", 1)
    assert pair.settle("net", 1) == netted
    assert [(p["payer"], p["payee"], p["paid"]) for p in netted["payouts"]] == [(GROCER, BAKER, False)]
    assert 0 <= netted["payouts"][0]["minor"] * 10_000 - (owed - 1_000_000) < 10_000
    paid_by_statement(pair, letter.parent, netted["payouts"][0]["minor"])
    paid = pair.settle("paid", 1, "--payout", "0", "--evidence", str(letter))
    assert paid["payouts"][0]["paid"]


def paid_by_statement(pair: Pair, folder: Path, minor: int) -> None:
    """Ordered for the bakery's owners, marked once by a statement of both parts; a return is a case."""
    accounts, order, statement = folder / "accounts.csv", folder / "order.xml", folder / "statement.xml"
    accounts.write_text(
        "merchant,name,account,bic,purpose\n"
        f"{GROCER},Grocer,123456,CHASUS33,\n{BAKER},Baker 麵包,654321,BOFAUS3N,owners\n"
    )
    ask = ("--accounts", str(accounts))
    ordering = ("--execution", "2017-03-20", "--into", str(order), *ask)
    with pytest.raises(SetupFailed, match="period-not-published"):
        pair.settle("payouts", 2, *ordering)
    assert pair.settle("payouts", 1, *ordering)["payouts"] == [0]
    assert pair.settle("payouts", 1, *ordering)["before"]
    assert order.stat().st_mode & 0o077 == 0
    booked, other = told_by(order.read_text(), "123456", "GB82WEST12345698765432")
    least, most = sorted(round(float(one.amount) * 100) for one in (booked, other))
    assert (least + most, abs(least * 10_000 - minor * 3_333) < 10_000) == (minor, True)
    reading = ("--statement", str(statement), *ask)
    statement.write_bytes(bank_statement(booked, other, balances=False)[:-40])
    with pytest.raises(SetupFailed, match="bank-statement-unreadable"):
        pair.settle("paid", 1, *reading)
    statement.write_bytes(bank_statement(replace(booked, amount="1.00"), other, balances=False))
    wrong = pair.settle("paid", 1, *reading)
    assert (wrong["open"], wrong["counts"]) == ([0], {"not all parts in file": 1, "wrong amount": 1})
    statement.write_bytes(bank_statement(booked, other, balances=False))
    told = pair.settle("paid", 1, *reading)
    assert (told["paid_now"], told["paid_before"], told["open"]) == ([0], [], [])
    assert told["evidence"] == "0x" + sha256(statement.read_bytes()).hexdigest()
    assert pair.settle("paid", 1, *reading)["paid_before"] == [0]
    statement.write_bytes(bank_statement(replace(booked, direction="CRDT"), balances=False))
    assert [case["payout"] for case in pair.settle("paid", 1, *reading)["cases"]] == [0]
    with pytest.raises(SetupFailed, match="nothing-to-pay"):
        pair.settle("payouts", 1, *ordering, "--attempt", "2")


def papers(pair: Pair, tmp_path: Path, owed: int) -> None:
    """A netted period on paper, split to the owners of the bakery; a stranger writes the same."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    pair.run("settle", "statement", "--period", "1", "--owners", "--into", str(ours))
    pair.run("settle", "statement", "--period", "1", "--as-of-close", "--into", str(ours))
    with pytest.raises(SetupFailed, match="period-still-open"):
        pair.run("settle", "statement", "--period", "2", "--into", str(ours))
    told = rows_of(ours / f"statement-1-{BAKER}-netted.csv")
    settled = {row["item"]: row for row in told if row["section"] == "settlement"}
    assert settled["net of the legs"]["owed_micros"] == str(owed)
    assert settled["held out by a dispute"]["owed_micros"] == "1000000"
    assert settled["net"]["owed_micros"] == str(owed - 1_000_000)
    assert (settled["payout"]["debtor"], settled["payout"]["creditor"]) == (GROCER, BAKER)
    # The settlement of the close is a paper of its own, and names no payouts.
    assert "payout" not in {row["item"] for row in rows_of(ours / f"statement-1-{BAKER}-closed.csv")}
    same_over_http(pair, ours)
    owned = rows_of(ours / f"owners-1-{BAKER}.csv")
    assert {row["name"] for row in owned} == {"Ann 有限公司", "Ben"}
    assert sum(int(row["owed_micros"]) for row in owned) == owed
    assert not (ours / f"owners-1-{GROCER}.csv").exists()
    with pair.database() as database, database.read() as conn:
        at = the_alliance(conn)
    assert at.settlement_desk is not None
    warm.run_command(
        {"ALLIANCE_STATE_DIR": str(pair.state / "stranger")}, "settle", "statement", "--period", "1",
        "--rpc", pair.environment["ALLIANCE_CHAIN_URL"], "--registry", address_text(at.registry),
        "--clearing-house", address_text(at.clearing_house), "--desk", address_text(at.settlement_desk),
        "--currency", "USD", "--into", str(theirs),
    )  # fmt: skip
    for merchant in (GROCER, BAKER):
        for name in (f"statement-1-{merchant}-netted.csv", f"journal-1-{merchant}-netted.csv"):
            assert (theirs / name).read_bytes() == (ours / name).read_bytes()


def same_over_http(pair: Pair, ours: Path) -> None:
    """The figures that the bridge keeps give the bytes that the command made of the lines."""
    heads, asked = {"Authorization": f"Bearer {pair.operator}"}, f"/v1/settlement/periods/1/papers/{BAKER}?"
    wait_until(lambda: pair.ask("GET", f"{asked}paper=journal.csv", **heads)[0] == 200, "no figures")
    for paper, stage in (("statement.csv", "netted"), ("statement.csv", "closed")):
        told = pair.ask("GET", f"{asked}paper={paper}&stage={stage}", **heads)
        assert told == (200, (ours / paper.replace(".", f"-1-{BAKER}-{stage}.")).read_bytes())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def second_period(pair: Pair) -> None:
    """What the two decide of the disputed part counts in the next period; silence is consent."""
    pair.settle("resolve", 1, *BOTH, "--micros", "250000")
    pair.run("settle", "close", "--period", "2")
    step_over_http(pair, "publication", {"answer_days": 3})
    assert net_of(pair.settle("status", 2), BAKER) == 250_000
    confirm_over_http(pair, 250_000)
    with pytest.raises(SetupFailed, match="SettlementUnanswered"):
        pair.settle("net", 2)
    pair.run("clock", "--days", "4")
    netted_though_the_bridge_is_killed(pair)
    last = pair.settle("status", 2)
    assert [(p["payer"], p["minor"]) for p in last["payouts"]] == [(GROCER, 25)]


def step_over_http(pair: Pair, step: str, body: dict[str, Any]) -> None:
    """The operator's step stands on chain, also when the answer was lost and it is asked for again."""
    for _ in range(2):
        done = pair.must(pair.operator, f"/v1/settlement/periods/2/{step}", body)
        assert done == {"period": 2, **body}


def netted_though_the_bridge_is_killed(pair: Pair) -> None:
    """Between close and payout, while the netting is asked for: the next bridge does it, or finds it done."""
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(step_over_http, pair, "netting", {})
        pair.kill("bridge")
        pair.start_bridge("heir")
        asked.result(PATIENCE_SECONDS)


def confirm_over_http(pair: Pair, net_micros: int) -> None:
    """The baker sees where the period stands, and says that its net is right."""
    office = str(pair.must(pair.operator, "/v1/keys", {"role": "merchant", "subject": BAKER})["token"])
    path = "/v1/settlement/periods/2"

    def standing() -> dict[str, Any]:
        return dict(pair.ask("GET", f"{path}/standing", Authorization=f"Bearer {office}")[1])

    # The answer to the publication came after the desk was read again: nothing is waited for.
    assert standing()["period"] == 2
    word = {"merchant": BAKER, "net_micros": str(net_micros)}
    wrong = {**word, "net_micros": "1"}
    heads = {"Authorization": f"Bearer {office}", "Idempotency-Key": "a-wrong-net"}
    assert pair.ask("POST", f"{path}/confirmations", wrong, **heads)[1]["code"] == "chain-admin-refused"
    pair.must(office, f"{path}/confirmations", word)
    assert any(m["merchant"] == BAKER and m["confirmed"] for m in standing()["merchants"])


def test_statements_are_not_published_before_the_close_is_final(tmp_path: Path) -> None:
    pair = Pair(tmp_path, {"ALLIANCE_REPLAY": "1", "ALLIANCE_CONFIRMATIONS": "3"})
    try:
        pair.found_both()
        member = pair.enrol()
        pair.run("settle", "close", "--period", "1")
        with pytest.raises(SetupFailed, match="period-close-not-final"):
            pair.settle("publish", 1)

        def final() -> bool:
            pair.sell(member["number"], 1_000)
            with pair.database() as database, database.read() as conn:
                block, final = close_of(conn, 1)
            return block <= final

        wait_until(final, "the close does not become final")
        assert pair.settle("publish", 1)["root"] is None
    finally:
        pair.close()
