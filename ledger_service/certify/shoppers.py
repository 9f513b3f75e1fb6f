"""Members of the sandbox, each with a phone that signs pay codes, good and bad ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.certify.sandbox import Sandbox
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.paycode import LIFE_SECONDS, encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SignerGrant, SpendPermit, nonce_of
from ledger_service.kernel.secp256k1 import address_of_key, address_text, keccak256, sign_digest

_PROOF_SECONDS = 3_600
MICROS_PER_MINOR = 10_000


@dataclass
class Shopper:
    """A member and its phone."""

    sandbox: Sandbox
    key: bytes
    number: str
    account: bytes
    lane: int
    counter: int = 0
    codes: list[str] = field(default_factory=list)

    def pay_code(self, at: datetime, most_minor: int = 100_000, key: bytes | None = None) -> str:
        """A fresh code that is good for a minute from ``at``; signed by a stranger where ``key`` says so."""
        permit = SpendPermit(
            self.account,
            nonce_of(self.lane, self.counter),
            most_minor * MICROS_PER_MINOR,
            seconds_floor(at) + LIFE_SECONDS,
        )
        self.counter += 1
        code = encode_pay_code(sign_pay_code(key or self.key, self.sandbox.domain, permit))
        self.codes.append(code)
        return code

    def points(self) -> tuple[int, int]:
        """(available, held) over all programmes and epochs."""
        path = f"/v1/members/{self.number}/balance"
        rows = self.sandbox.office.get(self.sandbox.operator_key, path)["balances"]
        return sum(row["available"] for row in rows), sum(row["held"] for row in rows)

    def freeze(self, frozen: bool) -> None:
        """An operator freezes or thaws the member."""
        body = {"frozen": frozen}
        self.sandbox.office.post(self.sandbox.operator_key, f"/v1/members/{self.number}/freeze", body)


def enrol(sandbox: Sandbox, name: str, at: datetime) -> Shopper:
    """A new member with a phone of its own."""
    key = keccak256(f"{sandbox.office.run}|{name}".encode())
    body = {"custody": "device", "device": new_device(sandbox, key, at)}
    member = sandbox.office.post(sandbox.operator_key, "/v1/members", body)
    account = bytes.fromhex(member["account"][2:])
    return Shopper(sandbox, key, member["number"], account, member["devices"][0]["lane"])


def enrol_without_phone(sandbox: Sandbox, name: str) -> tuple[Shopper, str]:
    """A new member whose key is in custody, and its telephone number; its own phone signs nothing."""
    key = keccak256(f"{sandbox.office.run}|{name}".encode())
    phone = f"+886912{int.from_bytes(key[:4], 'big') % 10**6:06d}"
    body = {"custody": "custodial", "identities": [{"kind": "phone", "value": phone}]}
    member = sandbox.office.post(sandbox.operator_key, "/v1/members", body)
    return Shopper(sandbox, key, member["number"], bytes.fromhex(member["account"][2:]), 0), phone


def new_device(
    sandbox: Sandbox, key: bytes, at: datetime, *, account: bytes = bytes(20), by: bytes | None = None
) -> dict[str, Any]:
    """A phone's key with its own proof, and the word of a key of the account where there is one."""
    until = seconds_floor(at) + _PROOF_SECONDS
    digest = sandbox.domain.digest(SignerGrant(account, address_of_key(key), 0, until).struct_hash())
    device = {
        "signer": address_text(address_of_key(key)), "valid_until": until,
        "proof": "0x" + sign_digest(key, digest).hex(),
    }  # fmt: skip
    return device | ({} if by is None else {"authorisation": "0x" + sign_digest(by, digest).hex()})
