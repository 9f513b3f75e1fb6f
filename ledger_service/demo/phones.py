"""Simulated phones: each makes its own key from the run's seed, signs its own permits, keeps its own book of
points.

A phone never asks the service what it holds: like a real one in a cellar, it reads its receipts. That makes
its book a second opinion about every balance, which the report compares with the service's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.demo.rules import HeldLot
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.paycode import LIFE_SECONDS, encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SpendPermit, nonce_of
from ledger_service.kernel.secp256k1 import address_of_key, keccak256


def device_key(seed: str, household: int, phone: str = "") -> bytes:
    """The 32-byte private key of a household's phone in this run, or of another one that the story names;
    worthless outside it.
    """
    more = f"|{phone}" if phone else ""
    return keccak256(f"alliance-ledger demo phone|{seed}|{household}{more}".encode())


@dataclass
class Phone:
    """One household's phone: account, device lane, next permit counter and the points it read off its
    receipts; ``shops`` says where it shopped last at each merchant.

    While ``unheard`` payments at tills that are cut off are open, nobody knows which points they took, so the
    phone pays with none; nor does it while it is ``lost``. ``heard`` is the last entry of its statement that
    it has read: nothing else tells it of rewards for sharing.
    """

    household: int
    key: bytes
    number: str = ""
    account: bytes = b""
    lane: int = 0
    counter: int = 0
    joined: bool = False
    lots: dict[str, dict[int, int]] = field(default_factory=dict)
    shops: dict[str, int] = field(default_factory=dict)
    unheard: int = 0
    lost: bool = False
    heard: int = 0

    @property
    def signer(self) -> bytes:
        """The address that the device's key signs as."""
        return address_of_key(self.key)

    def pay_code(self, domain: Domain, at: datetime, max_value_micros: int) -> str:
        """A fresh pay code for one checkout at ``at``; uses up one counter of the device's lane."""
        permit = SpendPermit(
            self.account,
            nonce_of(self.lane, self.counter),
            max_value_micros,
            seconds_floor(at) + LIFE_SECONDS,
        )
        self.counter += 1
        return encode_pay_code(sign_pay_code(self.key, domain, permit))

    def spendable(self, at: datetime, except_programme: str) -> list[HeldLot]:
        """What may be spent at ``at`` at a merchant whose own programme is left out."""
        now = seconds_floor(at)
        if self.unheard or self.lost:
            return []
        return [
            HeldLot(code, expires_at, points)
            for code, lots in self.lots.items()
            if code != except_programme
            for expires_at, points in lots.items()
            if points > 0 and expires_at > now
        ]

    def read_sale(self, answer: dict[str, Any], ends: EpochEnds) -> None:
        """Book a sale's receipt: what was spent by epoch, what was earned."""
        for spent in answer["spent"]:
            for leg in spent["legs"]:
                self._add(spent["programme"], ends.of(spent["programme"], leg["epoch"]), -leg["points"])
        for earned in answer["earned"]:
            net = earned["points"] - earned["debt_collected"]
            if net:
                self._add(earned["programme"], _seconds(earned["expires_at"]), net)

    def read_refund(self, answer: dict[str, Any], earned_until: int, at: datetime) -> None:
        """Book a refund's receipt: what was taken back of the earn, then what came back of the spend.

        Args:
            answer: the receipt.
            earned_until: when the points that the sale had earned end, in seconds; they are taken first.
            at: the instant of the refund.
        """
        for clawed in answer["clawed"]:
            if clawed["from"] == "available":
                self._give_back(clawed["programme"], clawed["points"], earned_until, seconds_floor(at))
        for restored in answer["restored"]:
            self._add(restored["programme"], _seconds(restored["expires_at"]), restored["points"])

    def _give_back(self, programme: str, points: int, earned_until: int, now: int) -> None:
        """The sale's own lot first, then the latest to expire, as the programme publishes."""
        lots = [expires_at for expires_at in self.lots.get(programme, {}) if expires_at > now]
        for expires_at in sorted(lots, key=lambda end: (end != earned_until, -end)):
            part = min(points, self.lots[programme][expires_at])
            self._add(programme, expires_at, -part)
            points -= part

    def set_aside(self, programme: str, points: int, at: datetime) -> None:
        """Take planned points off the book, soonest expiry first, before any receipt says so."""
        now = seconds_floor(at)
        for expires_at in sorted(self.lots.get(programme, {})):
            part = min(points, self.lots[programme][expires_at]) if expires_at > now else 0
            self._add(programme, expires_at, -part)
            points -= part

    def forget_expired(self, at: datetime) -> None:
        """Drop what can no longer be spent, so that the book stays small."""
        now = seconds_floor(at)
        for code in list(self.lots):
            self.lots[code] = {e: p for e, p in self.lots[code].items() if e > now and p}

    def state(self) -> list[Any]:
        """What a checkpoint keeps of the phone."""
        own = [self.number, self.account.hex(), self.lane, self.counter, self.lots]
        return [*own, self.key.hex(), self.shops, self.unheard, self.lost, self.heard]

    def restore(self, state: list[Any]) -> None:
        """Continue from a checkpoint."""
        self.number, account, self.lane, self.counter, lots, key, *more = state
        self.shops, self.unheard, self.lost, self.heard = more
        self.account, self.key = bytes.fromhex(account), bytes.fromhex(key)
        self.lots = {code: {int(e): p for e, p in by_end.items()} for code, by_end in lots.items()}
        self.joined = True

    def move_in(self, account: bytes, lane: int, key: bytes) -> None:
        """The household has another phone and, after its case, another account with the same points."""
        self.account, self.lane, self.key, self.counter, self.lost = account, lane, key, 0, False

    def add(self, programme: str, expires_at: int, points: int) -> None:
        """Points came to this phone, or went, by something that is no receipt of a till."""
        self._add(programme, expires_at, points)

    def _add(self, programme: str, expires_at: int, points: int) -> None:
        by_end = self.lots.setdefault(programme, {})
        by_end[expires_at] = by_end.get(expires_at, 0) + points


def earned_until(answer: dict[str, Any]) -> int:
    """When the points that a sale earned end, in seconds; 0 where it earned none."""
    return max((_seconds(earned["expires_at"]) for earned in answer["earned"] if earned["points"]), default=0)


def _seconds(text: str) -> int:
    return seconds_floor(parse_instant(text, "expires_at"))


class EpochEnds:
    """When each programme's epochs end, in seconds, from the alliance's plan."""

    def __init__(self, calendars: dict[str, list[datetime]]) -> None:
        self._ends = {code: [seconds_floor(end) for end in ends] for code, ends in calendars.items()}

    def of(self, programme: str, epoch: int) -> int:
        """The end of an epoch, which are counted from 1."""
        return self._ends[programme][epoch - 1]

    def epoch_of(self, programme: str, end: int) -> int:
        """The epoch that ends then."""
        return self._ends[programme].index(end) + 1

    def between(self, after: datetime, until: datetime) -> list[int]:
        """Every end after one instant and up to another, in order: the barriers of a replay."""
        low, high = seconds_floor(after), seconds_floor(until)
        return sorted({end for ends in self._ends.values() for end in ends if low < end <= high})
