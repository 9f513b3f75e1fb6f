"""What a witness signs: a head of one chain, what was checked up to it, when; read strictly, by lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.secp256k1 import SigningKey, address_text, recover_address

EXECUTED, LINKED = "executed", "linked"
NAME = "Alliance Witness"
_TYPE = (
    "WitnessedHead(bytes32 genesis,uint256 number,bytes32 block,bytes32 stateRoot,uint256 lastBatch,"
    "bytes32 batchRoot,bool executed,uint256 since,uint256 signedAt)"
)
_GREATEST = 2**63 - 1
_MOST_BYTES = 64 * 1024 * 1024
_SIZES = {"genesis_hash": 32, "block_hash": 32, "state_root": 32, "batch_root": 32, "clearing_house": 20}
_NUMBERS = ("chain_id", "block_number", "last_batch", "since", "signed_at")


@dataclass(frozen=True, slots=True)
class Head:
    """A head as a witness has checked it.

    ``checks`` is executed (every transaction since block zero was executed anew) or linked (each header is
    that of its hash and names its parent). ``since`` is the block after which this run looked. ``last_batch``
    and ``batch_root`` are what ``clearing_house`` answers there; zero where no house was named.
    """

    chain_id: int
    genesis_hash: bytes
    block_number: int
    block_hash: bytes
    state_root: bytes
    checks: str
    since: int
    clearing_house: bytes = bytes(20)
    last_batch: int = 0
    batch_root: bytes = bytes(32)

    def digest(self, signed_at: int) -> bytes:
        """What is signed (EIP-712, in the domain of the house under the name of witnesses)."""
        struct = struct_hash(
            _TYPE, self.genesis_hash, self.block_number, self.block_hash, self.state_root, self.last_batch,
            self.batch_root, int(self.checks == EXECUTED), self.since, signed_at,
        )  # fmt: skip
        return Domain(self.chain_id, self.clearing_house, NAME).digest(struct)


@dataclass(frozen=True, slots=True)
class Statement:
    """A head with the signature under it; ``signed_at`` in unix seconds by the witness's clock."""

    head: Head
    signed_at: int
    witness: bytes
    signature: bytes

    def line(self) -> bytes:
        """The statement as one line of JSON."""
        values = asdict(self.head) | {"signed_at": self.signed_at, "signature": self.signature}
        told = {name: "0x" + v.hex() if isinstance(v, bytes) else v for name, v in values.items()}
        return (
            orjson.dumps(told | {"witness": address_text(self.witness)}, option=orjson.OPT_SORT_KEYS) + b"\n"
        )


def signed(head: Head, key: SigningKey, witness: bytes, at: int) -> Statement:
    """The statement of the key's owner that it has checked this head."""
    return Statement(head, at, witness, key.sign(head.digest(at)))


def read_statements(path: Path) -> list[Statement]:
    """The statements of a file, one a line, in its order.

    Raises:
        MalformedField: a line that is none, or whose signature is not its witness's; named by file and line.
        OSError: the file cannot be read.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise MalformedField(path.name, f"must have at most {_MOST_BYTES} bytes")
    lines = path.read_bytes().splitlines()
    return [_statement(line, f"{path.name}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _statement(line: bytes, where: str) -> Statement:
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise MalformedField(where, "must be a JSON object") from None
    names = {f.name for f in fields(Head)} | {"signed_at", "signature", "witness"}
    if not isinstance(body, dict) or body.keys() != names:
        raise MalformedField(where, "must have exactly the members of a statement")
    if body["checks"] not in (EXECUTED, LINKED):
        raise MalformedField(f"{where} checks", "must be executed or linked")
    values = {name: _number(body, name, where) for name in _NUMBERS}
    raw = {name: _bytes(body, name, size, where) for name, size in _SIZES.items()}
    signed_at = values.pop("signed_at")
    head = Head(checks=body["checks"], **values, **raw)  # type: ignore[arg-type]
    witness, signature = _bytes(body, "witness", 20, where), _bytes(body, "signature", 65, where)
    if head.since > head.block_number:
        raise MalformedField(f"{where} since", "must not be above block_number")
    if recover_address(head.digest(signed_at), signature) != witness:
        raise MalformedField(f"{where} signature", "must be the witness's own of exactly this")
    return Statement(head, signed_at, witness, signature)


def _number(body: Mapping[str, Any], name: str, where: str) -> int:
    value = body[name]
    if type(value) is not int or not 0 <= value <= _GREATEST:
        raise MalformedField(f"{where} {name}", "must be a whole number from 0 to 2^63-1")
    return value


def _bytes(body: Mapping[str, Any], name: str, size: int, where: str) -> bytes:
    value = body[name]
    if not isinstance(value, str) or not re.fullmatch(f"0x[0-9a-fA-F]{{{2 * size}}}", value):
        raise MalformedField(f"{where} {name}", f"must be 0x and {2 * size} hex digits")
    return bytes.fromhex(value[2:])
