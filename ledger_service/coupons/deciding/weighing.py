"""What a combination is worth: one integer in which the discount counts first and the tie-break is built in.

More discount; of equal ones more benefits beside the goods, then fewer coupons, then the coupons that expire
soonest, then the lowest ids. No two combinations weigh the same, so the best one never depends on the order
of the input. The weight of a combination is at most the sum of its coupons' weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress

from ledger_service.coupons.deciding.effects import Parts, Tally
from ledger_service.coupons.deciding.offers import Offer, Step

# More than coupons can be in one basket.
_ROOM = 1_024
_FEW = 12
_TRUTH = bytes.maketrans(b"01", b"\x00\x01")


class Weights:
    """Offers of one basket by falling weight, and the weight of any combination of them.

    A combination is a bit mask: bit i stands for ``offers[i]``.
    """

    def __init__(self, offers: Sequence[Offer], amounts: Sequence[int], pieces: Sequence[int]) -> None:
        """Weigh each offer alone; those that can never give anything are left out."""
        self.amounts, self.pieces = amounts, pieces
        self._shift = len(offers)
        # What one minor unit weighs.
        self.of_one = (_ROOM * _ROOM) << self._shift
        self._bit: dict[str, int] = {}
        for place, offer in enumerate(sorted(offers, key=lambda o: o.by_expiry)):
            self._bit[offer.key] = 1 << (self._shift - 1 - place)
        alone = [(o, o.effect.alone(amounts)) for o in offers]
        worth = [(o, minor) for o, minor in alone if minor or o.step is Step.BESIDE]
        weighed = [(minor * self.of_one + self._beside_minor(o), o) for o, minor in worth]
        weighed.sort(key=lambda pair: -pair[0])
        self.offers = [offer for _, offer in weighed]
        self.single = [weight for weight, _ in weighed]
        self._own = [self._beside_minor(offer) for offer in self.offers]
        in_order = sorted(range(len(self.offers)), key=lambda i: self.offers[i].in_order)
        self._rank = [0] * len(in_order)
        for rank, i in enumerate(in_order):
            self._rank[i] = rank

    def _beside_minor(self, offer: Offer) -> int:
        """What a coupon adds to a weight beside the minor units that it takes off."""
        value = (_ROOM if offer.step is Step.BESIDE else 0) - 1
        return (value << self._shift) + self._bit[offer.key]

    def minor_of(self, weight: int) -> int:
        """The discount in a weight."""
        return ((weight >> self._shift) + _ROOM) // (_ROOM * _ROOM)

    def of(self, mask: int) -> int:
        """What the combination really weighs."""
        left, minor, weight = list(self.amounts), 0, 0
        for i in sorted(bits(mask), key=self._rank.__getitem__):
            minor += self.offers[i].effect.take_from(left)
            weight += self._own[i]
        return minor * self.of_one + weight

    def chosen(self, mask: int) -> list[Offer]:
        """The offers of a mask."""
        return [self.offers[i] for i in bits(mask)]


def applied(chosen: Iterable[Offer], amounts: Sequence[int]) -> list[tuple[Offer, Parts]]:
    """What each coupon takes off which line, in the order of application."""
    tally = Tally(amounts)
    return [(offer, offer.effect.apply(tally)) for offer in sorted(chosen, key=lambda o: o.in_order)]


def bits(mask: int) -> list[int]:
    """The places of the bits that are set, lowest first."""
    if mask.bit_count() <= _FEW:
        places = []
        while mask:
            lowest = mask & -mask
            places.append(lowest.bit_length() - 1)
            mask ^= lowest
        return places
    # Over the digits in one C loop: a search asks this of wide, dense masks a hundred thousand times.
    digits = f"{mask:b}"[::-1].encode().translate(_TRUTH)
    return list(compress(range(len(digits)), digits))
