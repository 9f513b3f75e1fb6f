"""The settlement desk on chain: what the operator publishes, merchants answer, and a period comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import load
from ledger_service.chain.delayed import asked


@dataclass(frozen=True, slots=True)
class Round:
    """A period's settlement; ``until`` is in seconds and 0 before its statements are published, ``root`` is
    zero until it is netted. Bits of ``confirmed`` go by places, those of ``paid`` by payouts."""

    statements: bytes
    until: int
    count: int
    payouts: int
    root: bytes
    members: bytes
    confirmed: int
    adjusted: int
    paid: int


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What is held out of a pair's obligation; ``deadline`` is 0 where nothing ever was."""

    micros: int
    deadline: int
    open: bool


class SettlementOffice:
    """Writes with custody's operator key, which the desk listens to; answers of merchants go with it too."""

    def __init__(self, steps: Steps, desk: bytes) -> None:
        self.steps, self.desk, self._artifact = steps, desk, load("SettlementDesk")

    def members(self) -> list[int]:
        """The merchants that take part, in the order of their places."""
        count = self._asked("merchantCount")
        return [int(self._asked("merchantAt", place)) for place in range(count)]

    def enlist(self, merchants: Sequence[int], timestamp: int | None = None) -> list[int]:
        """These merchants take part, too. Idempotency: by merchant.

        Returns:
            all that take part, in the order of their places.
        """
        known = set(self.members())
        for merchant in sorted(set(merchants) - known):
            self._do(f"enlist:{merchant}", timestamp, "enlist", merchant)
        return self.members()

    def publish(self, period: int, statements: bytes, until: int, timestamp: int | None = None) -> None:
        """The period's statements stand, and wait for answers until then. Idempotency: by period."""
        self._do(f"publish:{period}", timestamp, "publish", period, statements, until)

    def confirm(self, period: int, answer: tuple[int, int, bytes], timestamp: int | None = None) -> None:
        """A merchant's confirmation stands.

        Idempotency: by period, merchant and net, as long as it stands; one that a dispute took away is made
        anew, also where the net is what it was.

        Args:
            period: whose.
            answer: the merchant, its net in micros and the signature of its settlement key.
            timestamp: in replay, the least time of the block.
        """
        merchant, micros, signature = answer
        name = self._next(f"confirm:{period}:{merchant}:{micros}", period, merchant)
        self._do(name, timestamp, "confirm", period, merchant, micros, signature)

    def dispute(
        self,
        line: tuple[int, int, int, int, bytes],
        proof: Sequence[bytes],
        word: tuple[int, int, bytes, bytes],
        timestamp: int | None = None,
    ) -> None:
        """A part of a line is held out, by who pays it. Idempotency: by the line's period and merchants.

        Args:
            line: period, debtor, creditor, owed micros, detail.
            proof: from the line to the published root.
            word: who disputes, the micros held, the hash of the evidence, the signature.
            timestamp: in replay, the least time of the block.
        """
        name = ":".join(str(part) for part in line[:3])
        self._do(f"dispute:{name}", timestamp, "dispute", line, list(proof), *word)

    def resolve(
        self,
        pair: tuple[int, int, int],
        pay_micros: int,
        signatures: tuple[bytes, bytes],
        timestamp: int | None = None,
    ) -> None:
        """The two have decided what of a held amount is owed. Idempotency: by period, debtor and creditor."""
        name = ":".join(str(part) for part in pair)
        self._do(f"resolve:{name}", timestamp, "resolve", *pair, pay_micros, *signatures)

    def settle(self, period: int, payouts: Sequence[int], timestamp: int | None = None) -> None:
        """The payouts settle the period. Idempotency: by period."""
        round_ = self.round(period)
        members = b"".join(merchant.to_bytes(8, "big") for merchant in self.members()[: round_.count])
        self._do(f"settle:{period}", timestamp, "settle", period, members, list(payouts))

    def mark_paid(self, period: int, bits: int, evidence: bytes, timestamp: int | None = None) -> None:
        """These payouts are paid, as the evidence says. Idempotency: by period, payouts and evidence."""
        name = f"paid:{period}:{bits:x}:{evidence.hex()[:16]}"
        self._do(name, timestamp, "markPaid", period, bits, evidence)

    def round(self, period: int) -> Round:
        """Where the period's settlement stands at the head."""
        return Round(*(_plain(value) for value in self._asked("roundOf", period)))

    def nets(self, period: int, merchants: Sequence[int]) -> Mapping[int, int]:
        """What each is owed, less what it owes, without what is held out, in micros."""
        return {merchant: int(self._asked("netOf", period, merchant)) for merchant in merchants}

    def held(self, period: int, debtor: int, creditor: int) -> HeldOut:
        """What is held out of what one owes the other."""
        return HeldOut(*self._asked("heldOf", period, debtor, creditor))

    def last_published(self) -> int:
        """The last period whose statements are published; 0 for none."""
        return int(self._asked("lastPublished"))

    def _asked(self, function: str, *arguments: object) -> Any:
        return asked(self.steps, "SettlementDesk", self.desk, function, *arguments)[0]

    def _next(self, name: str, period: int, merchant: int) -> str:
        """The name of the confirmation that stands, or of one that no step has had."""
        again, times = name, 1
        while self.steps.is_mined(f"settlement:{again}"):
            if times == 1 and self.round(period).confirmed >> self.members().index(merchant) & 1:
                break
            times += 1
            again = f"{name}:{times}"
        return again

    def _do(self, name: str, timestamp: int | None, function: str, *arguments: object) -> None:
        data = self._artifact.call_data(function, *arguments)
        self.steps.perform(f"settlement:{name}", self.desk, data, timestamp)


def _plain(value: Any) -> Any:
    return bytes.fromhex(value[2:]) if isinstance(value, str) else value
