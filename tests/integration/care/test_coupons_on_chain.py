"""Coupons approved, printed, used, given back and given away by the service, over the real bridge."""

from __future__ import annotations

import csv
import io
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.couponing import write_clearing
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.relaying import targets_of
from ledger_service.chain.beside.audit import check_beside
from ledger_service.chain.client import CallAt
from ledger_service.checkout.couponing.clearing import waits
from ledger_service.checkout.couponing.reconcile import differences
from ledger_service.coupons.codes.errors import CodeListNotReady
from ledger_service.coupons.codes.exporting import export, write_csv
from ledger_service.coupons.codes.making import ListDesk, NewList
from ledger_service.coupons.codes.rules import chain_id_of
from ledger_service.coupons.codes.seeds import safe_of, tagger_of
from ledger_service.coupons.telling.models import coupon_telling, coupon_token, coupon_type
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.coupon_operations import CODEC, NOBODY, TARGET, Consume
from ledger_service.kernel.merkle import verify
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.beside.service import enqueue_now
from tests.api.service import FUEL, FUEL_STORE, GROCER, GROCER_STORE, basket
from tests.api.test_coupons import person
from tests.integration.care.whole import Whole

PATH = f"/v1/merchants/{GROCER}/coupon-definitions"
TERMS: dict[str, Any] = {
    "benefit": {"type": "AmountOff", "minor": 100}, "on_return": "give-back", "gift": "once",
    "funders": [{"party": GROCER, "bps": 6_000}, {"party": FUEL, "bps": 4_000}],
    "scope": {"merchants": [GROCER, FUEL]},
}  # fmt: skip
TILLS = {GROCER: ("grocer-till", GROCER_STORE), FUEL: ("fuel-till", FUEL_STORE)}


class Couponing:
    """What the parties do, and what the contract says of it."""

    def __init__(self, whole: Whole) -> None:
        self.whole, self.shop = whole, whole.shop
        secret, random = self.shop.serving.secrets.one_time, SystemRandom()
        self.desk = ListDesk(whole.database, tagger_of(secret), safe_of(secret, random), random)
        (self.target,) = targets_of(whole.alliance)

    @property
    def at(self) -> Any:
        return parse_instant(self.shop.at, "at")

    def define(self, code: str) -> int:
        made = self.shop.must("grocer", PATH, {"code": code, "names": {"en": "Off", "zh-Hant": "折"}})
        self.shop.must("grocer", f"{PATH}/{code}/versions", {"terms": TERMS})
        return int(made["definition"])

    def approve(self, code: str) -> None:
        self.shop.must("operator", f"{PATH}/{code}/versions/1/approval")
        self.shop.must("fuel", f"{PATH}/{code}/versions/1/consent")
        self.shop.serving.wallets.offers.catalogue.refresh()

    def print(self, definition: int, size: int) -> list[str]:
        new = NewList("L", int(GROCER), definition, 0, "unique", size, "####-####-####-####-*")
        self.desk.begin(new, self.at)
        return list(self.desk.codes(self.desk.generate("L", self.at, lambda *_: None)))

    def sell(self, merchant: str, number: str, coupon: str, **more: Any) -> dict[str, Any]:
        till, store = TILLS[merchant]
        wish = {"member": {"number": number}, "coupons": {"ids": [coupon]}}
        return self.shop.must(till, "/v1/sales", basket(store, 1_000, **wish), **more)

    def told(self) -> bool:
        with self.whole.database.read() as conn:
            waits = conn.execute(select(coupon_telling).where(coupon_telling.c.waits)).first()
            states = set(conn.execute(select(beside_intent.c.state)).scalars())
        return waits is None and states <= {"final", "set_aside"}

    def ask(self, function: str, *arguments: object) -> tuple[Any, ...]:
        data = self.target.artifact.call_data(function, *arguments)
        answer = self.whole.node.call(CallAt(bytes(20), self.target.address, data))
        assert isinstance(answer, bytes), answer
        return self.target.artifact.answer_of(function, answer)

    def number(self, coupon: str) -> int:
        with self.whole.database.read() as conn:
            mine = coupon_token.c.coupon_id == bytes.fromhex(coupon)
            row = conn.execute(select(coupon_token).where(mine)).one()
        return chain_id_of(row.gcn, row.serial)

    def used(self, coupon: str) -> bool:
        return bool(self.ask("isConsumed", self.number(coupon))[0])

    def differences(self) -> list[str]:
        with self.whole.database.snapshot() as conn:
            return [one.check for one in differences(conn)]


def test_what_tills_do_with_coupons_stands_on_the_chain_once(whole: Whole, tmp_path: Path) -> None:
    c = Couponing(whole)
    wallet, _ = person(c.shop, "anna"), person(c.shop, "ben")
    anna, ben = c.shop.keys["anna-number"], c.shop.keys["ben-number"]
    printed, claimed = c.define("printed"), c.define("claimed")
    codes = c.print(printed, 3)
    with pytest.raises(CodeListNotReady, match="not-anchored"):
        export(c.desk, "L", tmp_path / "early.csv", write_csv, ("operator:1", c.at))
    c.approve("printed")
    c.approve("claimed")
    body = {"definition": claimed, "members": [anna]}
    for reference in "abc":
        c.shop.must("operator", "/v1/coupon-grants", {**body, "reference": reference})
    granted = [one["coupon"] for one in c.shop.get("anna", wallet).json["coupons"]]
    whole.until(c.told, "types and roots")
    export(c.desk, "L", tmp_path / "codes.csv", write_csv, ("operator:1", c.at))
    code = c.shop.must("anna", wallet, {"code": codes[1]})["coupon"]
    whole.pass_time(60)
    race(c, anna, code)
    back = c.sell(GROCER, anna, granted[0])
    c.sell(FUEL, anna, granted[1])
    c.shop.must("anna", f"{wallet}/{granted[2]}/gift", {"recipient": ben})
    c.shop.must("grocer-till", f"/v1/sales/{back['sale_id']}/refunds", {"reference": "back"})
    c.sell(FUEL, ben, granted[2])
    whole.until(c.told, "uses")
    assert [c.used(one) for one in (code, *granted)] == [True, False, True, True]
    c.sell(FUEL, anna, granted[0])
    whole.until(c.told, "the use after the return")
    assert c.used(granted[0])
    assert check_beside(whole.database, whole.node, c.target) == []
    assert c.differences() == []
    types(c, printed, claimed)
    funded(c)
    forged(c, code)
    whole.settle()


def race(c: Couponing, member: str, coupon: str) -> None:
    """The same code at two merchants at once: one basket has it."""
    sold: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda m=merchant: sold.append(c.sell(m, member, coupon, key=f"race-{m}")))
        for merchant in (GROCER, FUEL)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["total_minor"] for one in sold) == [900, 1_000]


def types(c: Couponing, printed: int, claimed: int) -> None:
    """Codes have a type with lists, claimed coupons an open one; both are their owner's."""
    with c.whole.database.read() as conn:
        rows = {row.definition_id: row for row in conn.execute(select(coupon_type))}
    assert {(key, row.open) for key, row in rows.items()} == {(printed, False), (claimed, True)}
    for row in rows.values():
        (kind,) = c.ask("couponType", row.gcn)
        assert (kind[0], kind[3], kind[5]) == (int(GROCER), 1, row.open)


def funded(c: Couponing) -> None:
    """Each use is cleared once, line by line, with a proof that the contract's own root confirms."""
    path = "/v1/settlement/periods/1/coupons"

    def cleared() -> bool:
        with c.whole.database.read() as conn:
            return not waits(conn)

    c.whole.until(cleared, "cleared")
    rows = c.shop.get("operator", path).json["coupons"]
    assert [row["what"] for row in rows].count("use") == 5
    at_grocer = [row for row in rows if row["acceptor"] == GROCER]
    (back,) = [row for row in rows if row["what"] == "return"]
    assert {one["funder"]: one["value_minor"] for one in back["funders"]} == {GROCER: -60, FUEL: -40}
    mine = c.shop.get("fuel", path).json["coupons"]
    assert len(mine) == 6 and sum(len(row["funders"]) for row in mine) == 12 - len(at_grocer)
    nets = c.shop.get("grocer", f"{path[:-1]}-nets").json
    uses = {m: sum(row["acceptor"] == m and row["what"] == "use" for row in rows) for m in (GROCER, FUEL)}
    debts = {(one["funder"], one["acceptor"]): one["value_minor"] for one in nets["debts"]}
    assert debts == {(GROCER, FUEL): 60 * uses[FUEL], (FUEL, GROCER): 40 * (uses[GROCER] - 1)}
    (payout,) = nets["payouts"]
    assert payout["value_minor"] == debts[GROCER, FUEL] - debts[FUEL, GROCER]
    first = c.shop.get("operator", f"{path}.csv?limit=2")
    rest = c.shop.get("operator", first.headers["Link"].split(">")[0].removeprefix("<"))
    told, file = first.get_data(as_text=True) + rest.get_data(as_text=True), io.StringIO(newline="")
    again = c.shop.get("operator", f"{path}.csv").get_data(as_text=True)
    assert write_clearing(c.whole.database, 1, None, file).rows == 12
    assert file.getvalue() == again and told in again
    for line in csv.DictReader(io.StringIO(again)):
        (root,) = c.ask("rootOf", int(line["batch"]))
        nodes = [bytes.fromhex(node[2:]) for node in line["proof"].split()]
        assert verify(bytes.fromhex(line["leaf"][2:]), nodes, root)
    (listed,) = c.shop.get("grocer", f"/v1/merchants/{GROCER}/coupon-code-lists").json["lists"]
    assert (listed["anchor"]["state"], listed["may_go_out"]) == ("final", True)


def forged(c: Couponing, coupon: str) -> None:
    """What no sale made, the contract refuses where it is used already, and the audit names."""
    at = c.at
    number = c.number(coupon)
    with c.whole.database.begin() as conn:
        real = conn.execute(select(beside_intent.c.payload).where(beside_intent.c.kind == 3)).scalars()
        was = next(one for one in map(CODEC.read, real) if one.coupon == number)
        again = Consume(
            b"\x07" * 16, int(FUEL), seconds_floor(at), number, NOBODY, was.root, was.opening, was.proof
        )
        enqueue_now(conn, TARGET, CODEC, [again], at)
    c.whole.until(c.told, "the forged one")
    with c.whole.database.read() as conn:
        mine = beside_intent.c.op_id == b"\x07" * 16
        assert conn.execute(select(beside_intent.c.reason).where(mine)).scalar_one() == "CouponConsumed()"
    assert c.differences() == ["coupon-unknown"]
    status = c.shop.get("operator", "/v1/chain/status").get_json()
    assert status["coupons"] == {"on_chain": True, "queued": 0, "refused": 1}
