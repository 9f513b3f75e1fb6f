"""Items of a batch are made in steps that may be cut off, and their PINs open them within five tries."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select

from ledger_service.db.engine import Database
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.parsing import parse_digital_link
from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants.models import merchant
from ledger_service.traceability.goods import codes, service
from ledger_service.traceability.goods.models import trace_batch, trace_item
from ledger_service.traceability.goods.printing import Part, printer_lines
from ledger_service.traceability.goods.service import Goods, NewBatch, NewProduct, items_of
from ledger_service.traceability.scanning.reading import is_right_tag, read_code

GTIN, OWNER, OTHER = "09506000134352", 9506000000013, 9506000000020
AT = datetime(2026, 5, 1, tzinfo=UTC)
PRODUCT = NewProduct(GTIN, OWNER, ("Tea", "茶", "茶"), "Leaf")


class Seeds:
    def random_bytes(self, count: int) -> bytes:
        return b"\x07" * count


GOODS = Goods(b"m" * 32, Seeds())


@pytest.fixture
def batch_no(database: Database) -> int:
    """A batch of 100 items that waits for them."""
    with database.begin() as conn:
        for gln in (OWNER, OTHER):
            keys = {f"{k}_key": bytes(20) for k in ("admin", "operations", "settlement")}
            row = {"merchant_id": gln, "name": "M", "status": "active", "created_at": AT}
            conn.execute(insert(merchant).values({**row, **keys}))
        GOODS.add_product(conn, PRODUCT, AT)
        return GOODS.open_batch(conn, NewBatch(GTIN, OWNER, "L1", 100, "270101"), AT)


def cut_off(database: Database, batch_no: int) -> None:
    with database.begin() as conn:
        GOODS.make_items(conn, batch_no, 40)
        raise InterruptedError


def test_a_run_that_is_cut_off_in_a_step_goes_on_and_makes_the_same_items(
    database: Database, batch_no: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE_ITEMS", 50)
    with database.begin() as conn:
        assert GOODS.make_items(conn, batch_no, 40) == (40, 100)
    with pytest.raises(InterruptedError):
        cut_off(database, batch_no)
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(trace_item)).scalar_one() == 40
    with database.begin() as conn:
        assert GOODS.make_items(conn, batch_no, 1_000) == (100, 100)
        assert GOODS.make_items(conn, batch_no) == (100, 100)
    with database.read() as conn:
        key = codes.batch_key(GOODS.master, b"\x07" * 16)
        wanted = [(index, GTIN, codes.serial_of(key, index)) for index in range(100)]
        assert list(items_of(conn, batch_no)) == wanted


def test_a_serial_that_another_batch_has_is_not_given_twice(database: Database, batch_no: int) -> None:
    with database.begin() as conn:  # the same seed, so every first serial is taken
        second = GOODS.open_batch(conn, NewBatch(GTIN, OWNER, "L2", 100), AT)
        GOODS.make_items(conn, batch_no)
        assert GOODS.make_items(conn, second) == (100, 100)
        serials = [s for batch in (batch_no, second) for _, _, s in items_of(conn, batch)]
    assert len(set(serials)) == 200


def test_a_pin_opens_its_item_until_five_were_wrong_and_never_after(
    database: Database, batch_no: int
) -> None:
    key = codes.batch_key(GOODS.master, b"\x07" * 16)
    item, pin = (GTIN, codes.serial_of(key, 3)), codes.pin_of(key, 3)
    wrong = codes.pin_of(key, 4)
    with database.begin() as conn:
        GOODS.make_items(conn, batch_no)
        item_id = GOODS.is_opened_by(conn, item, pin)
        assert item_id == batch_no << 24 | 3
    for _ in range(4):
        with database.begin() as conn:
            assert GOODS.is_opened_by(conn, item, wrong) is None
            assert GOODS.is_opened_by(conn, (GTIN, "0" * 12), pin) is None
    with database.begin() as conn:
        assert GOODS.is_opened_by(conn, item, pin) == item_id
        assert GOODS.is_opened_by(conn, item, wrong) is None
        assert GOODS.is_opened_by(conn, item, pin) is None


def test_nobody_makes_codes_of_anothers_product_or_of_a_lot_twice(database: Database, batch_no: int) -> None:
    odd = [
        NewBatch(GTIN, OTHER, "L9", 1), NewBatch("09506000134353", OWNER, "L9", 1),
        NewBatch(GTIN, OWNER, "L1", 1), NewBatch(GTIN, OWNER, "../L", 1), NewBatch(GTIN, OWNER, "L9", 0),
        NewBatch(GTIN, OWNER, "L9", 10_000_001),
    ]  # fmt: skip
    with database.begin() as conn:
        for new in odd:
            with pytest.raises(MalformedField):
                GOODS.open_batch(conn, new, AT)
        for product in (PRODUCT, replace(PRODUCT, gtin="95060001343511", markets=("USA",))):
            with pytest.raises(MalformedField):
                GOODS.add_product(conn, product, AT)
        with pytest.raises(LinkMalformed):
            GOODS.open_batch(conn, NewBatch(GTIN, OWNER, "L9", 1, "270231"), AT)
        with pytest.raises(MalformedField):
            GOODS.make_items(conn, 999)
        assert conn.execute(select(func.count()).select_from(trace_batch)).scalar_one() == 1


def test_a_printer_gets_codes_in_capitals_and_pins_that_open_once_all_items_are_made(
    database: Database, batch_no: int
) -> None:
    with database.begin() as conn:
        GOODS.make_items(conn, batch_no, 99)
        with pytest.raises(MalformedField):
            list(printer_lines(conn, GOODS.master, batch_no, "https://id.example.org/"))
        GOODS.make_items(conn, batch_no)
        lines = list(printer_lines(conn, GOODS.master, batch_no, "https://id.example.org/"))
        assert [line[0] for line in lines] == list(range(100))
        _, code, serial, pin = lines[42]
        assert code == f"HTTPS://ID.EXAMPLE.ORG/01/{GTIN}/21/{serial}"
        assert parse_digital_link(code).path == (("01", GTIN), ("21", serial))
        assert GOODS.is_opened_by(conn, (GTIN, serial), pin) == batch_no << 24 | 42
        ((_, tagged, *_),) = printer_lines(
            conn, GOODS.master, batch_no, "https://id.example.org/", Part(42, 1, tagged=True)
        )
        assert tagged.startswith(f"{code}?98=")
        for told, right in ((tagged, True), (f"{code}?98=00000000", False), (code, True)):
            assert is_right_tag(GOODS.master, read_code(told)) is right


def test_wrong_pins_tried_at_once_are_all_counted_and_the_item_is_closed(
    database: Database, batch_no: int
) -> None:
    key = codes.batch_key(GOODS.master, b"\x07" * 16)
    item, pin = (GTIN, codes.serial_of(key, 3)), codes.pin_of(key, 3)
    with database.begin() as conn:
        GOODS.make_items(conn, batch_no, 10)

    def guess(_: int) -> int | None:
        with database.begin() as conn:
            return GOODS.is_opened_by(conn, item, "00000000")

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(guess, range(8))) == {None}
    with database.begin() as conn:
        tries = select(trace_item.c.wrong_pins).where(trace_item.c.serial == item[1])
        assert conn.execute(tries).scalar_one() == codes.MOST_WRONG_PINS
        assert GOODS.is_opened_by(conn, item, pin) is None
