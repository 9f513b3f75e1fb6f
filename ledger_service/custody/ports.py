"""The port of custody: what the rest of the house may ask, whoever holds the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ledger_service.custody.requests import (
    AgreedByBoth,
    BindDomain,
    Request,
    SignBasis,
    SignCustodian,
    SignMerchantKeys,
    SignPairTerms,
    SignSettlement,
    SignSignerGrant,
    SignSlice,
    SignSpendPermit,
    SignTerms,
    SignTransaction,
)
from ledger_service.kernel.errors import DomainError


class Custody(Protocol):
    """A key holder. ``client.SignerClient`` (the signing process) and ``local.LocalCustody`` fulfil it.

    Every request gives the same answer when it is sent again, so a caller may repeat after any
    failure. Signatures are 65 bytes r, s, v with low s; addresses 20 bytes.

    Raises (every method):
        SignerUnavailable: no answer; nothing is known to have been signed.
        SigningRefused: a request that must not be signed.
    """

    def ask(self, requests: Sequence[Request]) -> list[bytes | DomainError]:
        """One answer per request in their order; a refusal stands in its place and spoils no other."""

    def sign_slices(self, slices: Sequence[SignSlice]) -> list[bytes]:
        """The merchants' signatures of their slices, in order."""

    def sign_spend_permit(self, permit: SignSpendPermit) -> bytes:
        """The custodial member's signature.

        Raises:
            CustodialLimitReached: over the limit per permit or per account and day.
        """

    def sign_signer_grant(self, grant: SignSignerGrant) -> bytes:
        """The custodial key's signature of a grant for its own account."""

    def sign_terms(self, terms: SignTerms) -> bytes:
        """The issuer's admin signature of its next terms."""

    def sign_pair_terms(self, terms: Sequence[SignPairTerms]) -> list[bytes]:
        """The admin signatures of both merchants of a pair, in order."""

    def sign_bases(self, bases: Sequence[SignBasis]) -> list[bytes]:
        """The admin signatures of issuer and pool, in order."""

    def sign_by_both(self, proposals: Sequence[AgreedByBoth]) -> list[bytes]:
        """The admin signatures of two merchants of one proposal, in order."""

    def sign_merchant_keys(self, keys: SignMerchantKeys) -> bytes:
        """The merchant's present admin signature of its next keys."""

    def sign_settlement(self, word: SignSettlement) -> bytes:
        """The merchant's settlement signature of its word on a closed period."""

    def sign_custodian(self, word: SignCustodian) -> bytes:
        """The merchant's admin signature of who holds its reserve."""

    def sign_transaction(self, request: SignTransaction) -> bytes:
        """The signature of a chain transaction by a sending key; see ``sending`` for what it may do."""

    def address_of(self, key: str) -> bytes:
        """The address of a named key."""

    def custodial_addresses(self, accounts: Sequence[bytes]) -> list[bytes]:
        """The custodial signer of each account, in order; one round trip."""

    def service_secret(self, purpose: str) -> bytes:
        """32 bytes that the service keeps in memory for one of the purposes in ``SERVICE_SECRETS``."""

    def bind(self, domain: BindDomain) -> None:
        """Custody signs for this alliance from now on, and refuses to be bound to another."""
