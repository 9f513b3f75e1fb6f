"""Fraud at one counter, and the rules that see it: cashiers who serve themselves, and stolen sessions.

The rules are data, published by two people before the second day; they judge every real basket of the run
too, so what they refuse of honest people is counted as well (docs/fraud.md).
"""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.demo.acts import Scene
from ledger_service.demo.counter_story import OFFICE, shows
from ledger_service.demo.http_client import Answer
from ledger_service.demo.phones import Phone
from ledger_service.demo.service_client import Frame
from ledger_service.demo.walk_ons import FIRST, ShopCounter
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.risk.defaults import DEFAULT_RULES

CASES = 4
_OWN, _ATTACH, _TAKEN = (range(FIRST + 10 * n, FIRST + 10 * n + CASES) for n in (1, 2, 3))
_RULES = parse_instant("2017-01-01T21:30:00Z", "fraud")
RULES_FROM = parse_instant("2017-01-02T05:00:00Z", "fraud")
_JOIN = parse_instant("2017-01-02T17:00:00Z", "fraud")
_THEFT = parse_instant("2017-01-03T17:00:00Z", "fraud")
# When the accounts are older than what the rules call a new phone.
_TAKEOVER = parse_instant("2017-01-06T19:00:00Z", "fraud")
_PAYS = parse_instant("2017-01-07T20:00:00Z", "fraud")
INSTANTS = (_JOIN, _THEFT, _TAKEOVER, _PAYS)
_STRANGERS_RECEIPTS, _MOST_A_DAY = 6, 3
REFUSALS = ("step-up-required", "held-for-review", "refused-by-rules", "attach-to-staff")
SEEDED, CAUGHT, WORKED = "thefts seeded", "thefts caught", "acts of thieves that worked"
# Of the service's own set, what asks or refuses before anything is booked.
_KEPT = {"above-the-pay-code", "new-phone-pays", "long-away-pays", "many-payments", "much-paid-in-a-day"}
_HOUSE_RULES: list[dict[str, Any]] = [
    {"code": "own-card", "signal": "own_card", "outcome": "refuse", "acts": ["attach", "sale"]},
    {"code": "one-cashier-attaches-much", "signal": "velocity", "outcome": "refuse", "acts": ["attach"],
     "per": "cashier", "count": "attaches", "window_seconds": 86_400, "most": _MOST_A_DAY},
]  # fmt: skip


def rules() -> list[dict[str, Any]]:
    """The set that the run publishes."""
    kept = [{**rule, "least_minor": 0} for rule in DEFAULT_RULES if rule["code"] in _KEPT]
    return [{n: v for n, v in rule.items() if n != "least_minor"} for rule in kept] + _HOUSE_RULES


@dataclass(frozen=True, slots=True)
class FraudStory:
    """Three thefts, four cases each."""

    counter: ShopCounter

    def scenes(self) -> list[Scene]:
        """The acts with their instants."""
        everybody = (*_OWN, *_ATTACH, *_TAKEN)
        return [
            Scene(_RULES, self._rules_are_published, (OFFICE,), waits=True),
            Scene(_JOIN, self._they_become_members, everybody),
            Scene(_THEFT, self._cashiers_serve_themselves, (*_OWN, *_ATTACH)),
            Scene(_TAKEOVER, self._sessions_are_stolen, _TAKEN),
            Scene(_PAYS, self._thieves_pay, _TAKEN),
        ]

    async def _rules_are_published(self, at: datetime) -> None:
        """One operator proposes the rules, another publishes them."""
        town, desk, path = self.counter.town, self.counter.desk, "/v1/risk/rules/alliance"
        body = {"effective_from": format_instant(RULES_FROM), "rules": rules()}
        frame = Frame(desk.first, f"{town.seed}:day:rules", at)
        version = (await town.service.put(path, body, frame))["version"]
        decision = f"{path}/{version}/decision"
        await self.counter.office(decision, {"publish": True}, ("rules-published", at), desk.second)

    async def _they_become_members(self, at: datetime) -> None:
        """All have bought something, so that there is something to steal; of some the merchant knows which
        cashiers they are.
        """
        counter = self.counter
        for household in (*_OWN, *_ATTACH, *_TAKEN):
            phone = counter.town.phone(household)
            await counter.join(phone, at)
            counter.read(phone, await counter.sell((f"first {household}", 20_000, at), shows(phone)))
        for household in _OWN:
            number = counter.town.phone(household).number
            link = {"merchant": counter.shop.gln, "cashier": f"k{household}", "member": number}
            await counter.office("/v1/staff-links", link, (f"staff:{household}", at))

    async def _cashiers_serve_themselves(self, at: datetime) -> None:
        """Some ring up strangers' purchases on the card that their merchant knows; some attach strangers'
        receipts to a card that nobody knows of.
        """
        counter = self.counter
        for household in _OWN:
            phone, cashier = counter.town.phone(household), f"k{household}"
            sales = [
                await counter.sell((f"own {household} {n}", 3_000, at), shows(phone), cashier=cashier)
                for n in (1, 2)
            ]
            self._judge("own card", phone, sales)
        for household in _ATTACH:
            await self._attach_strangers(counter.town.phone(household), at)
        await self._look_at_attaches(at)

    async def _attach_strangers(self, phone: Phone, at: datetime) -> None:
        counter, cashier, answers = self.counter, f"k{phone.household}", []
        for n in range(_STRANGERS_RECEIPTS):
            sold = await counter.sell((f"stranger {phone.household} {n}", 5_000, at), {}, cashier=cashier)
            body = {"member": shows(phone), "cashier": cashier}
            path = f"/v1/sales/{sold.document['sale_id']}/attach"
            answers.append(await counter.till(path, body, (f"attach:{phone.household}:{n}", at)))
        self._judge("strangers' receipts", phone, answers)

    async def _look_at_attaches(self, at: datetime) -> None:
        """The report names who attaches most to one card."""
        town, day = self.counter.town, at.date().isoformat()
        path = f"/v1/attachments/cashiers?merchant={self.counter.shop.gln}&since={day}&until={day}"
        told = await town.service.get(path, self.counter.desk.first, at)
        town.counts["cashiers reported for attaching to one card"] += sum(
            row["attaches"] >= _MOST_A_DAY and row["top_share_bps"] == 10_000 for row in told["cashiers"]
        )

    async def _sessions_are_stolen(self, at: datetime) -> None:
        """A thief in a member's session registers a key, and nobody looks for a day."""
        counter = self.counter
        for household in _TAKEN:
            phone = counter.town.phone(household)
            body = counter.device(counter.further_key(phone, "thief"), at, phone.account)
            path = f"/v1/members/{phone.number}/devices"
            own = await counter.own_key(phone, at)
            made = await counter.office(path, body, (f"takeover:{household}", at), own)
            counter.town.remember(f"lane {household}", made["lane"])

    async def _thieves_pay(self, at: datetime) -> None:
        """The key counts by now; the rules ask the member's older phone. The member itself pays as ever."""
        counter, town = self.counter, self.counter.town
        for household in _TAKEN:
            phone, lane = town.phone(household), town.pending.story[f"lane {household}"]
            key = counter.further_key(phone, "thief")
            thief = Phone(household, key, phone.number, phone.account, lane)
            tried = [await counter.pay(thief, (f"stolen {household} {n}", 100, at)) for n in (1, 2)]
            self._judge("a stolen session", phone, tried)
            counter.read(phone, await counter.pay(phone, (f"honest {household}", 100, at)))

    def _judge(self, pattern: str, phone: Phone, answers: list[Answer]) -> None:
        """A case is caught where one of its acts was asked about or refused; what worked is counted."""
        counts, tally = self.counter.town.counts, Tally(answer.code for answer in answers)
        counts[SEEDED] += 1
        caught = any(tally[code] for code in REFUSALS)
        counts[CAUGHT] += caught
        counts[f"caught by the rules: {pattern}"] += caught
        for answer in answers:
            counts[f"thief's act: {pattern}: {'worked' if answer.status == 201 else answer.code}"] += 1
            if answer.status == 201:
                counts[WORKED] += 1
                self.counter.read(phone, answer)
