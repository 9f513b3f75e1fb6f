"""Goods lists and product facts from files: bad rows by line, the same file twice, garbage of any size."""

from __future__ import annotations

from io import BytesIO, RawIOBase
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from ledger_service.cli.goods import main
from ledger_service.coupons.definitions.models import coupon_goods_item, coupon_goods_list, coupon_product
from ledger_service.coupons.definitions.upload_errors import GoodsFileRefused, GoodsListUnknown
from ledger_service.coupons.definitions.uploading import MOST_BAD, Upload, rows_of
from ledger_service.db.engine import Database
from ledger_service.kernel.gs1 import gln_text, with_check_digit
from ledger_service.merchants.models import merchant
from tests.integration.checkout.shop import START

OWNER = int(with_check_digit("950600000001"))


@pytest.fixture
def upload(database: Database) -> tuple[Upload, list[tuple[int, str]]]:
    keys = dict.fromkeys(("admin_key", "operations_key", "settlement_key"), b"\x01" * 20)
    with database.begin() as conn:
        conn.execute(
            insert(merchant).values(
                merchant_id=OWNER, name="Grocer", status="active", created_at=START, **keys
            )
        )
        conn.execute(
            insert(coupon_goods_list).values(list_id=1, merchant_id=OWNER, code="dairy", created_at=START)
        )
    bad: list[tuple[int, str]] = []
    return Upload(database, lambda line, reason: bad.append((line, reason))), bad


def test_bad_rows_are_named_by_line_and_the_same_file_changes_nothing(
    upload: tuple[Upload, list[tuple[int, str]]],
) -> None:
    reader, bad = upload
    file = b"gtin\n4006381333931\n\n4006381333932\n12345670\n00012345670,x\n" + b"9" * 5_000 + b"\n\xff\n"
    tally = reader.goods(BytesIO(file), OWNER, "dairy")
    assert bad == [(4, "gtin"), (6, "columns"), (7, "too-long"), (8, "not-utf-8")]
    assert (tally.added, tally.known, tally.bad, tally.line) == (2, 0, 4, 8)
    with reader.database.read() as conn:
        there = set(conn.execute(select(coupon_goods_item.c.article)).scalars())
    assert there == {"04006381333931", "00000012345670"}
    again = Upload(reader.database, reader.reject)
    tally = again.goods(BytesIO(file), OWNER, "dairy")
    assert (tally.added, tally.known) == (0, 2)


def test_of_a_product_the_last_row_holds(upload: tuple[Upload, list[tuple[int, str]]]) -> None:
    reader, bad = upload
    first = "sku,brand,manufacturer\nA,Alpha,One\nB,茶名,\nA,Beta,One\n".encode()
    reader.products(BytesIO(first), OWNER)
    reader.products(BytesIO(b"\xef\xbb\xbfSKU,brand,manufacturer\r\nB,Tea,Two\r\n"), OWNER)
    assert bad == []
    with reader.database.read() as conn:
        rows = conn.execute(select(coupon_product).order_by("sku")).all()
    told = [(row.sku, row.brand, row.manufacturer) for row in rows]
    assert told == [("A", "Beta", "One"), ("B", "Tea", "Two")]


def test_what_is_no_such_file_is_refused_at_its_first_line(
    upload: tuple[Upload, list[tuple[int, str]]],
) -> None:
    reader, bad = upload
    for file in (b"", b"\x00" * 100, b"4006381333931\n", b"sku,brand,manufacturer\nA,B,C\n"):
        with pytest.raises(GoodsFileRefused) as refused:
            reader.goods(BytesIO(file), OWNER, "dairy")
        assert (refused.value.reason, refused.value.line) == ("columns", 1)
    with pytest.raises(GoodsListUnknown):
        reader.goods(BytesIO(b"gtin\n"), OWNER, "bread")
    assert bad == []


class Garbage(RawIOBase):
    """A gigabyte without a line's end, made as it is read; tells how much was asked for at once."""

    def __init__(self) -> None:
        self.left, self.most, self.begun = 1 << 30, 0, False

    def readline(self, size: int | None = -1, /) -> bytes:
        if not self.begun:
            self.begun = True
            return b"sku\n"
        self.most = max(self.most, size or 0)
        taken = min(size or 0, self.left)
        self.left -= taken
        return b"x" * taken


def test_a_gigabyte_of_garbage_is_one_bad_row_in_little_memory() -> None:
    garbage = Garbage()
    assert [row.reason for row in rows_of(garbage, ("sku",))] == ["too-long"]  # type: ignore[arg-type]
    assert garbage.left == 0
    assert garbage.most <= 1 << 16


def test_a_file_of_bad_rows_is_given_up(upload: tuple[Upload, list[tuple[int, str]]]) -> None:
    reader, bad = upload
    with pytest.raises(GoodsFileRefused) as refused:
        reader.goods(BytesIO(b"gtin\n" + b"x\n" * (MOST_BAD + 10_000)), OWNER, "dairy")
    assert refused.value.reason == "too-many-bad-rows"
    assert len(bad) == MOST_BAD
    with reader.database.read() as conn:
        assert conn.execute(select(func.count()).select_from(coupon_goods_item)).scalar() == 0


def test_the_command_reads_a_file_and_says_how_it_went(
    upload: tuple[Upload, list[tuple[int, str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reader, _ = upload
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", reader.database.url.render_as_string(hide_password=False))
    path = tmp_path / "goods.csv"
    path.write_bytes(b"gtin\n4006381333931\n1\n")
    who = ["--merchant", gln_text(OWNER), str(path)]
    assert main(["list", "--code", "dairy", *who]) == 1
    told = capsys.readouterr()
    assert (told.err, told.out) == ("3,gtin\n", "1 new or changed, 0 known, 1 bad, 3 lines\n")
    path.write_bytes(b"sku,brand,manufacturer\nA,Alpha,One\n")
    assert main(["products", *who]) == 0
    with pytest.raises(GoodsFileRefused):
        main(["list", "--code", "dairy", *who])
