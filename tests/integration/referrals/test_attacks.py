"""How many attacks of a seeded set are held, and how many honest purchases with them (docs/sharing.md)."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import select

from ledger_service.kernel.ids import derive_id
from ledger_service.referrals.campaigns.service import Budget
from ledger_service.referrals.rewards.dispatch import attribute
from ledger_service.referrals.rewards.fraud_rules import REASONS
from ledger_service.referrals.rewards.models import share_purchase, share_reward
from tests.integration.checkout.shop import GROCER

from .attacks import ATTACKS, MADE_ON, PUBLISHED, Scene, attacks, honest
from .sharing import Sharing

UNSEEN = ("patient",)


class Judged:
    """Outcome of each buyer's purchase, and which rules held it."""

    def __init__(self, sharing: Sharing, seed: int) -> None:
        at = sharing.shop.clock.at
        with sharing.shop.database.begin() as conn:
            scene = Scene(conn, derive_id("share campaign", "SPRING"), GROCER, at, seed)
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
            self.why = {(who, rule) for who, reasons in conn.execute(its) for rule in reasons.split()}
        self.scene, self.outcome = scene, {row.member_id: row.outcome for row in rows}
        wrong = scene.wrong.items()
        self.held = Counter(kind for buyer, kind in wrong if self.outcome[buyer] != "rewarded")
        self.whole = Counter(scene.wrong.values())
        self.false = sum(self.outcome[buyer] == "held" for buyer in scene.honest)

    def tell(self) -> None:
        """The tables of docs/sharing.md."""
        for kind in ATTACKS:
            print(f"{kind}: {self.held[kind]} of {self.whole[kind]}")
        caught, whole = self.held.total(), self.whole.total()
        print(f"all: {caught} of {whole} ({caught * 1_000 // whole / 10} %)")
        print(f"honest: {self.false} of {len(self.scene.honest)}")
        for rule in REASONS:
            print(f"{rule}: {self.by(rule)}")

    def by(self, rule: str) -> tuple[int, int]:
        """How many attacks and how many honest purchases a rule held."""
        seen = [who for who, which in self.why if which == rule]
        caught, wronged = (sum(who in some for who in seen) for some in (self.scene.wrong, self.scene.honest))
        return caught, wronged


@pytest.mark.parametrize("seed", [MADE_ON, PUBLISHED], ids=["made on", "published"])
def test_the_rules_hold_most_of_the_attacks_and_few_of_the_honest(sharing: Sharing, seed: int) -> None:
    sharing.campaign(budget=Budget(10**8, 10**6))
    found = Judged(sharing, seed)
    found.tell()
    held, whole = found.held, found.whole
    for rule in REASONS:
        assert found.by(rule)[0] or rule == "same-household", f"no attack of the set shows {rule}"
    partly = {"rush": 9 * 20, "puppets": 5 * 20, "bots": 4 * 20, "patient-phones": 3 * 18}
    assert all(held[kind] == whole[kind] for kind in ATTACKS if kind not in (*UNSEEN, *partly))
    assert all(least <= held[kind] for kind, least in partly.items())
    assert held["rush"] < whole["rush"], "those within the hour's limit are paid"
    assert held["patient"] == 0, "who waits with a clean device is not told from a friend"
    assert held.total() * 100 >= whole.total() * 80
    assert found.false * 100 <= len(found.scene.honest) * 15
