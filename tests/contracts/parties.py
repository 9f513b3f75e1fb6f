"""Merchants, members, role holders and the numbers of the alliance that the tests start from."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.artifacts import access, load
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.secp256k1 import address_of_key, keccak256

T0 = 1_700_000_000
DAY = 86_400
EPOCH_ENDS = tuple(T0 + 30 * DAY * k for k in range(1, 13))
NEVER = 2**40 - 1
POINT_VALUES = (10_000, 5_000, 333)
FEE_BPS = 150
CAP = 10**12
PER_PERMIT, PER_DAY = 50_000_000, 80_000_000
REGISTRY, POINTS, HOUSE, MANAGER = (
    load("AllianceRegistry"), load("AlliancePoints"), load("ClearingHouse"), load("AccessManager"),
)  # fmt: skip
DESK, MOVER, SETTLEMENT = load("RecoveryDesk"), load("AccountMover"), load("SettlementDesk")
RESERVE = load("ReserveDesk")
COUPONS = load("AllianceCoupons")
ITEMS, LOG = load("ItemRegistry"), load("TransparencyLog")
CAMPAIGNS = load("CampaignDesk")
CENT = 10_000
FIGURE_LIFE = 10 * DAY
NOTICE = 7 * DAY
SLICE_KINDS = (Kind.ISSUE, Kind.RESTORE, Kind.GIFT, Kind.REDEEM, Kind.CLAWBACK, Kind.EXPIRE)


def role_address(name: str) -> bytes:
    """A plain address that stands for a role holder or another caller."""
    return keccak256(name.encode())[12:]


DEPLOYER, ADMIN, OPERATOR, RELAYER, GUARDIAN, APPROVER, STRANGER = (
    role_address(n) for n in ("deployer", "admin", "operator", "relayer", "guardian", "approver", "stranger")
)
RESERVES = role_address("reserves")  # beside the desk, which is a contract
ROLE_HOLDERS = {
    access.Role.ADMIN: ADMIN, access.Role.OPERATOR: OPERATOR,
    access.Role.RELAYER: RELAYER, access.Role.GUARDIAN: GUARDIAN, access.Role.APPROVER: APPROVER,
    access.Role.RESERVES: RESERVES,
}  # fmt: skip


def gln_of(number: int) -> int:
    """A 13-digit GLN with its check digit."""
    body = f"9506000{number:05d}"
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(body)))
    return int(body + str(-total % 10))


@dataclass(frozen=True)
class Merchant:
    gln: int
    admin: bytes
    operations: bytes
    settlement: bytes

    @staticmethod
    def numbered(number: int) -> Merchant:
        admin, operations, settlement = (
            keccak256(f"{part}{number}".encode()) for part in ("adm", "ops", "set")
        )
        return Merchant(gln_of(number), admin, operations, settlement)

    def addresses(self) -> tuple[bytes, bytes, bytes]:
        return address_of_key(self.admin), address_of_key(self.operations), address_of_key(self.settlement)


@dataclass(frozen=True)
class Member:
    account: bytes
    key: bytes

    @staticmethod
    def numbered(number: int) -> Member:
        return Member(keccak256(f"account{number}".encode())[12:], keccak256(f"device{number}".encode()))

    @property
    def signer(self) -> bytes:
        return address_of_key(self.key)
