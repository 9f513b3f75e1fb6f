"""A made-up alliance whose thieves are known, to measure rules by: honest people first, then what they hide.

Everything follows from the seed. Honest people do odd things here too: they change phones and lose the old
one, come back after a year, bring back what does not fit, mistype, run a canteen, and cashiers shop where
they work. What the thieves do is in ``thieves``. Nothing of it comes from real people.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ledger_service.risk.rules import Act, Observation, Who
from ledger_service.risk.tallies import DAY_SECONDS

HONEST = "honest"
START = 1_790_000_000 // DAY_SECONDS * DAY_SECONDS
MERCHANT = 4_006_381_333_917
STORES, CASHIERS = 6, 7
SELLS, PAYS = frozenset({Act.SALE}), frozenset({Act.SALE, Act.SPEND})


@dataclass(frozen=True, slots=True)
class Labelled:
    """An act with the truth about it: what it is part of, and whether its doer could confirm a payment.

    ``case`` numbers the fraud that it belongs to; honest acts have the member's number.
    """

    seen: Observation
    label: str
    case: int
    confirms: bool = True


@dataclass
class Person:
    """A member: how often it shops in a week, what it is like, since when, and with which phones."""

    number: int
    weekly: float
    store: int
    since: int
    habit: str = ""
    device_since: int = 0
    trusted_since: int | None = None
    confirms: bool = True


@dataclass
class Town:
    """Everybody, the days that are played, and what has happened so far."""

    rng: random.Random
    days: int
    people: list[Person]
    acts: list[Labelled] = field(default_factory=list)

    def second(self, day: int) -> int:
        """Some moment in opening hours."""
        return START + day * DAY_SECONDS + self.rng.randrange(8 * 3_600, 21 * 3_600)

    def who(self, person: Person, store: int | None = None, cashier: str | None = None) -> Who:
        """The person at a till of a store, by default its own, with whoever serves there."""
        place = person.store if store is None else store
        served = cashier or f"c{place}-{self.rng.randrange(CASHIERS)}"
        return Who(MERCHANT, person.number, f"t{place}-{self.rng.randrange(4)}", served, 1)


def town_of(seed: int, members: int = 700, days: int = 84) -> Town:
    """The honest acts of a town with so many members in so many days, not yet in order."""
    rng = random.Random(seed)  # noqa: S311  # a simulation
    people = [_person(rng, number, days) for number in range(1, members + 1)]
    town = Town(rng, days, people)
    for person in people:
        _live(town, person)
    _cashiers_shop(town, members)
    return town


def _person(rng: random.Random, number: int, days: int) -> Person:
    habit = rng.choices(
        ["", "fits-nothing", "new-phone", "lost-phone", "long-away", "canteen", "mistypes"],
        [700, 20, 90, 40, 50, 8, 92],
    )[0]
    since = START - rng.randrange(30, 1_500) * DAY_SECONDS
    person = Person(number, rng.choice([0.3, 0.7, 1.0, 1.5, 3.0]), rng.randrange(STORES), since, habit, since)
    if habit in ("new-phone", "lost-phone"):
        person.device_since = START + rng.randrange(days) * DAY_SECONDS
        person.trusted_since = since if habit == "new-phone" else None
    if habit == "long-away":
        person.since -= 700 * DAY_SECONDS
    return person


def _live(town: Town, person: Person) -> None:
    rng, rate = town.rng, person.weekly / 7
    if person.habit == "long-away":
        _come_back(town, person)
        return
    for day in range(town.days):
        if rng.random() < rate:
            _shop(town, person, day)
        if person.habit == "canteen" and rng.random() < 0.2:
            for _ in range(rng.randrange(3, 9)):
                _buy(town, person, day)


def _come_back(town: Town, person: Person) -> None:
    rng = town.rng
    first = rng.randrange(town.days)
    for day in range(first, town.days, rng.randrange(5, 30)):
        _shop(town, person, day)


def _shop(town: Town, person: Person, day: int) -> None:
    rng, luck = town.rng, town.rng.random()
    if luck < 0.10:
        _pay(town, person, day)
        return
    at, goods = _buy(town, person, day)
    if rng.random() < (0.35 if person.habit == "fits-nothing" else 0.02):
        back = at + rng.randrange(1, 12) * DAY_SECONDS
        share = goods * rng.choice([30, 50, 100]) // 100
        seen = Observation(back, town.who(person), frozenset({Act.REFUND}), share, member_since=person.since,
                           sold_at=at)  # fmt: skip
        town.acts.append(Labelled(seen, HONEST, person.number))
    if rng.random() < 0.003:
        seen = Observation(town.second(day), town.who(person), frozenset({Act.UNRECEIPTED}),
                           rng.randrange(500, 4_000), member_since=person.since)  # fmt: skip
        town.acts.append(Labelled(seen, HONEST, person.number))


def _buy(town: Town, person: Person, day: int) -> tuple[int, int]:
    rng, at = town.rng, town.second(day)
    goods = int(rng.lognormvariate(8.2, 0.7))
    acts = frozenset({Act.ATTACH}) if rng.random() < 0.01 else SELLS
    seen = Observation(at, town.who(person), acts, goods, member_since=person.since)
    town.acts.append(Labelled(seen, HONEST, person.number))
    return at, goods


def _pay(town: Town, person: Person, day: int) -> None:
    rng, at = town.rng, town.second(day)
    goods = int(rng.lognormvariate(8.2, 0.7))
    who, value = town.who(person), min(int(rng.lognormvariate(6.5, 0.8)), goods)
    if person.habit == "mistypes":
        for number in range(rng.choices([0, 1, 2, 4], [80, 14, 5, 1])[0]):
            wrong = Observation(at - 60 + number * 10, who, frozenset({Act.PIN}), member_since=person.since)
            town.acts.append(Labelled(wrong, HONEST, person.number))
    new = person.device_since <= at
    seen = Observation(
        at, who, PAYS, goods, value, 5_000,
        device_since=person.device_since if new else person.since,
        trusted_since=person.trusted_since if new else None,
        member_since=person.since,
    )  # fmt: skip
    confirms = not (new and person.habit == "lost-phone" and at - person.device_since < 3 * DAY_SECONDS)
    town.acts.append(Labelled(seen, HONEST, person.number, confirms))


def _cashiers_shop(town: Town, members: int) -> None:
    """Every cashier has a card that its merchant knows of; some ring up their own lunch."""
    places = [(store, cashier) for store in range(STORES) for cashier in range(CASHIERS)]
    for number, (store, cashier) in enumerate(places, members + 1):
        person = Person(number, 3.0, store, START - 400 * DAY_SECONDS)
        for day in range(town.days):
            if town.rng.random() < 0.4:
                _lunch(town, person, day, cashier)


def _lunch(town: Town, person: Person, day: int, cashier: int) -> None:
    rng = town.rng
    own = rng.random() < 0.01
    served = f"c{person.store}-{cashier if own else (cashier + 1) % CASHIERS}"
    seen = Observation(town.second(day), town.who(person, person.store, served), SELLS,
                       rng.randrange(300, 1_500), member_since=person.since, own_card=own)  # fmt: skip
    town.acts.append(Labelled(seen, HONEST, person.number))
