"""The reserve desk on chain: who holds a merchant's reserve, what it comes to, and what is required of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import load
from ledger_service.chain.delayed import asked
from ledger_service.kernel.reserve_words import Figure
from ledger_service.kernel.secp256k1 import keccak256


@dataclass(frozen=True, slots=True)
class Account:
    """What stands behind a merchant's points; instants in seconds, 0 where there is none."""

    custodian: bytes
    sequence: int
    as_of: int
    reserve_micros: int
    required_bps: int
    next_bps: int
    next_from: int
    default_from: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what is outstanding is covered now; ``bps`` is None where nothing is outstanding."""

    reserve_micros: int
    outstanding_micros: int
    bps: int | None
    required_bps: int


class ReserveOffice:
    """Writes with custody's operator key, which the desk listens to; custodians' words go with it too."""

    def __init__(self, steps: Steps, desk: bytes) -> None:
        self._steps, self._desk, self._artifact = steps, desk, load("ReserveDesk")

    def name_custodian(
        self, merchant: int, custodian: bytes, word: tuple[int, bytes], timestamp: int | None = None
    ) -> None:
        """That address signs the merchant's figures. Idempotency: by merchant, nonce and timestamp.

        Args:
            merchant: whose reserve.
            custodian: its address.
            word: the nonce, and the signature of the merchant's admin key.
            timestamp: in replay, the least time of the block.
        """
        nonce, signature = word
        name = _once(f"custodian:{merchant}:{nonce}", timestamp)
        self._do(name, timestamp, "nameCustodian", merchant, "0x" + custodian.hex(), signature)

    def require(self, merchant: int, bps: int, since: int, timestamp: int | None = None) -> None:
        """So much must be covered from then on. Idempotency: by all four."""
        name = _once(f"require:{merchant}:{bps}:{since}", timestamp)
        self._do(name, timestamp, "setRequirement", merchant, bps, since)

    def bring(self, figure: Figure, signature: bytes, timestamp: int | None = None) -> None:
        """The custodian's figure counts. Idempotency: by the figure and its signature.

        Another figure of a sequence that was brought is not done already: the desk refuses it.
        """
        told = (figure.merchant, figure.reserve_micros, figure.as_of, figure.sequence)
        word = keccak256(figure.struct_hash() + signature).hex()
        self._do(f"figure:{figure.merchant}:{figure.sequence}:{word}", timestamp, "bring", told, signature)

    def refresh(self, merchant: int, asked_at: int, timestamp: int | None = None) -> None:
        """The last figure is counted anew. Idempotency: by merchant and instant of the asking."""
        self._do(f"refresh:{merchant}:{asked_at}", timestamp, "refresh", merchant)

    def default(self, merchant: int, since: int, evidence: bytes, timestamp: int | None = None) -> None:
        """The merchant is in default from then on. Idempotency: by merchant, instant and timestamp."""
        name = _once(f"default:{merchant}:{since}", timestamp)
        self._do(name, timestamp, "declareDefault", merchant, since, evidence)

    def cure(self, merchant: int, since: int, evidence: bytes, timestamp: int | None = None) -> None:
        """The default that began then is over. Idempotency: by merchant, that instant and timestamp."""
        self._do(_once(f"cure:{merchant}:{since}", timestamp), timestamp, "cure", merchant, evidence)

    def account(self, merchant: int) -> Account:
        """What stands behind the merchant's points, as the desk says at the head."""
        told = self._asked("accountOf", merchant)
        return Account(bytes.fromhex(told[0][2:]), *(int(value) for value in told[1:]))

    def coverage(self, merchant: int) -> Coverage:
        """How much of it is covered at the head."""
        reserve, outstanding, bps, required = self._asked("coverage", merchant)
        return Coverage(reserve, outstanding, bps if outstanding else None, required)

    def figure_life(self) -> int:
        """After so many seconds a figure counts as zero."""
        return int(self._asked("figureLife"))

    def _asked(self, function: str, *arguments: object) -> Any:
        return asked(self._steps, "ReserveDesk", self._desk, function, *arguments)[0]

    def _do(self, name: str, timestamp: int | None, function: str, *arguments: object) -> None:
        data = self._artifact.call_data(function, *arguments)
        self._steps.perform(f"reserve:{name}", self._desk, data, timestamp)


def _once(name: str, timestamp: int | None) -> str:
    """What was undone since may be asked for again: the instant of the asking tells the two apart."""
    return name if timestamp is None else f"{name}:{timestamp}"
