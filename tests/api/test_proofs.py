"""Who may ask for the proof of an operation, and what it shows before and after the block."""

from __future__ import annotations

from typing import Any, cast

import pytest
from sqlalchemy import insert, select, update

from ledger_service.bootstrap.receipt_verifying import House, Paper, verify_receipt
from ledger_service.chain.client import Node
from ledger_service.chain.models import chain_applied, chain_cursor, chain_operation
from ledger_service.chain.proof_reading import _LEG, ProofUnreadable, read_proof
from ledger_service.chain.transport import Transport
from ledger_service.kernel.merkle import root_of, verify
from ledger_service.kernel.operations import Issue
from ledger_service.kernel.points import Leg
from ledger_service.outbox.models import intent
from tests.api.offices import browser
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
    mine_too = browser(shop, own)
    page = mine_too.open(f"/me/history/{operation}").text
    assert (f'href="/me/history/{operation}/file"' in page, "alliance verify receipt" in page) == (True, True)
    saved = mine_too.open(f"/me/history/{operation}/file")
    assert saved.headers["Content-Disposition"] == f'attachment; filename="proof-{operation[:12]}.json"'
    assert (read_proof(saved.json).leaf, read_proof(saved.json).batch) == (leaf, 1)
    assert browser(shop, "auditor").open(f"/audit/operation/{operation}/file").data == saved.data
    assert browser(shop, strange).open(f"/me/history/{operation}/file").status_code == 404
    refused = shop.get(strange, path)
    assert (refused.status_code, refused.json["code"]) == (404, "operation-unknown")
    assert shop.get("auditor", f"/v1/operations/{'0' * 32}/proof").json["code"] == "operation-unknown"
    assert shop.get("grocer", path).json["code"] == "scope-missing"


def test_a_tills_receipt_is_held_against_its_signature_and_the_proofs(shop: Shop) -> None:
    receipt = shop.must("grocer-till", "/v1/sales", basket(member={"number": with_phone(shop)["number"]}))[
        "receipt"
    ]
    signer, nobody = shop.serving.receipts.address, bytes(20)
    node, house = Node(cast(Transport, None)), House(nobody)

    def said(changed: dict[str, Any], signer: bytes | None) -> set[str]:
        findings = verify_receipt(node, house, [], Paper(receipt | changed, signer)).findings
        return {one.partition(":")[0] for one in findings}

    assert said({}, signer) == {"leaf-unproven"}
    assert said({}, None) == {"leaf-unproven", "signer-unnamed"}
    for changed in ({"amount_minor": 1}, {"signature": "0x"}, {"operations": []}, {"signature": None}):
        assert "signature-wrong" in said(changed, signer)


@pytest.mark.parametrize("odd", [
    None, [], {}, {"kind": "issue"}, {"kind": "nothing", "proof": None}, {"kind": [], "proof": 1},
    {"kind": "issue", "proof": None, "operation": "林", "facts": {}},
    {"kind": "expire", "proof": None, "operation": "00" * 16, "leaf": "0x", "chain_id": 1, "facts": {
        "merchant": 10**80, "account": "0x" + "00" * 20, "accepted_at": 1, "leg": dict.fromkeys(_LEG, 1)}},
])  # fmt: skip
def test_what_is_no_proof_is_said_to_be_none(odd: object) -> None:
    with pytest.raises(ProofUnreadable):
        read_proof(odd)
