"""The port's convenience methods, written once over ``ask``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ledger_service.custody.requests import (
    AddressOfAccount,
    AddressOfKey,
    AgreedByBoth,
    BindDomain,
    Request,
    ServiceSecret,
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
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.paycode import PayCode
from ledger_service.kernel.permits import SpendPermit


class Asking(ABC):
    """A ``ports.Custody`` for whoever can ``ask``."""

    @abstractmethod
    def ask(self, requests: Sequence[Request]) -> list[bytes | DomainError]:
        """One answer per request in their order."""

    def sign_slices(self, slices: Sequence[SignSlice]) -> list[bytes]:
        """The merchants' signatures of their slices, in order."""
        return self._all(slices)

    def sign_spend_permit(self, permit: SignSpendPermit) -> bytes:
        """The custodial member's signature."""
        return self._all([permit])[0]

    def sign_signer_grant(self, grant: SignSignerGrant) -> bytes:
        """The custodial key's signature of a grant for its own account."""
        return self._all([grant])[0]

    def sign_terms(self, terms: SignTerms) -> bytes:
        """The issuer's admin signature of its next terms."""
        return self._all([terms])[0]

    def sign_pair_terms(self, terms: Sequence[SignPairTerms]) -> list[bytes]:
        """The admin signatures of both merchants of a pair, in order."""
        return self._all(terms)

    def sign_bases(self, bases: Sequence[SignBasis]) -> list[bytes]:
        """The admin signatures of issuer and pool, in order."""
        return self._all(bases)

    def sign_by_both(self, proposals: Sequence[AgreedByBoth]) -> list[bytes]:
        """The admin signatures of two merchants of one proposal, in order."""
        return self._all(proposals)

    def sign_merchant_keys(self, keys: SignMerchantKeys) -> bytes:
        """The merchant's present admin signature of its next keys."""
        return self._all([keys])[0]

    def sign_settlement(self, word: SignSettlement) -> bytes:
        """The merchant's settlement signature of its word on a closed period."""
        return self._all([word])[0]

    def sign_custodian(self, word: SignCustodian) -> bytes:
        """The merchant's admin signature of who holds its reserve."""
        return self._all([word])[0]

    def sign_transaction(self, request: SignTransaction) -> bytes:
        """The signature of a chain transaction by a sending key."""
        return self._all([request])[0]

    def address_of(self, key: str) -> bytes:
        """The address of a named key."""
        return self._all([AddressOfKey(key)])[0]

    def custodial_addresses(self, accounts: Sequence[bytes]) -> list[bytes]:
        """The custodial signer of each account, in order."""
        return self._all([AddressOfAccount(account) for account in accounts])

    def service_secret(self, purpose: str) -> bytes:
        """32 bytes for one of the purposes in ``SERVICE_SECRETS``."""
        return self._all([ServiceSecret(purpose)])[0]

    def bind(self, domain: BindDomain) -> None:
        """Custody signs for this alliance from now on."""
        self._all([domain])

    def _all(self, requests: Sequence[Request]) -> list[bytes]:
        signed: list[bytes] = []
        for answer in self.ask(requests):
            if isinstance(answer, DomainError):
                raise answer
            signed.append(answer)
        return signed


class CustodialPayCodes:
    """Makes the pay code of a custodial member: fulfils ``members.ports.PermitSigner``."""

    def __init__(self, custody: Asking, domain: Domain) -> None:
        self._custody = custody
        self._domain = domain

    def pay_code_of(self, permit: SpendPermit) -> PayCode:
        """The permit signed by the custodial key of its account.

        Raises:
            CustodialLimitReached: over the limit per permit or per account and day.
            SignerUnavailable, SigningRefused: as for every request.
        """
        request = SignSpendPermit(permit.account, permit.nonce, permit.max_value_micros, permit.valid_until)
        return PayCode(self._domain.tag, permit, self._custody.sign_spend_permit(request))
