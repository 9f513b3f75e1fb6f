"""What an export says beside the files of an import: baskets to the last line, and how members stand."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from ledger_service.checkout.couponing.models import sale_coupon
from ledger_service.checkout.models import unreceipted_return
from ledger_service.claims.models import claim
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.wallet.models import coupon
from ledger_service.kernel.gs1 import gln_text
from ledger_service.members.consents.models import member_consent
from ledger_service.members.households.models import household, household_mate
from ledger_service.members.identities import Identity, IdentityVault
from ledger_service.members.models import member, member_card
from ledger_service.members.standing import erase
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.moving_in import exporting_baskets
from ledger_service.moving_in.snapshot import pages
from ledger_service.points.models import adjustment, member_programme
from ledger_service.risk.models import risk_appeal, risk_decision
from ledger_service.tiers.models import member_tier, qualifying_day
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.goods.models import trace_item
from tests.integration.checkout.shop import FLORIST, FUEL, GROCER, line, loads
from tests.integration.members.alliance import CountingIds

from .office import Office

NAME = "茶葉 500 克, “fein”"


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sold(office: Office, number: str | None, invoice: str) -> dict[str, Any]:
    tax = {"rate_bps": 500, "amount_minor": 50, "included": False}
    lines = [
        {**line("1", 1_000, 2, NAME), "tax": tax}, line("2", 300),
        {"line": "3", "category": "FOOD", "weight_grams": 250, "amount_minor": 200, "goods_kind": "tobacco",
         "price_override": {"regular_minor": 260, "reason": "碰損"}},
    ]  # fmt: skip
    card = {"type": "card", "amount_minor": 1_000, "reference": "尾號 7"}
    tenders = [{"type": "cash", "amount_minor": 550}, card]
    who = {} if number is None else {"member": {"number": number}}
    paper = {"scheme": "tw", "number": invoice, "carrier": {"kind": "mobile_barcode", "id": "/ABC12+3"}}
    body = office.shop.sale_body(*lines, tenders=tenders, invoice=paper, **who)
    return loads(office.shop.send_sale(body))


def test_baskets_are_told_to_the_last_line_and_add_up(office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr(exporting_baskets, "_SALES_AT_ONCE", 2)
    shop = office.shop
    phone = shop.enrol()
    sales = [sold(office, phone.number if n else None, f"AB0000000{n}") for n in range(5)]
    shop.refund(sales[1]["sale_id"])
    contents = office.room.export(office.folder / "out", "csv")["tables"]
    folder = office.folder / "out"
    assert all(len(rows_of(folder, name)) == one["rows"] for name, one in contents.items())
    assert contents["sale_lines"]["sums"] == {"amount_minor": 5 * 1_550, "points_minor": 0, "tax_minor": 250}
    assert contents["sales"]["sums"] == {"total_minor": 5 * 1_550}
    assert contents["sale_details"]["sums"] == {"total_minor": 5 * 1_550, "archived_minor": 0}
    assert contents["tenders"]["sums"] == {"cash_minor": 2_750, "card_minor": 5_000}
    mine = [row for row in rows_of(folder, "sale_lines") if row["sale_id"] == sales[0]["sale_id"]]
    assert [(row["category"], row["tax_minor"], row["tax_included"]) for row in mine] == [
        (NAME, "50", "no"), ("FOOD", "", ""), ("FOOD", "", "")]  # fmt: skip
    told = ("quantity", "unit", "kind", "regular_minor", "override_reason")
    assert [mine[2][name] for name in told] == ["250", "gram", "tobacco", "260", "碰損"]
    assert contents["refunds"]["sums"]["refunded_minor"] == 1_550
    assert sum(contents["refund_tenders"]["sums"].values()) == contents["refunds"]["sums"]["cash_minor"]
    assert [row["quantity"] for row in rows_of(folder, "refund_lines")] == ["2", "1", "250"]
    assert {row["number"] for row in rows_of(folder, "invoices")} == {f"AB0000000{n}" for n in range(5)}
    assert json.loads((folder / "export.json").read_text())["tables"] == contents


def test_how_members_stand_is_told_and_nothing_of_an_erased_one(office: Office) -> None:
    shop = office.shop
    kept, gone, house = (shop.enrol() for _ in range(3))
    sale = bytes.fromhex(shop.sell(kept, line("1", 100))["sale_id"])
    with shop.database.begin() as conn:
        of = select(member.c.member_id)
        ids = [conn.execute(of.where(member.c.member_number == one.number)).scalar_one()
               for one in (kept, gone, house)]  # fmt: skip
        fill(conn, ids, sale, shop.clock.at)
        erase(conn, ApiKeys(CountingIds()), gone.number, shop.clock.at)
    folder, own = office.folder / "out", kept.number
    contents = office.room.export(folder, "csv")["tables"]
    with shop.database.begin() as conn:
        # No posting stands behind these debts, and the ledger is proven when the test is over.
        conn.execute(update(member_programme).values(debt=0))
    assert contents["debts"]["points"] == {"GROC": 7}
    assert contents["qualifying"]["sums"] == {"amount_minor": 500}
    told = {
        name: [tuple(row[column] for column in columns) for row in rows_of(folder, name)]
        for name, columns in {
            "debts": ("external_id", "points"), "tiers": ("external_id", "level"),
            "claims": ("external_id", "reference"), "households": ("household",),
            "household_mates": ("household", "external_id", "role"),
            "coupons": ("external_id", "definition", "state"), "coupon_uses": ("sale_id", "discount_minor"),
        }.items()
    }  # fmt: skip
    assert told == {
        "debts": [(own, "7")], "tiers": [(own, "2")], "claims": [(own, "小票 1")],
        "households": [(house.number,)], "household_mates": [(house.number, own, "owner")],
        "coupons": [("", "春", "available"), (own, "春", "available")],
        "coupon_uses": [(sale.hex(), "40")],
    }  # fmt: skip


def fill(conn: Connection, ids: Sequence[int], sale: bytes, at: datetime) -> None:
    """Debts, tiers, claims, coupons and a household's places of the first two members, alike."""

    def put(into: Table, **row: Any) -> None:
        conn.execute(insert(into).values(**row))

    put(coupon_definition, definition_id=1, merchant_id=GROCER, code="春", names="{}", jurisdiction="CA-ON",
        created_by="m", created_at=at)  # fmt: skip
    put(sale_coupon, sale_id=sale, coupon_id=bytes(16), definition_id=1, version=1, discount_minor=40,
        parts="[]", used_at=at)  # fmt: skip
    put(household, household_id=ids[2], state="open", parting="stays", timezone="Asia/Taipei",
        created_at=at)  # fmt: skip
    for place, holder in enumerate((None, *ids[:2])):
        put(coupon, coupon_id=bytes([place]) * 16, definition_id=1, version=1, state="available",
            holder=holder, claimed_at=at)  # fmt: skip
    for place, one in enumerate(ids[:2]):
        put(member_tier, member_id=one, programme_id=1, level=2, total_minor=500, ladder_version=1)
        put(qualifying_day, member_id=one, programme_id=1, year=2026, day=70, amount_minor=500)
        put(household_mate, household_id=ids[2], member_id=one, role=("owner", "mate")[place],
            state=("in", "out")[place], spends="all", sees_balances=True, invited_at=at)  # fmt: skip
        put(claim, claim_id=bytes([place]) * 16, member_id=one, merchant_id=GROCER, store_gln=GROCER,
            timezone="UTC", sold_on="2026-03-01", reference=f"小票 {place + 1}", amount_minor=100,
            receipt_key=bytes([place]) * 32, state="open", filed_at=at, answer_due_at=at,
            try_again_at=at)  # fmt: skip
        conn.execute(delete(member_programme).where(member_programme.c.member_id == one))
        put(member_programme, member_id=one, programme_id=1, debt=7, frozen=False)


def test_a_composite_key_is_read_page_by_page_whole(office: Office) -> None:
    days = [(m, p, y, d) for m in (1, 2) for p in (1, 2) for y in (2025, 2026) for d in (1, 2, 3)]
    for _ in range(2):
        office.shop.enrol()
    q = qualifying_day.c
    with office.shop.database.begin() as conn:
        ids = list(conn.execute(select(member.c.member_id).order_by(member.c.member_id)).scalars())[:2]
        conn.execute(insert(qualifying_day), [
            {"member_id": ids[m - 1], "programme_id": p, "year": y, "day": d, "amount_minor": 1}
            for m, p, y, d in days
        ])  # fmt: skip
    keys = [q.member_id, q.programme_id, q.year, q.day]
    with office.shop.database.snapshot() as conn:
        found = [tuple(row) for page in pages(conn, select(*keys), keys, 5) for row in page]
    assert found == [(ids[m - 1], p, y, d) for m, p, y, d in days]


def test_what_else_was_done_is_told_with_programmes_and_terms(office: Office) -> None:
    shop = office.shop
    kept, gone = shop.enrol(), shop.enrol()
    with shop.database.begin() as conn:
        of = select(member.c.member_id)
        ids = [conn.execute(of.where(member.c.member_number == one.number)).scalar_one()
               for one in (kept, gone)]  # fmt: skip
        deal(conn, ids, shop.clock.at)
        erase(conn, ApiKeys(CountingIds()), gone.number, shop.clock.at)
    folder, own = office.folder / "out", kept.number
    contents = office.room.export(folder, "csv")["tables"]
    columns = {
        "accounts": ("external_id", "custody", "status"), "consents": ("external_id", "purpose"),
        "ended_cards": ("external_id", "card_number", "reason"), "adjustments": ("external_id", "points"),
        "item_claims": ("external_id", "gtin", "serial", "points"),
        "risk_decisions": ("external_id", "outcome"), "risk_appeals": ("external_id", "said"),
        "value_cards": ("external_id", "balance_minor"), "programmes": ("programme", "merchant"),
        "unreceipted_returns": ("external_id", "reference", "business_date"),
    }  # fmt: skip
    told = {
        name: [tuple(row[column] for column in some) for row in rows_of(folder, name)]
        for name, some in columns.items()
    }
    assert told == {
        "accounts": [(own, "device", "active")], "consents": [(own, "marketing")],
        "ended_cards": [(own, "60019", "lost")], "adjustments": [(own, "30")],
        "item_claims": [(own, "09529006900011", "S00000000000", "5")],
        "risk_decisions": [(own, "refuse"), ("", "refuse")], "risk_appeals": [(own, "not me")],
        "value_cards": [(own, "250"), ("", "250")],
        "programmes": [("GROC", gln_text(GROCER)), ("FUEL", gln_text(FUEL)), ("FLOR", gln_text(FLORIST))],
        "unreceipted_returns": [(own, "r0", "1970-03-12"), ("", "r1", "1970-03-12")],
    }  # fmt: skip
    assert (contents["adjustments"]["sums"], contents["value_cards"]["sums"]) == (
        {"points": 30}, {"balance_minor": 500},
    )  # fmt: skip
    assert [row["version"] for row in rows_of(folder, "terms")] == ["1", "1", "1"]


def deal(conn: Connection, ids: Sequence[int], at: datetime) -> None:
    """What else a programme does, with each of two members alike."""

    def put(into: Table, **row: Any) -> None:
        conn.execute(insert(into).values(**row))

    vault = IdentityVault(bytes(range(32)))
    put(coupon_definition, definition_id=2, merchant_id=GROCER, code="gift", names="{}", jurisdiction="US",
        created_by="m", created_at=at)  # fmt: skip
    for place, one in enumerate(ids):
        mine, own = bytes([place + 1]) * 16, {"member_id": one, "merchant_id": GROCER}
        put(member_consent, consent_id=mine, member_id=one, owner_id=GROCER, reader_id=FUEL,
            purpose="marketing", given_at=at, given_by="m")  # fmt: skip
        put(member_card, number_hash=mine * 2, member_id=one, created_at=at, ended_at=at, ended_by="m",
            number_sealed=vault.seal(Identity("card", "60019"), bytes(12)), reason="lost")  # fmt: skip
        put(adjustment, adjustment_id=mine, member_id=one, programme_id=1, points=30, reason="goodwill",
            note="n", funder_merchant_id=GROCER, requested_by="a", requested_at=at,
            state="asked")  # fmt: skip
        put(trace_item, item_id=place + 1, gtin="09529006900011", serial=f"S{place:011}", pin_hash=bytes(16),
            state="sold", wrong_pins=0)  # fmt: skip
        put(trace_claim, item_id=place + 1, op_id=mine, gtin="09529006900011", batch_no=1, member_id=one,
            programme_id=1, terms_version=1, points=5, net=5, epoch=1, device=bytes(8), place="p",
            channel="app", claimed_at=at)  # fmt: skip
        put(risk_decision, decision_id=mine, **own, outcome="refuse", versions="{}", facts="{}", hits="[]",
            decided_at=at)  # fmt: skip
        put(risk_appeal, decision_id=mine, member_id=one, said="not me", appealed_at=at, until=at)
        put(value_card, card_id=mine, tag=mine, merchant_id=GROCER, definition_id=2, version=1,
            currency="USD", holder=one, state="active", balance_minor=250, held_minor=0, most_minor=500,
            entries=0, issued_at=at)  # fmt: skip
        put(unreceipted_return, return_id=mine, **own, terminal_id="t", day=70, body="{}", occurred_at=at,
            store_gln=GROCER, business_day=70, reference=f"r{place}")  # fmt: skip
