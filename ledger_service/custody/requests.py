"""What custody may be asked: one frozen value per kind, each readable, with its form on the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar

from ledger_service.kernel.eip712 import Domain

RELAYER = "relayer"
OPERATOR = "operator"
APPROVER = "approver"
SENDING_KEYS = frozenset({RELAYER, OPERATOR, APPROVER})
MERCHANT_PURPOSES = frozenset({"admin", "operations", "settlement"})
SERVICE_SECRETS = frozenset({"identity", "one-time", "receipt", "cursor"})


def merchant_key_name(merchant: int, purpose: str) -> str:
    """The name of a merchant's key: ``merchant:<GLN>:admin|operations|settlement``.

    Raises:
        ValueError: another purpose.
    """
    if purpose not in MERCHANT_PURPOSES:
        raise ValueError(purpose)
    return f"merchant:{merchant:013d}:{purpose}"


@dataclass(frozen=True, slots=True)
class SignSlice:
    """A merchant's slice of one batch, signed by its operations key (D2)."""

    wire: ClassVar[str] = "slice"
    batch: int
    merchant: int
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignSliceBeside:
    """A merchant's slice of one batch for a contract beside the ClearingHouse, by its operations key (D2)."""

    wire: ClassVar[str] = "slice-beside"
    desk: bytes
    batch: int
    merchant: int
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignSpendPermit:
    """A custodial member's spend permit, counted against the limits of D1."""

    wire: ClassVar[str] = "spend-permit"
    account: bytes
    nonce: int
    max_value_micros: int
    valid_until: int


@dataclass(frozen=True, slots=True)
class SignSignerGrant:
    """The custodial key's leave for a further signer of its account."""

    wire: ClassVar[str] = "signer-grant"
    account: bytes
    signer: bytes
    flags: int
    valid_until: int


@dataclass(frozen=True, slots=True)
class SignTerms:
    """The next version of a programme's terms, signed by the issuer's admin key."""

    wire: ClassVar[str] = "terms"
    merchant: int
    programme: int
    version: int
    effective_from: int
    point_value_micros: int
    fee_bps: int
    issuance_cap: int
    validity_epochs: int


@dataclass(frozen=True, slots=True)
class SignPairTerms:
    """The next terms of a pair, signed by one of the two admin keys; ``previous`` as the registry tells."""

    wire: ClassVar[str] = "pair-terms"
    merchant: int
    programme: int
    acceptor: int
    previous: int
    effective_from: int
    point_value_micros: int
    fee_bps: int


@dataclass(frozen=True, slots=True)
class SignBasis:
    """The next basis of a programme's settlement, signed by the admin key of issuer or pool."""

    wire: ClassVar[str] = "basis"
    merchant: int
    programme: int
    number: int
    effective_from: int
    kind: int
    reserve_bps: int
    pool: int


@dataclass(frozen=True, slots=True)
class SignConversion:
    """The next conversion terms of two programmes, signed by the admin key of one of their issuers."""

    wire: ClassVar[str] = "conversion"
    merchant: int
    programme: int
    target: int
    number: int
    effective_from: int
    spread_bps: int


@dataclass(frozen=True, slots=True)
class SignWindDown:
    """The end of a programme, signed by the admin key of its issuer or of the target's."""

    wire: ClassVar[str] = "wind-down"
    merchant: int
    programme: int
    issues_until: int
    ends_at: int
    target: int
    spread_bps: int


@dataclass(frozen=True, slots=True)
class SignMerchantKeys:
    """A merchant's next three keys, signed by its admin key in force; ``nonce`` as the registry tells."""

    wire: ClassVar[str] = "merchant-keys"
    merchant: int
    admin: bytes
    operations: bytes
    settlement: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class SignSettlement:
    """A merchant's word on a closed period, signed by its settlement key for the desk of its alliance.

    ``kind`` is confirmation, dispute or resolution; ``words`` are that struct's members, 32 bytes each.
    """

    wire: ClassVar[str] = "settlement"
    merchant: int
    desk: bytes
    kind: str
    words: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignCustodian:
    """Who holds a merchant's reserve, signed by its admin key for the desk of its alliance."""

    wire: ClassVar[str] = "custodian"
    merchant: int
    desk: bytes
    custodian: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class SignTransaction:
    """A chain transaction of the relayer's or the operator's key, as ``Unsigned.encoded`` wrote it."""

    wire: ClassVar[str] = "transaction"
    key: str
    unsigned: bytes


@dataclass(frozen=True, slots=True)
class AddressOfKey:
    """The address of a named key: ``relayer``, ``operator`` or ``merchant:<GLN>:<purpose>``."""

    wire: ClassVar[str] = "address"
    key: str


@dataclass(frozen=True, slots=True)
class AddressOfAccount:
    """The address of the custodial key of an account."""

    wire: ClassVar[str] = "custodial-address"
    account: bytes


@dataclass(frozen=True, slots=True)
class ServiceSecret:
    """32 secret bytes that the service itself needs, for one of the purposes in SERVICE_SECRETS."""

    wire: ClassVar[str] = "service-secret"
    purpose: str


@dataclass(frozen=True, slots=True)
class BindDomain:
    """From now on custody signs for this alliance only; the registry signs terms in its own domain."""

    wire: ClassVar[str] = "bind"
    chain_id: int
    clearing_house: bytes
    registry: bytes

    @property
    def domain(self) -> Domain:
        """The domain of slices and permits."""
        return Domain(self.chain_id, self.clearing_house)


AgreedByBoth = SignPairTerms | SignBasis | SignConversion | SignWindDown
Request = (
    SignSlice | SignSliceBeside | SignSpendPermit | SignSignerGrant | SignTerms | AgreedByBoth
    | SignMerchantKeys | SignSettlement | SignCustodian | SignTransaction | AddressOfKey | AddressOfAccount
    | ServiceSecret | BindDomain
)  # fmt: skip
_KINDS: tuple[type[Request], ...] = (
    SignSlice, SignSliceBeside, SignSpendPermit, SignSignerGrant, SignTerms, SignPairTerms, SignBasis,
    SignConversion, SignWindDown, SignMerchantKeys, SignSettlement, SignCustodian, SignTransaction,
    AddressOfKey, AddressOfAccount, ServiceSecret, BindDomain,
)  # fmt: skip
_BY_WIRE = {kind.wire: kind for kind in _KINDS}
_ADDRESSES = ("account", "signer", "clearing_house", "registry", "admin", "operations", "settlement", "desk",
              "custodian")  # fmt: skip
_WIDTH = {**dict.fromkeys(_ADDRESSES, 20), "unsigned": None}


def request_to_wire(request: Request) -> list[object]:
    """The request as a JSON list: its kind, then its fields in order; bytes as hex."""
    out: list[object] = [request.wire]
    for field in fields(request):
        value = getattr(request, field.name)
        if isinstance(value, bytes):
            value = value.hex()
        elif isinstance(value, tuple):
            value = [item.hex() for item in value]
        out.append(value)
    return out


def request_of_wire(raw: object) -> Request:
    """The request that ``request_to_wire`` wrote; its fields have their types and widths.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(raw, list) or not raw or not isinstance(raw[0], str) or raw[0] not in _BY_WIRE:
        raise ValueError("no such request")
    kind: Callable[..., Request] = _BY_WIRE[raw[0]]
    columns = fields(_BY_WIRE[raw[0]])
    if len(columns) != len(raw) - 1:
        raise ValueError("another number of fields")
    return kind(*(_typed(f.name, str(f.type), v) for f, v in zip(columns, raw[1:], strict=True)))


def _typed(name: str, type_: str, value: object) -> object:
    if type_ == "int":
        if type(value) is not int or not 0 <= value < 2**64:
            raise ValueError(f"{name} is no unsigned 64-bit integer")
        return value
    if type_ == "str":
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text")
        return value
    if type_ == "bytes":
        return _bytes(name, value, _WIDTH[name])
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")
    return tuple(_bytes(name, item, 32) for item in value)


def _bytes(name: str, value: object, width: int | None) -> bytes:
    if not isinstance(value, str) or (width is not None and len(value) != 2 * width):
        raise ValueError(f"{name} has another width")
    return bytes.fromhex(value)
