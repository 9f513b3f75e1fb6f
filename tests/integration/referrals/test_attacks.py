"""How many attacks of a seeded set are held, and how many honest purchases with them (docs/sharing.md)."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from ledger_service.kernel.ids import derive_id
from ledger_service.referrals.campaigns.service import Budget
from ledger_service.referrals.rewards.dispatch import attribute
from ledger_service.referrals.rewards.models import share_purchase
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
    outcome = {row.member_id: row.outcome for row in rows}
    held = Counter(kind for buyer, kind in scene.wrong.items() if outcome[buyer] != "rewarded")
    whole = Counter(scene.wrong.values())
    false = sum(outcome[buyer] == "held" for buyer in scene.honest)
    print({kind: f"{held[kind]}/{whole[kind]}" for kind in ATTACKS}, f"honest {false}/{len(scene.honest)}")
    assert all(held[kind] == whole[kind] for kind in ATTACKS if kind != "patient")
    assert held["patient"] == 0, "who waits with a clean device is not told from a friend"
    assert false * 100 <= len(scene.honest) * 12
