"""Terms of a pair on their way to the registry, and the version that it gave them."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.admin import Admin
from ledger_service.chain.artifacts import load
from ledger_service.chain.decode import TermsPublished


@dataclass(frozen=True, slots=True)
class PairOnChain:
    """The next terms of a pair: ``previous`` is its version before, 0 for none; value 0 ends what it has."""

    programme: int
    acceptor: int
    previous: int
    effective_from: int
    point_value_micros: int
    fee_bps: int


class PairClerk:
    """Publishes terms of pairs of one alliance."""

    def __init__(self, admin: Admin) -> None:
        self._steps, self._to = admin.steps, admin.contracts.registry
        self._registry = load("AllianceRegistry")

    def publish(
        self, pair: PairOnChain, signatures: tuple[bytes, bytes], timestamp: int | None = None
    ) -> int:
        """The terms stand in the registry, signed by issuer and acceptor; returns their version.

        Raises:
            AdminRefused: the contract refuses them; nothing was sent.
            ChainUnavailable: not mined in time; the same call goes on waiting for the same transaction.

        Idempotency: by programme, acceptor and the version before.
        """
        terms = (pair.acceptor, pair.effective_from, pair.point_value_micros, pair.fee_bps)
        data = self._registry.call_data("publishPairTerms", pair.programme, terms, *signatures)
        step = f"pair:{pair.programme}:{pair.acceptor}:{pair.previous}"
        self._steps.perform(step, self._to, data, timestamp)
        return self._steps.told(step, TermsPublished).version
