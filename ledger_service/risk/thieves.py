"""What the thieves of the made-up alliance do: cashiers helping themselves, strangers in others' accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ledger_service.risk.labelled import (
    CASHIERS,
    MERCHANT,
    PAYS,
    SELLS,
    START,
    STORES,
    Labelled,
    Town,
    town_of,
)
from ledger_service.risk.rules import Act, Observation, Who
from ledger_service.risk.tallies import DAY_SECONDS

CASES_OF_EACH = 24
_STRANGER = 1_000_000
_LONG_AGO = START - 900 * DAY_SECONDS


def labelled_set(seed: int, members: int = 700, days: int = 84) -> list[Labelled]:
    """Every act of a town with its thieves, in order of time, each with the truth about it."""
    town = town_of(seed, members, days)
    honest = list(town.acts)
    stolen: list[Labelled] = []
    for pattern, play in PATTERNS.items():
        for number in range(CASES_OF_EACH):
            case = len(stolen)
            stolen += [Labelled(seen, pattern, case, confirms=False) for seen in play(town, number)]
    return sorted([*honest, *stolen], key=lambda one: (one.seen.at, one.label, one.case))


def _cashier(town: Town) -> tuple[int, str]:
    store = town.rng.randrange(STORES)
    return store, f"c{store}-{town.rng.randrange(CASHIERS)}"


def _card(town: Town, pattern: int, number: int) -> int:
    """The card of an accomplice or of the thief, nobody's among the honest."""
    return _STRANGER + pattern * 1_000 + number


def _days(town: Town, length: int) -> range:
    first = town.rng.randrange(max(town.days - length, 1))
    return range(first, min(first + length, town.days))


def own_card(town: Town, number: int) -> Iterator[Observation]:
    """A cashier puts strangers' purchases on the own card; three in four are known to the merchant."""
    store, cashier = _cashier(town)
    known, card = number % 4 != 0, _card(town, 1, number)
    for day in _days(town, 20):
        for _ in range(town.rng.randrange(1, 5)):
            who = Who(MERCHANT, card, f"t{store}-0", cashier)
            acts = frozenset({Act.ATTACH}) if town.rng.random() < 0.4 else SELLS
            yield Observation(town.second(day), who, acts, town.rng.randrange(800, 9_000),
                              member_since=_LONG_AGO, own_card=known)  # fmt: skip


def friends_card(town: Town, number: int) -> Iterator[Observation]:
    """A cashier puts strangers' purchases on the card of a friend."""
    store, cashier = _cashier(town)
    for day in _days(town, 20):
        for _ in range(town.rng.randrange(1, 5)):
            who = Who(MERCHANT, _card(town, 2, number), f"t{store}-0", cashier)
            yield Observation(town.second(day), who, SELLS, town.rng.randrange(800, 9_000),
                              member_since=_LONG_AGO)  # fmt: skip


def sweetheart_refunds(town: Town, number: int) -> Iterator[Observation]:
    """A cashier books returns of goods that never came back, for friends who had bought some."""
    store, cashier = _cashier(town)
    friends = [_card(town, 3, 10 * number + i) for i in range(3)]
    for day in _days(town, 14):
        for _ in range(town.rng.randrange(1, 4)):
            at, friend = town.second(day), town.rng.choice(friends)
            who = Who(MERCHANT, friend, f"t{store}-0", cashier)
            yield Observation(at, who, frozenset({Act.REFUND}), town.rng.randrange(2_000, 9_000),
                              member_since=_LONG_AGO, sold_at=at - 5 * DAY_SECONDS)  # fmt: skip


def unreceipted_farming(town: Town, number: int) -> Iterator[Observation]:
    """Goods from the shelf come back without a receipt, at one store after another."""
    for day in _days(town, 30):
        if town.rng.random() < 0.4:
            store = town.rng.randrange(STORES)
            served = f"c{store}-{town.rng.randrange(CASHIERS)}"
            who = Who(MERCHANT, _card(town, 4, number), f"t{store}-0", served)
            yield Observation(town.second(day), who, frozenset({Act.UNRECEIPTED}),
                              town.rng.randrange(500, 4_000), member_since=_LONG_AGO)  # fmt: skip


def loops(town: Town, number: int) -> Iterator[Observation]:
    """Buying for points, returning for points, in the hope that one of them is left over."""
    for day in _days(town, 12):
        at, store = town.second(day), town.rng.randrange(STORES)
        who = Who(MERCHANT, _card(town, 5, number), f"t{store}-0", f"c{store}-1", 1)
        goods = town.rng.randrange(1_000, 4_000)
        yield Observation(at, who, PAYS, goods, 500, 5_000, device_since=_LONG_AGO, member_since=_LONG_AGO)
        yield Observation(at + 600, replace(who, device=None), frozenset({Act.REFUND}), goods,
                          member_since=_LONG_AGO, sold_at=at, paid_in_points=True)  # fmt: skip


def new_device_drain(town: Town, number: int) -> Iterator[Observation]:
    """A stranger registers a phone on somebody's account and spends what is there within a day or two."""
    victim = town.rng.choice([one for one in town.people if not one.habit])
    at = START + town.rng.randrange(town.days) * DAY_SECONDS + 9 * 3_600
    since, trusted = at, victim.since if number % 2 else None
    for _ in range(town.rng.randrange(2, 6)):
        at += town.rng.randrange(600, 20_000)
        who = Who(MERCHANT, victim.number, f"t{town.rng.randrange(STORES)}-1", "c0-0", 2)
        yield Observation(at, who, PAYS, 9_000, town.rng.randrange(1_500, 8_000), 10_000, device_since=since,
                          trusted_since=trusted, member_since=victim.since)  # fmt: skip


def dormant_drain(town: Town, number: int) -> Iterator[Observation]:
    """A stranger empties an account that nobody has looked at for years; every third buys a snack first."""
    card, at = _card(town, 7, number), town.second(town.rng.randrange(town.days))
    who = Who(MERCHANT, card, f"t{town.rng.randrange(STORES)}-1", "c0-0", 1)
    if number % 3 == 0:
        yield Observation(at - 1_800, replace(who, device=None), SELLS, 200, member_since=_LONG_AGO)
    for _ in range(town.rng.randrange(1, 5)):
        at += town.rng.randrange(300, 5_000)
        yield Observation(at, who, PAYS, 9_000, town.rng.randrange(1_500, 8_000), 10_000,
                          device_since=_LONG_AGO, member_since=_LONG_AGO)  # fmt: skip


def pin_guessing(town: Town, number: int) -> Iterator[Observation]:
    """PINs of one account are tried until one fits, then points are spent."""
    victim = town.rng.choice([one for one in town.people if not one.habit])
    at = town.second(town.rng.randrange(town.days))
    who = Who(MERCHANT, victim.number, f"t{victim.store}-2", f"c{victim.store}-3", 1)
    for _ in range(town.rng.randrange(2, 16)):
        at += 20
        yield Observation(at, who, frozenset({Act.PIN}), member_since=victim.since)
    for _ in range(town.rng.randrange(1, 3)):
        at += 300
        yield Observation(at, who, PAYS, 5_000, town.rng.randrange(1_000, 4_000), 10_000,
                          device_since=victim.since, member_since=victim.since)  # fmt: skip


def pin_spraying(town: Town, number: int) -> Iterator[Observation]:
    """One PIN is tried on many accounts at one till; the few that it fits are emptied."""
    at, store = town.second(town.rng.randrange(town.days)), town.rng.randrange(STORES)
    for index in range(town.rng.randrange(15, 40)):
        victim, at = town.rng.choice(town.people), at + 25
        who = Who(MERCHANT, victim.number, f"t{store}-2", f"c{store}-4", 1)
        if index % 12 == 11:
            yield Observation(at, who, PAYS, 5_000, 1_500, 10_000, device_since=victim.since,
                              member_since=victim.since)  # fmt: skip
        else:
            yield Observation(at, who, frozenset({Act.PIN}), member_since=victim.since)


PATTERNS: dict[str, Callable[[Town, int], Iterator[Observation]]] = {
    "own-card": own_card,
    "friends-card": friends_card,
    "sweetheart-refunds": sweetheart_refunds,
    "unreceipted-farming": unreceipted_farming,
    "buy-spend-return": loops,
    "new-device-drain": new_device_drain,
    "dormant-drain": dormant_drain,
    "pin-guessing": pin_guessing,
    "pin-spraying": pin_spraying,
}
