"""A member whose signer is a contract (ERC-1271)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ledger_service.kernel.operations import Gift, Redeem
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.parties import DEPLOYER, STRANGER, Member

_CODE = json.loads((Path(__file__).parent / "artifacts" / "ContractSigner.json").read_text())["bytecode"]


@dataclass(frozen=True)
class ContractAccount:
    member: Member
    address: bytes

    @staticmethod
    def deployed(alliance: Alliance) -> ContractAccount:
        return ContractAccount(Member.numbered(80), alliance.evm.create(DEPLOYER, bytes.fromhex(_CODE[2:])))

    def approve(self, alliance: Alliance, digest: bytes) -> None:
        alliance.evm.send(STRANGER, self.address, keccak256(b"approve(bytes32)")[:4] + digest)

    def set_mood(self, alliance: Alliance, mood: int) -> None:
        alliance.evm.send(STRANGER, self.address, keccak256(b"setMood(uint8)")[:4] + mood.to_bytes(32, "big"))

    def redeem(self, alliance: Alliance, legs: Sequence[Leg]) -> Redeem:
        plain = alliance.redeem(self.member, alliance.merchants[1], legs, flags=2)
        return replace(plain, signature=self.address + b"any")

    def gift(self, alliance: Alliance, recipient: bytes, legs: Sequence[Leg]) -> Gift:
        return replace(alliance.gift(self.member, recipient, legs), signature=self.address)
