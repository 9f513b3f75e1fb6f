"""Who may ask for the proof of an operation, and what it shows before and after the block."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update

from ledger_service.chain.models import chain_applied, chain_cursor, chain_operation
from ledger_service.kernel.merkle import root_of, verify
from ledger_service.kernel.operations import Issue
from ledger_service.kernel.points import Leg
from ledger_service.outbox.models import intent
from tests.api.service import ALLIANCE, Shop, basket
from tests.api.test_administration import NEXT_PHONE, with_phone


def mine(shop: Shop) -> list[bytes]:
    """Every intent is in batch 1 of block 9, which is final, as the mirror would have it; the leaves."""
    with shop.serving.foundations.database.begin() as conn:
        rows = conn.execute(select(intent).order_by(intent.c.intent_id)).all()
        leaves = [row.leaf for row in rows]
        conn.execute(insert(chain_applied).values(
            number=1, period=1, count=len(leaves), root=root_of(leaves), block_number=9))  # fmt: skip
        conn.execute(insert(chain_cursor).values(
            id=1, number=9, hash=bytes(32), parent_hash=bytes(32), final_number=9))  # fmt: skip
        for index, row in enumerate(rows):
            place = {"batch_number": 1, "batch_index": index, "state": "final"}
            conn.execute(update(intent).where(intent.c.op_id == row.op_id).values(place))
            told = {"op_id": row.op_id, "kind": row.kind, "account": bytes(20), "leaf": row.leaf, "data": b""}
            conn.execute(insert(chain_operation).values(batch=1, position=index, **told))
    return leaves


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def issue_of(facts: dict[str, Any], op_id: str) -> Issue:
    leg = facts["leg"]
    return Issue(
        raw(op_id), int(facts["merchant"]), raw(facts["account"]), facts["accepted_at"], facts["reason"],
        Leg(leg["programme_id"], leg["terms_version"], leg["epoch"], leg["amount"]),
    )  # fmt: skip


def test_a_member_and_an_auditor_can_prove_an_operation_from_the_answer_alone(any_shop: Shop) -> None:
    shop = any_shop
    number, other = with_phone(shop)["number"], with_phone(shop, NEXT_PHONE)["number"]
    operation = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))["operations"][0]
    own, strange = shop.key_for("member", number), shop.key_for("member", other)
    path = f"/v1/operations/{operation}/proof"
    before = shop.get(own, path).json
    assert (before["state"], before["proof"], before["kind"]) == ("queued", None, "issue")
    leaves = mine(shop)
    for who in (own, "auditor"):
        told = shop.get(who, path).json
        proof = told["proof"]
        assert (told["state"], proof["final"], proof["count"]) == ("final", True, len(leaves))
        assert (told["chain_id"], raw(told["clearing_house"])) == (ALLIANCE.chain_id, ALLIANCE.clearing_house)
        assert told["entry"]["operation"] == operation
        assert [p["points"] for p in told["entry"]["postings"]] == [100]
        leaf = issue_of(told["facts"], operation).leaf()
        assert leaf == raw(told["leaf"]) == leaves[proof["index"]]
        assert verify(leaf, [raw(node) for node in proof["path"]], root_of(leaves))
    refused = shop.get(strange, path)
    assert (refused.status_code, refused.json["code"]) == (404, "operation-unknown")
    assert shop.get("auditor", f"/v1/operations/{'0' * 32}/proof").json["code"] == "operation-unknown"
    assert shop.get("grocer", path).json["code"] == "scope-missing"
