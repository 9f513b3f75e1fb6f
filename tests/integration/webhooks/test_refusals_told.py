"""What becomes of a refused operation is told to whose points they are."""

from __future__ import annotations

from ledger_service.kernel.events import OperationSetAside
from ledger_service.points.retries.command import AskRetry, RetryDecision
from ledger_service.points.retries.service import RetryDesk
from ledger_service.points.set_aside import SetAsideCommand, owners_of
from tests.integration.checkout.shop import line
from tests.integration.points.refusals import refuse
from tests.integration.webhooks.test_webhooks import Hooks, hooks

__all__ = ["hooks"]


def test_an_issuer_hears_that_the_contract_refuses_an_operation_and_that_it_is_tried_again(
    hooks: Hooks,
) -> None:
    hooks.make()
    shop, phone = hooks.shop, hooks.shop.enrol()
    operation = shop.sell(phone, line("1", 5_000))["operations"][0]
    hooks.job()
    already = len(hooks.receiver.kinds())
    refuse(shop, [bytes.fromhex(operation)], "MerchantSuspendedAt(0, 1, 2, 3)")
    with shop.database.read() as conn:
        owners = owners_of(conn, bytes.fromhex(operation))
    event = OperationSetAside(bytes.fromhex(operation), 1, "why")
    shop.writer.submit(SetAsideCommand(event, shop.clock.at, owners))
    desk = RetryDesk(shop.writer)
    retry = desk.ask(AskRetry(bytes.fromhex(operation), "n", "operator:ann", "k", shop.clock.at))
    desk.decide(RetryDecision(bytes.fromhex(operation), retry, "operator:ben", True, shop.clock.at))
    hooks.job()
    told = hooks.receiver.taken[already:]
    assert [(one["type"], one["data"]["operation"], one["data"]["cause"]) for one in told] == [
        ("points.changed", operation, "suspend"), ("points.changed", operation, "resume")]  # fmt: skip
    assert [one["data"].get("reason") for one in told] == ["why", None]
    assert {one["data"]["member"]["number"] for one in told} == {phone.number}
