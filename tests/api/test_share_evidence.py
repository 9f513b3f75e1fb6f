"""The evidence of a purchase shows where the transparency log has the commitment, once it is there."""

from __future__ import annotations

import json

from ledger_service.kernel.clock import parse_instant
from ledger_service.referrals.links.telling import tell_commitments
from ledger_service.traceability.log.service import checkpoint, grow, settle
from tests.api.service import Shop, basket
from tests.api.test_sharing import BASE, job, live, newcomer, sharer


def test_evidence_tells_the_leaf_and_whether_its_checkpoint_is_older_than_the_sale(shop: Shop) -> None:
    live(shop)
    _, code, _ = sharer(shop)
    friend, number = newcomer(shop, code)
    shop.at = "2017-03-01T14:00:00Z"
    sale = shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": number}})["sale_id"]
    job(shop)
    path, database = f"{BASE}/SPRING/purchases/{sale}", shop.serving.foundations.database
    proof = shop.get(friend, path).json
    assert proof["log"] is None
    with database.begin() as conn:
        tell_commitments(conn)
        grow(conn)
        checkpoint(conn, parse_instant("2017-03-01T13:30:00Z", "at"))
    assert shop.get(friend, path).json["log"]["checkpoint"] is None
    with database.begin() as conn:
        settle(conn, 1, None)
    log = shop.get(friend, path).json["log"]
    assert json.loads(log["body"])["commitment"] == proof["commitment"]["hash"]
    assert (log["leaf"], log["before_sale"], log["checkpoint"]["size"], log["proof"]) == (0, True, 1, [])
