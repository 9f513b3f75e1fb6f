"""How many attacks of a seeded set are held, and how many honest purchases with them (docs/sharing.md)."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from ledger_service.kernel.ids import derive_id
from ledger_service.referrals.campaigns.service import Budget
from ledger_service.referrals.rewards.dispatch import attribute
from ledger_service.referrals.rewards.fraud_rules import REASONS
from ledger_service.referrals.rewards.models import share_purchase, share_reward
from tests.integration.checkout.shop import GROCER

from .attacks import ATTACKS, Scene, attacks, honest
from .sharing import Sharing


def test_the_rules_hold_most_of_the_attacks_and_few_of_the_honest(sharing: Sharing) -> None:
    sharing.campaign(budget=Budget(10**8, 10**6))
    at = sharing.shop.clock.at
    with sharing.shop.database.begin() as conn:
        scene = Scene(conn, derive_id("share campaign", "SPRING"), GROCER, at)
        honest(scene, 300)
        attacks(scene, 20)
        scene.write()
        sold = sorted(scene.sales, key=lambda sale: sale.sold_at)
        for start in range(0, len(sold), 100):
            attribute(conn, sold[start : start + 100], at)
        rows = conn.execute(select(share_purchase.c.member_id, share_purchase.c.outcome)).all()
        r = share_reward.c
        its = select(share_purchase.c.member_id, r.reasons).where(
            r.sale_id == share_purchase.c.sale_id, r.reasons != ""
        )
        why = {(who, rule) for who, reasons in conn.execute(its) for rule in reasons.split()}
    outcome = {row.member_id: row.outcome for row in rows}
    held = Counter(kind for buyer, kind in scene.wrong.items() if outcome[buyer] != "rewarded")
    whole = Counter(scene.wrong.values())
    false = sum(outcome[buyer] == "held" for buyer in scene.honest)
    print({kind: f"{held[kind]}/{whole[kind]}" for kind in ATTACKS}, f"honest {false}/{len(scene.honest)}")
    for rule in REASONS:
        seen = [who for who, which in why if which == rule]
        caught, wronged = (sum(who in some for who in seen) for some in (scene.wrong, scene.honest))
        print(f"{rule}: {caught} of attacks, {wronged} honest")
        assert caught or rule == "same-household", f"no attack of the set shows {rule}"
    unseen = ("patient", "patient-phones")
    assert all(held[kind] == whole[kind] for kind in ATTACKS if kind not in (*unseen, "rush"))
    assert 20 * 4 <= held["rush"] < whole["rush"], "those within the day's limit are paid"
    assert held["patient"] == 0, "who waits with a clean device is not told from a friend"
    assert false * 100 <= len(scene.honest) * 12
