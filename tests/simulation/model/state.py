"""What stands in the storage of the contracts and in the accounts; a copy is a state of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from ledger_service.kernel.chain_tx import created_address
from ledger_service.kernel.eip712 import Domain

NEVER = 2**40 - 1


@dataclass(frozen=True)
class Site:
    """The network and where the contracts stand; zero bytes before they were created."""

    chain_id: int
    manager: bytes = b""
    points: bytes = b""
    registry: bytes = b""
    house: bytes = b""
    mover: bytes = b""
    desk: bytes = b""
    settlement: bytes = b""
    reserves: bytes = b""
    coupons: bytes = b""
    items: bytes = b""
    campaigns: bytes = b""
    log: bytes = b""

    @cached_property
    def house_domain(self) -> Domain:
        """What permits and slices are signed for."""
        return Domain(self.chain_id, self.house)

    @cached_property
    def registry_domain(self) -> Domain:
        """What terms and keys are signed for."""
        return Domain(self.chain_id, self.registry)


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant of the registry."""

    admin: bytes
    operations: bytes
    settlement: bytes
    nonce: int = 0
    suspended_from: int = NEVER


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme of the registry: its token, issuer, terms by version - 1 and ends of its epochs."""

    token: bytes
    issuer: int
    terms: tuple[tuple[int, int, int, int, int], ...] = ()
    ends: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Signer:
    """A signer of an account; ``active_from`` 0 means unknown."""

    active_from: int = 0
    revoked_at: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """How many signers an account ever had, and what custodial ones spent on the latest two days."""

    signers: int = 0
    day: int = 0
    spent: int = 0
    before: int = 0


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of the desk: whose, within which bounds, and what of its budget was promised, went back and
    was issued."""

    number: int
    owner: int
    programme: int
    depth: int
    begins: int
    ends: int
    budget: int
    promised: int = 0
    returned: int = 0
    issued: int = 0


@dataclass(frozen=True, slots=True)
class Promised:
    """A reward that the desk was told of, and where it stands: promised, issued, or back before or after."""

    campaign: bytes
    account: bytes
    points: int
    role: int
    state: int


@dataclass
class State:
    """Everything; all values are immutable, so that copying the dictionaries is enough."""

    site: Site
    nonces: dict[bytes, int] = field(default_factory=dict)
    function_roles: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    role_delays: dict[tuple[int, bytes], int] = field(default_factory=dict)
    merchants: dict[int, Merchant] = field(default_factory=dict)
    programmes: dict[int, Programme] = field(default_factory=dict)
    limits: tuple[int, int] = (0, 0)
    in_force: bytes = bytes(20)
    last_batch: int = 0
    period: int = 1
    paused_until: int = 0
    pause_allowed_from: int = 0
    roots: dict[int, bytes] = field(default_factory=dict)
    nets: Counter[tuple[int, int]] = field(default_factory=Counter)
    lots: Counter[tuple[bytes, int, int]] = field(default_factory=Counter)
    counters: Counter[tuple[int, int, str]] = field(default_factory=Counter)
    used: dict[tuple[bytes, int], bool] = field(default_factory=dict)
    signers: dict[tuple[bytes, bytes], Signer] = field(default_factory=dict)
    uses: dict[bytes, Use] = field(default_factory=dict)
    series: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    reversed: dict[bytes, int] = field(default_factory=dict)
    # The desk of campaigns, which counts batches of its own.
    campaign_batch: int = 0
    campaign_roots: dict[int, bytes] = field(default_factory=dict)
    campaigns: dict[bytes, Campaign] = field(default_factory=dict)
    rewards: dict[bytes, Promised] = field(default_factory=dict)

    def copy(self) -> State:
        """The same state, independent of this one."""
        made: Any = object.__new__(State)
        for name in _NAMES:
            value = getattr(self, name)
            setattr(made, name, value.copy() if isinstance(value, dict) else value)
        return made  # type: ignore[no-any-return]  # a State, built without its defaults

    def nonce(self, account: bytes) -> int:
        """How many transactions an account has sent."""
        return self.nonces.get(account, 0)

    def create_address(self, creator: bytes) -> bytes:
        """The address of what a contract creates now; its nonce has counted it."""
        nonce = self.nonces[creator]
        self.nonces[creator] = nonce + 1
        return created_address(creator, nonce)


_NAMES = tuple(f.name for f in fields(State))
