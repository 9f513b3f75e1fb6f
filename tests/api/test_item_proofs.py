"""An item's proof bundle over HTTP: whole, quick, and nothing of an item that nobody committed to."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select, update

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import parse_instant
from ledger_service.members.models import member
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.goods.service import INDEX_BITS, Goods, NewBatch, NewProduct, items_of
from ledger_service.traceability.log.models import log_checkpoint
from ledger_service.traceability.log.service import checkpoint, grow
from ledger_service.traceability.proofs.commitments import Commitments, next_unanchored
from tests.api.service import GROCER, Shop
from tests.api.test_epcis import event

GTIN = "09506000134352"
AT = parse_instant("2017-03-01T12:00:00Z", "at")


@pytest.fixture
def serials(shop: Shop) -> list[str]:
    """Two batches of the grocer, one committed to, one not; of the first item's events one is not logged."""
    foundations, secret = shop.serving.foundations, shop.serving.secrets.one_time
    goods, owner = Goods(secret, SystemRandom()), int(GROCER)
    with foundations.database.begin() as conn:
        goods.add_product(conn, NewProduct(GTIN, owner, ("Tea", "茶", "茶"), "Leaf"), AT)
        for lot in ("L1", "L2"):
            number = goods.open_batch(conn, NewBatch(GTIN, owner, lot, 3_000), AT)
            goods.make_items(conn, number, 3_000)
            if lot == "L1":
                commit_to(conn, Commitments(secret), number)
        found = [serial for number in (1, 2) for index, _, serial in items_of(conn, number) if index == 2_500]
    tell(foundations.database, found[0], 1, 2)
    with foundations.database.begin() as conn:
        grow(conn)
        checkpoint(conn, AT)
        conn.execute(update(log_checkpoint).values(state="relayed"))
    tell(foundations.database, found[0], 3)
    return found


def commit_to(conn: Connection, commitments: Commitments, number: int) -> None:
    """The batch has its root."""
    assert next_unanchored(conn) == number
    while commitments.step(conn, number, AT):
        pass
    assert next_unanchored(conn) is None


def tell(database: Database, serial: str, *seconds: int) -> None:
    item = f"https://id.gs1.org/01/{GTIN}/21/{serial}"
    with database.begin() as conn:
        capture_events(conn, None, [event(second, epcList=[item]) for second in seconds], AT)


def test_a_bundle_has_the_item_its_events_and_the_way_to_it(shop: Shop, serials: list[str]) -> None:
    path = f"/v1/items/{GTIN}/{serials[0]}/proof"
    assert shop.get("fuel", path).status_code == 200
    answer = shop.get("auditor", path)
    told = answer.json
    assert (told["item"]["index"], told["item"]["lot"], told["batch"]["owner"]) == (2_500, "L1", int(GROCER))
    assert [one["event_seq"] for one in told["events"]] == [0, 1]
    assert (told["checkpoint"]["size"], told["waiting"]) == (2, 1)
    assert len(told["batch"]["proof"]) == 11


def test_a_bundle_names_the_operation_that_issued_the_points_of_a_claim(
    shop: Shop, serials: list[str]
) -> None:
    path, operation = f"/v1/items/{GTIN}/{serials[0]}/proof", b"o" * 16
    assert shop.get("grocer", path).json["claim"] is None
    number = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    with shop.serving.foundations.database.begin() as conn:
        mine = select(member.c.member_id).where(member.c.member_number == number)
        member_id = conn.execute(mine).scalar_one()
        conn.execute(insert(trace_claim).values(
            item_id=1 << INDEX_BITS | 2_500, op_id=operation, gtin=GTIN, batch_no=1, member_id=member_id,
            programme_id=1, terms_version=1, points=7, net=5, epoch=1, device=bytes(8), place="",
            channel="app", claimed_at=AT,
        ))  # fmt: skip
    told = shop.get("grocer", path).json["claim"]
    assert told == {"operation": f"0x{operation.hex()}", "points": 7, "owed": 2}


def test_nothing_is_proven_of_what_nobody_committed_to(shop: Shop, serials: list[str]) -> None:
    for serial in (serials[1], "0123456789AB"):
        answer = shop.get("grocer", f"/v1/items/{GTIN}/{serial}/proof")
        assert (answer.status_code, answer.json["code"]) == (404, "item-proof-unknown")
    odd = shop.get("grocer", f"/v1/items/{GTIN}/UUUU/proof")
    assert (odd.status_code, odd.json["code"]) == (400, "malformed-field")
    assert shop.get("grocer-till", f"/v1/items/{GTIN}/{serials[0]}/proof").status_code == 403


def test_before_the_first_checkpoint_a_bundle_says_that_events_wait(shop: Shop, serials: list[str]) -> None:
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(log_checkpoint).values(state="made"))
    told = shop.get("grocer", f"/v1/items/{GTIN}/{serials[0]}/proof").json
    assert (told["checkpoint"], told["events"], told["waiting"]) == (None, [], 3)
