"""What people do, drawn at random: tills sell, hold, capture, free, take back; members give and revoke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.paycode import encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import GiftPermit, SpendPermit, nonce_of
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import sign_digest
from tests.simulation.founding import CODES, GLNS, Founded, Person
from tests.simulation.machine.front import Asked
from tests.simulation.people.alone import Alone
from tests.simulation.people.memory import Action, Hold, Memory
from tests.simulation.people.scanning import Scanning
from tests.simulation.people.sharing import Reviews, Sharing

Lots = Callable[[], list[tuple[str, int, int, int]]]


@dataclass
class Surroundings:
    """What people see: the clock in seconds, and the lots as (number, programme, epoch, available).

    ``reviews`` are rewards that a person may decide about. ``governed`` where the operator suspends
    merchants; ``coupons`` and ``items`` where members have some, ``events`` where those of goods are
    captured, ``sharing`` where members share links.
    """

    now: Callable[[], int]
    lots: Lots
    reviews: Reviews
    governed: bool = False
    coupons: bool = False
    items: bool = False
    events: bool = False
    sharing: bool = False


class People:
    """Draws the next action; ``None`` where there is nothing to do it with."""

    def __init__(self, founded: Founded, random: Random, memory: Memory, around: Surroundings) -> None:
        self.founded, self.random, self.memory, self.around = founded, random, memory, around
        self._keys = 0
        self._counters = {person.number: 0 for person in founded.people}
        self.alone = Alone(founded, random, around.now, self._nonce, self._lines)
        self.scanning = Scanning(founded, random, memory, self._asked, around.now)
        self.sharing = Sharing(founded, random, memory, self._asked, around.reviews)

    def next(self) -> Action | None:
        """One action."""
        act = self.random.choices(
            [self.sale, self.authorise, self.capture, self.void, self.extend, self.refund, self.gift,
             self.revoke, self.replay, self.reuse, self.adjust, self.alone.upload, self.suspend,
             self.claim, self.give, self.scanning.claim, self.scanning.take_back,
             self.scanning.observe, self.sharing.link, self.sharing.touch, self.sharing.follow,
             self.sharing.review, self.sharing.budget],
            [40, 12, 10, 4, 3, 14, 8, 4, 5, 2, 2, 8, 6 * self.around.governed,
             14 * self.around.coupons, 4 * self.around.coupons, 30 * self.around.items,
             6 * self.around.items, 20 * self.around.events, 8 * self.around.sharing,
             14 * self.around.sharing, 16 * self.around.sharing, 12 * self.around.sharing,
             3 * self.around.sharing],
        )[0]  # fmt: skip
        return act()

    # Tills

    def _till(self) -> tuple[str, str]:
        # The first merchant's alone take the coupons, and it and the third reward who shares.
        liked = GLNS[:1] * (4 * self.around.coupons) + GLNS[::2] * (2 * self.around.sharing)
        gln = self.random.choice(GLNS + liked)
        return gln_text(gln), self.random.choice(self.founded.tills[gln])

    def _asked(self, token: str, route: str, body: dict[str, Any], *path: tuple[str, str]) -> Asked:
        self._keys += 1
        return Asked(token, route, body, f"key-{self._keys}", path)

    def _lines(self, most: int = 3_000) -> list[dict[str, Any]]:
        return [
            {"line": str(n + 1), "category": self.random.choice(["GROCERY", "FUEL"]),
             "quantity": self.random.randint(1, 4), "amount_minor": self.random.randint(1, most)}
            for n in range(self.random.choice([1, 1, 2, 3]))
        ]  # fmt: skip

    def _basket(self, store: str, person: Person, *, pays: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "store": store, "currency": "USD", "reference": f"r{self._keys}", "lines": self._lines(),
            "member": {"number": person.number},
        }  # fmt: skip
        if pays:
            body["member"] = {"pay_code": self._code(person)}
            codes = self.random.sample(CODES, self.random.choice([1, 1, 2, 3]))
            named = [{"programme": code, "points": self.random.choice([1, 30, 200])} for code in codes]
            body["spend"] = self.random.choice([{"max_value_minor": self.random.randint(1, 900)}, named])
        if self.around.coupons and self.memory.coupons and self.random.random() < 0.8:
            # Also of another's wallet, used before, or held at another till.
            one = {"ids": [self.random.choice(self.memory.coupons[-4:])]}
            body["coupons"] = self.random.choice([{"wallet": True}, {"wallet": True}, one])
        return body

    def sale(self) -> Action:
        store, token = self._till()
        person = self.random.choice(self.founded.people)
        body = self._basket(store, person, pays=self.random.random() < 0.45)
        return Action("sale", self._asked(token, "sale", body), person.number, {"lines": _quantities(body)})

    def authorise(self) -> Action:
        store, token = self._till()
        person = self.random.choice(self.founded.people)
        body = self._basket(store, person, pays=True) | {"ttl_seconds": self.random.choice([30, 600, 86_400])}
        body["several"] = self.random.random() < 0.5
        return Action("authorise", self._asked(token, "authorise", body), person.number, {"store": store})

    def _hold(self) -> Hold | None:
        return self.random.choice(self.memory.holds[-6:]) if self.memory.holds else None

    def capture(self) -> Action | None:
        hold = self._hold()
        if hold is None:
            return None
        body: dict[str, Any] = {"reference": f"c{self._keys}", "lines": self._lines(400),
                                "final": self.random.random() < 0.6}  # fmt: skip
        if self.random.random() < 0.7:
            body["spend"] = {"max_value_minor": self.random.randint(1, 300)}
        asked = self._asked(hold.token, "capture", body, ("hold", hold.hold_id))
        return Action("capture", asked, hold.member, {"lines": _quantities(body)})

    def void(self) -> Action | None:
        hold = self._hold()
        if hold is None:
            return None
        return Action("void", self._asked(hold.token, "void", {}, ("hold", hold.hold_id)), hold.member)

    def extend(self) -> Action | None:
        hold = self._hold()
        if hold is None:
            return None
        body = {"ttl_seconds": self.random.choice([60, 7_200])}
        return Action("extend", self._asked(hold.token, "extend", body, ("hold", hold.hold_id)), hold.member)

    def refund(self) -> Action | None:
        if not self.memory.sales:
            return None
        sale = self.random.choice(self.memory.sales[-20:])
        body: dict[str, Any] = {"reference": f"b{self._keys}"}
        if self.random.random() < 0.7:
            line, left = self.random.choice(list(sale.left.items()))
            body["lines"] = [{"line": line, "quantity": self.random.randint(1, max(left, 1))}]
        asked = self._asked(sale.token, "refund", body, ("sale", sale.sale_id))
        return Action("refund", asked, sale.member, {"sale": sale})

    # Members

    def _nonce(self, person: Person) -> int:
        self._counters[person.number] += 1
        return nonce_of(person.lane, self._counters[person.number])

    def _code(self, person: Person) -> str:
        until = self.around.now() + self.random.choice([60, 60, 60, 20])
        most = self.random.choice([10**7, 10**7, 10**6])
        permit = SpendPermit(person.account, self._nonce(person), most, until)
        code = encode_pay_code(sign_pay_code(person.key, self.founded.alliance.domain, permit))
        self.memory.codes.append((code, person.number))
        return code

    def gift(self) -> Action | None:
        giver, taker = self.random.sample(self.founded.people, 2)
        mine = [lot for lot in self.around.lots() if lot[0] == giver.number and lot[3] > 0]
        if not mine:
            return None
        _, programme, epoch, available = self.random.choice(mine)
        leg = Leg(programme, 1, epoch, self.random.randint(1, available + available // 8))
        until = self.around.now() + 60
        permit = GiftPermit(giver.account, taker.account, self._nonce(giver), until, (leg,))
        proof = sign_digest(giver.key, self.founded.alliance.domain.digest(permit.struct_hash()))
        body = {
            "giver": "0x" + giver.account.hex(), "recipient": "0x" + taker.account.hex(),
            "legs": [{"programme_id": programme, "terms_version": 1, "epoch": epoch, "amount": leg.amount}],
            "nonce": str(permit.nonce), "valid_until": until, "signature": "0x" + proof.hex(),
        }  # fmt: skip
        facts = {"to": taker.number, "legs": [(CODES[programme - 1], leg.amount)]}
        return Action("gift", self._asked(giver.token, "gift", body), giver.number, facts)

    def claim(self) -> Action:
        """Somebody takes a coupon by the campaign's link."""
        person = self.random.choice(self.founded.people)
        body = {"definition": self.founded.coupons, "source": "LINK"}
        asked = self._asked(person.token, "claim-coupon", body, ("number", person.number))
        return Action("claim", asked, person.number)

    def give(self) -> Action | None:
        """A coupon goes to a friend, perhaps while a till takes it."""
        if not self.memory.coupons:
            return None
        giver, taker = self.random.sample(self.founded.people, 2)
        path = ("number", giver.number), ("coupon", self.random.choice(self.memory.coupons[-4:]))
        body = {"recipient": taker.number}
        return Action("give", self._asked(giver.token, "give-coupon", body, *path), giver.number)

    def revoke(self) -> Action | None:
        if not self.memory.codes:
            return None
        _, token = self._till()
        code, _ = self.random.choice(self.memory.codes[-5:])
        return Action("revoke", self._asked(token, "revoke-pay-code", {"pay_code": code}))

    def reuse(self) -> Action | None:
        """A code that was shown before is shown again, with another basket."""
        if not self.memory.codes:
            return None
        store, token = self._till()
        body = self._basket(store, self.founded.people[0], pays=False)
        code, number = self.random.choice(self.memory.codes[-3:])
        body |= {"member": {"pay_code": code}, "spend": {"max_value_minor": 50}}
        return Action("sale", self._asked(token, "sale", body), number, {"lines": _quantities(body)})

    # Whoever was not sure, and the operator

    def replay(self) -> Action | None:
        """An answered request comes once more, perhaps long after."""
        if not self.memory.answered:
            return None
        return self.random.choice(list(self.memory.answered.values()))[0]

    def adjust(self) -> Action | None:
        person, place = self.random.choice(self.founded.people), self.random.randrange(3)
        points = self.random.choice([5, 50])
        body = {"member": person.number, "programme": CODES[place], "points": points, "reason": "goodwill",
                "note": "n", "funder": gln_text(GLNS[place])}  # fmt: skip
        facts = {"code": CODES[place], "points": points}
        return Action("ask", self._asked(self.founded.operator, "ask-adjustment", body), person.number, facts)

    def suspend(self) -> Action:
        """The operator suspends a merchant, or lets one do business again."""
        gln = gln_text(self.random.choice(GLNS))
        return self.standing(gln, suspended=gln not in self.memory.suspended)

    def standing(self, gln: str, *, suspended: bool) -> Action:
        """What the operator wants of the merchant."""
        body = {"suspended": suspended}
        asked = self._asked(self.founded.operator, "suspend-merchant", body, ("gln", gln))
        return Action("suspend" if suspended else "reinstate", asked, facts={"gln": gln})

    def decide(self, asked: Action, adjustment: str) -> Action:
        """The second operator's word about what the first asked for."""
        path = ("adjustment", adjustment)
        given = self._asked(self.founded.second_operator, "decide-adjustment", {"approve": True}, path)
        return Action("decide", given, asked.member, asked.facts)


def _quantities(body: dict[str, Any]) -> dict[str, int]:
    return {line["line"]: line["quantity"] for line in body["lines"]}
