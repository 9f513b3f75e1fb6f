"""A basis of settlement on its way to the registry."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.admin import Admin
from ledger_service.chain.artifacts import load


@dataclass(frozen=True, slots=True)
class BasisOnChain:
    """The next basis of a programme; ``number`` counts them from 1."""

    programme: int
    number: int
    effective_from: int
    kind: int
    reserve_bps: int
    pool: int


class BasisClerk:
    """Publishes bases of one alliance."""

    def __init__(self, admin: Admin) -> None:
        self._steps, self._to = admin.steps, admin.contracts.registry
        self._registry = load("AllianceRegistry")

    def publish(
        self, basis: BasisOnChain, signatures: tuple[bytes, bytes], timestamp: int | None = None
    ) -> None:
        """The basis stands in the registry, signed by issuer and pool.

        Raises:
            AdminRefused: the contract refuses it; nothing was sent.
            ChainUnavailable: not mined in time; the same call goes on waiting for the same transaction.

        Idempotency: by programme and number.
        """
        words = (basis.effective_from, basis.kind, basis.reserve_bps, basis.pool)
        data = self._registry.call_data("publishBasis", basis.programme, words, *signatures)
        self._steps.perform(f"basis:{basis.programme}:{basis.number}", self._to, data, timestamp)
