"""A refund of a sale that was made before this ledger, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert

from ledger_service.checkout.models import imported_sale
from ledger_service.moving_in.past import imported_sale_id
from tests.api.service import GROCER, Shop


def test_a_sale_that_moved_in_is_not_refunded_here_and_the_answer_says_why(shop: Shop) -> None:
    merchant = int(GROCER)
    sale_id = imported_sale_id(merchant, "bon 77")
    row = {"sale_id": sale_id, "merchant_id": merchant, "reference": "bon 77", "total_minor": 5,
           "occurred_at": datetime(2020, 1, 1, tzinfo=UTC), "import_id": bytes(16)}  # fmt: skip
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(imported_sale).values(row))
    path = f"/v1/sales/{sale_id.hex()}/refunds"
    for till, status, code in (("grocer-till", 422, "sale-was-imported"), ("fuel-till", 404, "unknown-sale")):
        refused = shop.post(till, path, {"reference": "x"}, key="k")
        assert (refused.status_code, refused.json["code"]) == (status, code)
