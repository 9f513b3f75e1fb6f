"""What the front door needs of the chain: acts of the operator that must stand there before SQL knows them.

Each is idempotent: asked again after a lost answer it finds what it did and answers the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger_service.kernel.reserve_wishes import Wish
from ledger_service.kernel.settlement_words import Decided, Held
from ledger_service.merchants.requests import MerchantKeys


@dataclass(frozen=True, slots=True)
class TermsOfProgramme:
    """Terms as the registry takes them: instants in whole seconds, value in micros of the currency."""

    effective_from: int
    point_value_micros: int
    fee_bps: int
    issuance_cap: int
    validity_epochs: int


@dataclass(frozen=True, slots=True)
class NewProgramme:
    """A programme to create: issuer's GLN, code, name, ends of the first epochs, first terms."""

    merchant_id: int
    code: str
    name: str
    epoch_ends: tuple[int, ...]
    first: TermsOfProgramme


@dataclass(frozen=True, slots=True)
class CreatedProgramme:
    """What the registry made of it."""

    programme_id: int
    token: bytes


@dataclass(frozen=True, slots=True)
class TermsOfPair:
    """The next terms of an issuer's programme at one acceptor.

    ``previous`` is the pair's version before, 0 for none; value 0 ends what it has.
    """

    issuer: int
    programme_id: int
    acceptor: int
    previous: int
    effective_from: int
    point_value_micros: int
    fee_bps: int


@dataclass(frozen=True, slots=True)
class BasisOfProgramme:
    """The next basis of a programme's settlement, ``number`` counted from 1; ``kind`` as ``BasisKind``."""

    issuer: int
    programme_id: int
    number: int
    effective_from: int
    kind: int
    reserve_bps: int
    pool: int


@dataclass(frozen=True, slots=True)
class NetWord:
    """A merchant's word that its net of a period is right, as the published statements' root has it."""

    period: int
    merchant: int
    net_micros: int
    statements: bytes


@dataclass(frozen=True, slots=True)
class ConversionOfProgrammes:
    """The next terms at which points of a programme convert into a target's, ``number`` counted from 1."""

    issuer: int
    target_issuer: int
    programme_id: int
    target_id: int
    number: int
    effective_from: int
    spread_bps: int


@dataclass(frozen=True, slots=True)
class EndOfProgramme:
    """The end of a programme, and into which target's points the rest of its own converts."""

    issuer: int
    target_issuer: int
    programme_id: int
    issues_until: int
    ends_at: int
    target_id: int
    spread_bps: int


class Governance(Protocol):
    """The operator's acts on chain.

    Raises (every method):
        ChainUnavailable: the chain cannot be reached; nothing is known to have happened.
        AdminRefused: the contract refuses the act.
        SignerUnavailable: custody cannot sign.
    """

    def admit_merchant(self, merchant_id: int) -> MerchantKeys:
        """The merchant is admitted; returns its three keys, which custody holds."""

    def set_suspended(self, merchant_id: int, suspended: bool, name: str) -> None:
        """The registry refuses, or again takes, what the merchant accepts from some minutes from now on.

        Asked again under the same ``name`` it is the same act, however long the chain takes. Suspend here
        before, reinstate here afterwards: what the service accepts, the registry takes (D7).
        """

    def create_programme(self, new: NewProgramme) -> CreatedProgramme:
        """The programme exists with its token, calendar and first terms."""

    def publish_terms(
        self, merchant_id: int, programme_id: int, version: int, terms: TermsOfProgramme
    ) -> None:
        """The next version of the terms stands in the registry, signed by the issuer's admin key."""

    def publish_pair_terms(self, terms: TermsOfPair) -> int:
        """The terms stand in the registry, signed by both admin keys (INV-10); returns their version."""

    def publish_basis(self, basis: BasisOfProgramme) -> None:
        """The basis stands in the registry, signed by the admin keys of issuer and pool (INV-10)."""

    def confirm_period(self, word: NetWord, signature: bytes | None, name: str) -> None:
        """The merchant's confirmation stands on chain, signed by custody where it brings no signature.

        Idempotency: by ``name``; under another one it is looked at again, for a dispute takes it away.

        Raises:
            SettlementNotOffered: the alliance has no SettlementDesk.
        """

    def dispute_line(self, held: Held, signature: bytes | None) -> None:
        """A part of a line is held out on chain by the merchant's word; raises as ``confirm_period``."""

    def word_on_line(self, decided: Decided, merchant: int) -> bytes:
        """The merchant's settlement key in custody signs that so much of what is held is owed.

        Raises:
            SettlementNotOffered: the alliance has no desk.
        """

    def resolve_line(self, decided: Decided, signatures: tuple[bytes, bytes]) -> None:
        """What is held is decided on chain by the words of debtor and creditor; as ``confirm_period``."""

    def arbitrate_line(self, decided: Decided, evidence: bytes, name: str) -> int:
        """The board's decision on what is held is announced on chain, or made once its time has come.

        Args:
            decided: what of the held amount is owed.
            evidence: the SHA-256 of the board's reasons.
            name: of this asking; under the same name the answer is the same.

        Returns:
            0 once it is made, else from when (seconds) on it may be asked for again.

        Raises:
            SettlementNotOffered: the alliance has no SettlementDesk.
        """

    def close_period(self, period: int) -> None:
        """The open period is closed, and holds all that was accepted before the call (D12).

        Raises:
            PeriodNotDrained: something of it is in no block yet; it is closed once that is, unasked.
        """

    def reserve(self, wish: Wish, name: str) -> None:
        """The reserve desk does what is wished; asked again under the same ``name`` it is the same act."""

    def publish_period(self, period: int, answer_days: int) -> None:
        """A closed period's statements stand on the desk; raises as ``confirm_period``."""

    def net_period(self, period: int) -> None:
        """The period is netted, its payouts stand on the desk; raises as ``confirm_period``."""

    def mark_paid(self, period: int, payouts: Sequence[int], evidence: bytes) -> None:
        """Payouts, by index, are paid; ``evidence`` is a SHA-256. Raises as ``confirm_period``."""

    def publish_conversion(self, terms: ConversionOfProgrammes) -> None:
        """The conversion terms stand in the registry, signed by both issuers' admin keys (INV-10)."""

    def announce_end(self, end: EndOfProgramme) -> None:
        """The programme's end stands in the registry, signed by both issuers' admin keys."""

    def append_epochs(self, programme_id: int, first_epoch: int, ends: Sequence[int]) -> None:
        """The calendar goes on with these ends, the first of them that of ``first_epoch``."""
