"""What custody signs and what not: every request is read, checked and only then signed.

A slice is hashed here from its leaves, a permit from its members, a chain transaction from its fields;
no digest arrives ready-made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

from ledger_service.custody.errors import CustodialLimitReached, SigningRefused
from ledger_service.custody.journal import Journal
from ledger_service.custody.keystore import Keystore
from ledger_service.custody.requests import (
    MERCHANT_PURPOSES,
    SENDING_KEYS,
    SERVICE_SECRETS,
    AddressOfAccount,
    AddressOfKey,
    AgreedByBoth,
    BindDomain,
    Request,
    ServiceSecret,
    SignBasis,
    SignConversion,
    SignCustodian,
    SignMerchantKeys,
    SignPairTerms,
    SignSettlement,
    SignSignerGrant,
    SignSlice,
    SignSliceBeside,
    SignSpendPermit,
    SignTerms,
    SignTransaction,
    SignWindDown,
    merchant_key_name,
)
from ledger_service.custody.sending import check_sending
from ledger_service.kernel import settlement_words
from ledger_service.kernel.beside import DOMAIN_NAME
from ledger_service.kernel.chain_tx import unsigned_of
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import is_key
from ledger_service.kernel.paycode import LIFE_SECONDS
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS, SignerGrant, SpendPermit, slice_struct_hash
from ledger_service.kernel.reserve_words import NAME as RESERVES
from ledger_service.kernel.reserve_words import custodian_struct_hash
from ledger_service.kernel.secp256k1 import address_of_key, sign_digest

_TERMS = (
    "TermsProposal(uint32 programme,uint16 version,uint40 effectiveFrom,uint64 pointValueMicros,"
    "uint16 feeBps,uint64 issuanceCap,uint16 validityEpochs)"
)
_PAIR = (
    "PairTermsProposal(uint32 programme,uint64 acceptor,uint16 previous,uint40 effectiveFrom,"
    "uint64 pointValueMicros,uint16 feeBps)"
)
_BASIS = (
    "BasisProposal(uint32 programme,uint32 number,uint40 effectiveFrom,uint8 kind,uint16 reserveBps,"
    "uint64 pool)"
)
_CONVERSION = (
    "ConversionProposal(uint32 programme,uint32 target,uint32 number,uint40 effectiveFrom,uint16 spreadBps)"
)
_WIND_DOWN = (
    "WindDownProposal(uint32 programme,uint40 issuesUntil,uint40 endsAt,uint32 target,uint16 spreadBps)"
)
_BY_BOTH = {
    SignPairTerms: _PAIR, SignBasis: _BASIS, SignConversion: _CONVERSION, SignWindDown: _WIND_DOWN,
}  # fmt: skip
_KEYS = "MerchantKeys(uint64 merchant,address admin,address operations,address settlement,uint32 nonce)"


@dataclass(frozen=True, slots=True)
class CustodialLimits:
    """What a custodial account may spend, in micros of the settlement currency; at most the registry's."""

    per_permit_micros: int = 50_000_000
    per_day_micros: int = 100_000_000


class Vault:
    """Answers requests with keys; safe for any number of threads."""

    def __init__(
        self, keystore: Keystore, journal: Journal, limits: CustodialLimits, now: Callable[[], int] | None
    ) -> None:
        """Take the keys.

        Args:
            keystore: where keys come from.
            journal: what is remembered.
            limits: of custodial permits.
            now: seconds since 1970; None in replay, where permits live on the data's clock (D16).
        """
        self._keystore = keystore
        self._journal = journal
        self._limits = limits
        self._now = now

    def answer(self, requests: Sequence[Request]) -> list[bytes | DomainError]:
        """One answer per request in order: a signature, an address or a secret, or the refusal."""
        refused = self._permits_refused(requests)
        return [refused.get(i) or self._answer_one(request) for i, request in enumerate(requests)]

    def _answer_one(self, request: Request) -> bytes | DomainError:
        try:
            return self._answered(request)
        except DomainError as refusal:
            return refusal

    def _answered(self, request: Request) -> bytes:
        match request:
            case SignSlice():
                struct = slice_struct_hash(request.batch, request.merchant, request.leaves)
                return self._by_merchant(request.merchant, "operations", self._domain().digest(struct))
            case SignSliceBeside():
                return self._slice_beside(request)
            case SignSpendPermit():
                permit = SpendPermit(
                    request.account, request.nonce, request.max_value_micros, request.valid_until
                )
                return self._by_account(request.account, permit.struct_hash())
            case SignSignerGrant():
                grant = SignerGrant(request.account, request.signer, request.flags, request.valid_until)
                return self._by_account(request.account, grant.struct_hash())
            case (
                SignTerms() | SignPairTerms() | SignBasis() | SignConversion() | SignWindDown()
                | SignMerchantKeys()
            ):  # fmt: skip
                return self._by_merchant(request.merchant, "admin", self._registry_digest(request))
            case SignSettlement():
                return self._settlement(request)
            case SignCustodian():
                return self._custodian(request)
            case SignTransaction():
                return self._transaction(request)
            case AddressOfKey():
                return address_of_key(self._keystore.key(_checked_name(request.key)))
            case AddressOfAccount():
                return address_of_key(self._keystore.custodial_key(request.account))
            case ServiceSecret():
                return self._secret(request.purpose)
            case BindDomain():
                self._journal.bind(request)
                return b""

    def _slice_beside(self, request: SignSliceBeside) -> bytes:
        if not self._journal.knows_contract(request.desk):
            raise SigningRefused("target-unknown")
        struct = slice_struct_hash(request.batch, request.merchant, request.leaves)
        domain = Domain(self._bound().chain_id, request.desk, DOMAIN_NAME)
        return self._by_merchant(request.merchant, "operations", domain.digest(struct))

    def _by_merchant(self, merchant: int, purpose: str, digest: bytes) -> bytes:
        name = _checked_name(merchant_key_name(merchant, purpose))
        return sign_digest(self._keystore.key(name), digest)

    def _by_account(self, account: bytes, struct: bytes) -> bytes:
        return sign_digest(self._keystore.custodial_key(account), self._domain().digest(struct))

    def _registry_digest(self, request: SignTerms | AgreedByBoth | SignMerchantKeys) -> bytes:
        if isinstance(request, SignTerms):
            struct = struct_hash(
                _TERMS, request.programme, request.version, request.effective_from,
                request.point_value_micros, request.fee_bps, request.issuance_cap, request.validity_epochs,
            )  # fmt: skip
        elif not isinstance(request, SignMerchantKeys):
            # The fields behind the merchant's are the words of the struct, in its order.
            struct = struct_hash(_BY_BOTH[type(request)], *astuple(request)[1:])
        else:
            struct = struct_hash(
                _KEYS, request.merchant, request.admin, request.operations, request.settlement, request.nonce
            )
        bound = self._bound()
        return Domain(bound.chain_id, bound.registry).digest(struct)

    def _settlement(self, request: SignSettlement) -> bytes:
        if not self._journal.knows_contract(request.desk):
            raise SigningRefused("target-unknown")
        struct = settlement_words.struct_of(request.kind, request.words, request.merchant)
        if struct is None:
            raise SigningRefused("not-the-merchants-word")
        domain = Domain(self._bound().chain_id, request.desk, settlement_words.NAME)
        return self._by_merchant(request.merchant, "settlement", domain.digest(struct))

    def _custodian(self, request: SignCustodian) -> bytes:
        if not self._journal.knows_contract(request.desk):
            raise SigningRefused("target-unknown")
        struct = custodian_struct_hash(request.merchant, request.custodian, request.nonce)
        domain = Domain(self._bound().chain_id, request.desk, RESERVES)
        return self._by_merchant(request.merchant, "admin", domain.digest(struct))

    def _transaction(self, request: SignTransaction) -> bytes:
        if request.key not in SENDING_KEYS:
            raise SigningRefused("not-a-sending-key")
        key = self._keystore.key(request.key)
        try:
            transaction = unsigned_of(request.unsigned)
        except ValueError:
            raise SigningRefused("not-a-transaction") from None
        check_sending(self._journal, request.key, address_of_key(key), transaction)
        return sign_digest(key, transaction.digest())

    def _secret(self, purpose: str) -> bytes:
        if purpose not in SERVICE_SECRETS:
            raise SigningRefused("no-such-secret")
        return self._keystore.secret(purpose)

    def _domain(self) -> Domain:
        return self._bound().domain

    def _bound(self) -> BindDomain:
        bound = self._journal.bound()
        if bound is None:
            raise SigningRefused("not-bound-to-an-alliance")
        return bound

    def _permits_refused(self, requests: Sequence[Request]) -> dict[int, DomainError]:
        # All permits of a message are recorded in one synchronous commit.
        refused: dict[int, DomainError] = {}
        lawful: list[tuple[int, SignSpendPermit]] = []
        for i, request in enumerate(requests):
            if isinstance(request, SignSpendPermit):
                refusal = self._permit_refusal(request)
                if refusal is not None:
                    refused[i] = refusal
                else:
                    lawful.append((i, request))
        if lawful:
            verdicts = self._journal.record([p for _, p in lawful], self._limits.per_day_micros)
            refused.update({i: v for (i, _), v in zip(lawful, verdicts, strict=True) if v is not None})
        return refused

    def _permit_refusal(self, permit: SignSpendPermit) -> DomainError | None:
        if self._journal.bound() is None:
            return SigningRefused("not-bound-to-an-alliance")
        most = self._limits.per_permit_micros
        if permit.max_value_micros > most:
            return CustodialLimitReached("permit", most, permit.max_value_micros)
        if (
            self._now is not None
            and not 0 <= permit.valid_until - self._now() <= LIFE_SECONDS + CLOCK_SKEW_SECONDS
        ):
            return SigningRefused("validity-out-of-range")
        return None


def _checked_name(name: str) -> str:
    if name in SENDING_KEYS:
        return name
    kind, _, rest = name.partition(":")
    gln, _, purpose = rest.partition(":")
    if kind != "merchant" or not is_key(gln, 13) or purpose not in MERCHANT_PURPOSES:
        raise SigningRefused("no-such-key")
    return name
