"""Signed transactions, decoded strictly: legacy (EIP-155), access list (EIP-2930), dynamic fee (EIP-1559)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from coincurve import PublicKey
from rlp.exceptions import DecodingError

from ledger_service.chain.node.codec import keccak, rlp_int, rlp_list, rlp_string
from ledger_service.chain.node.errors import Refused

LEGACY, ACCESS_LIST, DYNAMIC_FEE = 0, 1, 2
MAX_TRANSACTION_GAS = 16_777_216
MAX_RAW_BYTES = 131_072 * 4
MAX_INITCODE_BYTES = 49_152

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_FIELDS = {LEGACY: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12}
AccessList = tuple[tuple[bytes, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction with its sender recovered. Fees in wei per gas; `to` is empty for a creation."""

    type_id: int
    chain_id: int | None
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas: int
    to: bytes
    value: int
    data: bytes
    access_list: AccessList
    v: int
    r: int
    s: int
    sender: bytes
    hash: bytes
    raw: bytes

    @property
    def gas_price(self) -> int:
        """What each gas costs when the base fee is zero: the tip, at most the cap."""
        return min(self.max_fee_per_gas, self.max_priority_fee_per_gas)

    @property
    def intrinsic_gas(self) -> int:
        """Gas taken before execution, without the initcode words (execution charges those)."""
        zeros = self.data.count(0)
        slots = sum(len(keys) for _, keys in self.access_list)
        creation = 0 if self.to else 32_000
        calldata = 4 * zeros + 16 * (len(self.data) - zeros)
        return 21_000 + creation + calldata + 2_400 * len(self.access_list) + 1_900 * slots

    @property
    def least_gas(self) -> int:
        """The smallest gas limit a valid transaction can have (intrinsic, initcode words, EIP-7623 floor)."""
        zeros = self.data.count(0)
        floor = 21_000 + 10 * (zeros + 4 * (len(self.data) - zeros))
        initcode = 0 if self.to else 2 * ((len(self.data) + 31) // 32)
        return max(self.intrinsic_gas + initcode, floor)


def decode_transaction(raw: bytes, chain_id: int) -> Transaction:
    """The transaction in these bytes, its signature checked against the chain id.

    Raises:
        Refused: malformed, of an unsupported type, for another chain, unprotected, or badly signed.
    """
    if len(raw) > MAX_RAW_BYTES:
        raise Refused("oversized", f"oversized data: transaction size {len(raw)}, limit {MAX_RAW_BYTES}")
    kind = raw[0] if raw and raw[0] < 0x80 else LEGACY
    if kind not in _FIELDS or (raw and raw[0] == LEGACY):
        raise Refused("type_not_supported", "transaction type not supported")
    try:
        fields = rlp.decode(raw[1:] if kind else raw, strict=True)
    except DecodingError as error:
        raise Refused("malformed", "rlp: the transaction cannot be decoded") from error
    if not isinstance(fields, list) or len(fields) != _FIELDS[kind]:
        raise Refused("malformed", "rlp: wrong number of transaction fields")
    return _typed(raw, fields, kind, chain_id) if kind else _legacy(raw, fields, chain_id)


def _legacy(raw: bytes, fields: list[Any], chain_id: int) -> Transaction:
    nonce, price, gas, to, value, data, v, r, s = fields
    parity = _integer(v) - (chain_id * 2 + 35)
    if parity not in (0, 1):
        reason = "unprotected" if _integer(v) in (27, 28) else "wrong_chain"
        raise Refused(reason, f"invalid chain id for signer: this chain is {chain_id} (EIP-155 required)")
    body = rlp.encode([nonce, price, gas, to, value, data, chain_id, b"", b""])
    sender = _recover(body, parity, _integer(r), _integer(s))
    return Transaction(
        LEGACY, chain_id, _integer(nonce, 8), _integer(price), _integer(price), _integer(gas, 8),
        _address(to), _integer(value), _data(data), (), _integer(v), _integer(r), _integer(s), sender,
        keccak(raw), raw,
    )  # fmt: skip


def _typed(raw: bytes, fields: list[Any], kind: int, chain_id: int) -> Transaction:
    body = raw[:1] + rlp.encode(fields[:-3])
    if kind == ACCESS_LIST:
        fields = [*fields[:2], fields[2], *fields[2:]]
    chain, nonce, tip, cap, gas, to, value, data, access, parity, r, s = fields
    if _integer(chain) != chain_id:
        raise Refused("wrong_chain", f"invalid chain id for signer: have {_integer(chain)}, want {chain_id}")
    if _integer(parity) not in (0, 1):
        raise Refused("invalid_signature", "invalid transaction v, r, s values")
    sender = _recover(body, _integer(parity), _integer(r), _integer(s))
    return Transaction(
        kind, chain_id, _integer(nonce, 8), _integer(tip), _integer(cap), _integer(gas, 8), _address(to),
        _integer(value), _data(data), _access_list(access), _integer(parity), _integer(r), _integer(s),
        sender, keccak(raw), raw,
    )  # fmt: skip


def _integer(field: Any, width: int = 32) -> int:
    if not isinstance(field, bytes) or len(field) > width or field[:1] == b"\0":
        raise Refused("malformed", "rlp: a number is out of range or has leading zeros")
    return int.from_bytes(field, "big")


def _data(field: Any) -> bytes:
    if not isinstance(field, bytes):
        raise Refused("malformed", "rlp: expected bytes")
    return field


def _address(field: Any) -> bytes:
    if not isinstance(field, bytes) or len(field) not in (0, 20):
        raise Refused("malformed", "rlp: an address has 20 bytes")
    return field


def _access_list(field: Any) -> AccessList:
    entries = []
    for entry in field if isinstance(field, list) else [None]:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
            raise Refused("malformed", "rlp: malformed access list")
        address, keys = _address(entry[0]), entry[1]
        if not address or any(not isinstance(key, bytes) or len(key) != 32 for key in keys):
            raise Refused("malformed", "rlp: malformed access list")
        entries.append((address, tuple(int.from_bytes(key, "big") for key in keys)))
    return tuple(entries)


def _recover(body: bytes, parity: int, r: int, s: int) -> bytes:
    if not 0 < s <= _HALF_ORDER or not 0 < r < 1 << 256:
        raise Refused("invalid_signature", "invalid transaction v, r, s values")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((parity,))
    try:
        public = PublicKey.from_signature_and_message(signature, keccak(body), hasher=None)
    except ValueError as error:
        raise Refused("invalid_signature", "invalid transaction v, r, s values") from error
    return keccak(public.format(compressed=False)[1:])[12:]


def effective_gas_price(transaction: Transaction, base_fee: int = 0) -> int:
    """Wei per gas that the sender pays."""
    return min(transaction.max_fee_per_gas, base_fee + transaction.max_priority_fee_per_gas)


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Address of the contract that this sender creates with this nonce."""
    return keccak(rlp_list(rlp_string(sender) + rlp_int(nonce)))[12:]
