"""What a refund takes off a member's way up the tiers: the money given back, on the day of the sale."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger_service.checkout.earn_reversal import Undoing
from ledger_service.checkout.earning import percents_of, qualifying_minor
from ledger_service.checkout.records import SaleRecord
from ledger_service.checkout.reversal_rules import returned_at
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.tiering import count_return, return_needs
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.catalogue import Programme
from ledger_service.points.rules import EarnRule, rule_in_force


def needs_of_return(scene: Scene, row: Mapping[str, Any], at: datetime) -> list[Need]:
    """What ``take_off_tiers`` reads for a row of ``sale`` whose refund happens at ``at``."""
    issuers = scene.catalogue.by_issuer.get(row["merchant_id"], ())
    sold = seconds_floor(row["occurred_at"])
    return return_needs(scene.ladders, (row["member_id"], issuers), sold, max(seconds_floor(at), sold))


def take_off_tiers(draft: Draft, before: SaleRecord, undoing: Undoing) -> None:
    """What the pieces of this refund cost in money does not count any more, by programme.

    Reads: ``needs_of_return``.
    """
    scene = undoing.scene
    if not scene.ladders.count:
        return
    visit = scene.visit(undoing.reversal.holder, before.merchant_id, undoing.reversal.at, before.store_gln)
    state = before.returned
    was = returned_at(before.sold_lines(), state.pieces, points_first=state.points_first)
    back = [now - then for now, then in zip(undoing.returned.cash, was.cash, strict=True)]
    sold = seconds_floor(before.occurred_at)
    amounts = {
        programme.programme_id: qualifying_minor(percents_of_sale(rule, before), back)
        for programme in visit.programmes
        if (rule := rule_of_sale(programme, before)) is not None
    }
    count_return(draft, scene.ladders, visit, sold, amounts)


def rule_of_sale(programme: Programme, record: SaleRecord) -> EarnRule | None:
    """The version of the earn rule that a sale went by; None where the programme had none then."""
    for earned in record.earned:
        if earned.programme == programme.programme_id:
            return programme.rule(earned.rule_version)
    return rule_in_force(programme.rules, seconds_floor(record.occurred_at))


def percents_of_sale(rule: EarnRule, record: SaleRecord) -> tuple[int, ...]:
    """What each line of a sale counted for."""
    return percents_of(rule, (line for line, _ in record.lines), seconds_floor(record.occurred_at))
