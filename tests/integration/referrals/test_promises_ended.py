"""Rewards that can never be issued are refused once, with the reason, and what was promised goes back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.outbox.beside.models import beside_intent
from ledger_service.points.issuance import Issued
from ledger_service.referrals.rewards import paying
from ledger_service.referrals.rewards.models import share_reward_event
from ledger_service.referrals.rewards.rules import BACK, SAID

from .promised import CampaignChain, rounds, sold, stands, states
from .sharing import Sharing

NOTHING = Issued(0, 0, 0, 0, "none")


def told(sharing: Sharing) -> list[tuple[str, str]]:
    """What is written of the sharer's reward."""
    e = share_reward_event.c
    mine = e.reward_id == sharing.reward("sharer").reward_id
    with sharing.shop.database.read() as conn:
        return [tuple(row) for row in conn.execute(select(e.kind, e.reason).where(mine).order_by(e.position))]


def test_what_would_have_expired_by_now_is_refused_and_its_promise_goes_back(
    promising: Sharing, chain: CampaignChain
) -> None:
    promising.campaign()
    ann, _, _ = sold(promising)
    rounds(promising, chain, 1)
    promising.job()
    promising.job()
    assert states(promising) == {("promised", SAID)}
    promising.shop.clock.forward(days=3_000)
    rounds(promising, chain, 4)
    assert (states(promising), promising.used()) == ({("refused", BACK)}, (0, 0))
    assert (chain.sums(), stands(promising)[0]) == ([(150, 150, 0)], 0)
    assert told(promising) == [("due", ""), ("promised", ""), ("refused", "expired")]
    with promising.shop.database.read() as conn:
        said = len(conn.execute(select(beside_intent.c.op_id)).all())
    for _ in range(3):
        promising.shop.clock.forward(hours=2)
        rounds(promising, chain, 1)
    assert told(promising)[-1] == ("refused", "expired"), "it is told once"
    with promising.shop.database.read() as conn:
        assert len(conn.execute(select(beside_intent.c.op_id)).all()) == said
    assert promising.shop.balance(ann, 1) == 0


@pytest.mark.parametrize("reason", ["expired", "lapsed", "programme-ends", "calendar-exhausted"])
def test_what_no_waiting_mends_is_final(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    sharing.campaign()
    monkeypatch.setattr(paying, "issue", lambda *_: replace(NOTHING, refused=reason))
    sold(sharing)
    sharing.job()
    assert (states(sharing), sharing.used()) == ({("refused", None)}, (0, 0))
    assert told(sharing) == [("due", ""), ("refused", reason)]


@pytest.mark.parametrize("reason", ["no-terms", "cap-exhausted"])
def test_what_may_be_mended_is_tried_again(sharing: Sharing, monkeypatch: Any, reason: str) -> None:
    sharing.campaign()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(paying, "issue", lambda *_: replace(NOTHING, refused=reason))
        sold(sharing)
        sharing.job()
        assert states(sharing) == {("due", None)}
    sharing.shop.clock.forward(hours=1)
    sharing.job()
    assert states(sharing) == {("granted", None)}
