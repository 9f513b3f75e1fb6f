"""Conversion terms and ends of programmes on their way to the registry."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.admin import Admin
from ledger_service.chain.artifacts import load


@dataclass(frozen=True, slots=True)
class ConversionOnChain:
    """The next conversion terms of two programmes; ``number`` counts them from 1."""

    programme: int
    target: int
    number: int
    effective_from: int
    spread_bps: int


@dataclass(frozen=True, slots=True)
class WindDownOnChain:
    """The end of a programme; times in seconds."""

    programme: int
    issues_until: int
    ends_at: int
    target: int
    spread_bps: int


class ConversionClerk:
    """Publishes conversion terms and ends of one alliance."""

    def __init__(self, admin: Admin) -> None:
        self._steps, self._to = admin.steps, admin.contracts.registry
        self._registry = load("AllianceRegistry")

    def publish(
        self, terms: ConversionOnChain, signatures: tuple[bytes, bytes], timestamp: int | None = None
    ) -> None:
        """The terms stand in the registry, signed by both issuers.

        Raises:
            AdminRefused: the contract refuses them; nothing was sent.
            ChainUnavailable: not mined in time; the same call goes on waiting for the same transaction.

        Idempotency: by the two programmes and the number.
        """
        words = (terms.effective_from, terms.spread_bps)
        data = self._registry.call_data(
            "publishConversion", terms.programme, terms.target, words, *signatures
        )
        step = f"conversion:{terms.programme}:{terms.target}:{terms.number}"
        self._steps.perform(step, self._to, data, timestamp)

    def announce(
        self, end: WindDownOnChain, signatures: tuple[bytes, bytes], timestamp: int | None = None
    ) -> None:
        """The programme's end stands in the registry, signed by both issuers.

        Raises:
            AdminRefused: the contract refuses it; nothing was sent.
            ChainUnavailable: not mined in time; the same call goes on waiting for the same transaction.

        Idempotency: by programme.
        """
        words = (end.issues_until, end.ends_at, end.target, end.spread_bps)
        data = self._registry.call_data("announceWindDown", end.programme, words, *signatures)
        self._steps.perform(f"wind-down:{end.programme}", self._to, data, timestamp)
