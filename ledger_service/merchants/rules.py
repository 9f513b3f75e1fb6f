"""Pure rules of the merchants room: roles and their scopes, the form of an API key, who a caller is."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from ledger_service.merchants.errors import AnotherOperator, GrantTooWide, RoleUnfit, ScopeMissing


class TerminalKind(StrEnum):
    """What a terminal is: at a self-checkout nobody stands who answers for what is done there."""

    TILL = "till"
    SELF_CHECKOUT = "self_checkout"


_TOKEN = re.compile(r"alk_([0-9a-f]{16})_([0-9a-f]{64})")
KEY_ID_BYTES = 8
SECRET_BYTES = 32

_CASHIER = frozenset(
    {"quote", "sell", "authorise", "refund", "pay-code", "member:identify", "programme:read"}
)
# No member:read: a statement shows where a member shops, rivals of the merchant included (D15).
_MERCHANT = _CASHIER | {
    "member:enrol", "sale:read", "store:write", "key:write", "terminal:write", "trace:read", "trace:write",
    # The PINs under the covers: whoever has them can claim the items.
    "label:print",
}  # fmt: skip
_AUDITOR = frozenset(
    {"audit:read", "member:read", "merchant:read", "programme:read", "sale:read", "trace:read"}
)
_OPERATOR = _MERCHANT | _AUDITOR | {"member:write", "merchant:write", "programme:write", "operate"}
_MEMBER = frozenset({"self:read", "self:write", "programme:read"})

ROLE_SCOPES: dict[str, frozenset[str]] = {
    "member": _MEMBER,
    "cashier": _CASHIER,
    "merchant": _MERCHANT,
    "auditor": _AUDITOR,
    "operator": _OPERATOR,
}
SUBJECT_OF_ROLE = {
    "member": "member",
    "cashier": "terminal",
    "merchant": "merchant",
    "auditor": "auditor",
    "operator": "operator",
}
# Whose keys a role may give out: nobody's where nothing is said.
ROLES_GIVEN_BY: dict[str, frozenset[str]] = {
    "merchant": frozenset({"merchant", "cashier"}),
    "operator": frozenset(ROLE_SCOPES),
}
# A right over every member includes the one that a member has over itself.
_INCLUDED_IN = {"self:read": "member:read", "self:write": "member:write"}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: the subject of a key in force, with what the key may do and whose business it may touch.

    ``subject_id`` outlives rotation; ``merchant_id`` is None for members, auditors and operators,
    ``store_gln`` is set for terminals alone, ``member_id`` for members alone; ``suspended`` tells that
    the merchant behind the key is suspended. ``points_most_minor`` is what a self-checkout may take in points
    in one sale, None for a till; whatever a terminal in ``training`` does has no effect.
    """

    key_id: str
    subject_kind: str
    subject_id: str
    role: str
    scopes: frozenset[str]
    merchant_id: int | None = None
    store_gln: int | None = None
    till_key: bytes | None = None
    suspended: bool = False
    expires_at: datetime | None = field(default=None, compare=False)
    points_most_minor: int | None = None
    training: bool = False

    @property
    def subject(self) -> str:
        """Kind and id in one text: the scope of idempotency keys."""
        return f"{self.subject_kind}:{self.subject_id}"

    @property
    def terminal_id(self) -> str | None:
        """The terminal behind a cashier's key."""
        return self.subject_id if self.subject_kind == "terminal" else None

    @property
    def member_id(self) -> int | None:
        """The member behind a member's key."""
        return int(self.subject_id) if self.subject_kind == "member" else None

    def require(self, scope: str) -> None:
        """The key carries the scope.

        Raises:
            ScopeMissing: it does not.
        """
        if scope not in self.scopes:
            raise ScopeMissing(scope)


@dataclass(frozen=True, slots=True)
class Token:
    """A presented API key, taken apart; the secret stays in its hash."""

    key_id: str
    secret_hash: bytes


def format_token(key_id: str, secret: bytes) -> str:
    """``alk_<16 hex digits>_<64 hex digits>``: the one time that a secret is written out."""
    return f"alk_{key_id}_{secret.hex()}"


def hash_secret(secret: bytes) -> bytes:
    """SHA-256 of a secret; plain, since 256 random bits cannot be guessed."""
    return sha256(secret).digest()


def parse_token(text: str) -> Token | None:
    """The parts of an API key, or None for text that no key of ours has."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    return Token(match[1], hash_secret(bytes.fromhex(match[2])))


def same_secret(presented: bytes, stored: bytes) -> bool:
    """Whether two secret hashes are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(presented, stored)


def scopes_for(role: str, wanted: frozenset[str] | None) -> frozenset[str]:
    """The scopes of a new key: all of the role's, or the part that was asked for.

    Raises:
        RoleUnfit: no such role, or it lacks a wanted scope.
    """
    given = ROLE_SCOPES.get(role)
    if given is None or (wanted is not None and not (wanted and wanted <= given)):
        raise RoleUnfit(role)
    return given if wanted is None else wanted


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key would give to whom: a role's scopes, at one merchant or none, until an instant or for good.

    ``subject_id`` is meant as in ``Principal``.
    """

    role: str
    subject_id: str
    merchant_id: int | None
    scopes: frozenset[str]
    expires_at: datetime | None


def check_grant(giver: Principal, grant: Grant) -> None:
    """The giver has itself whatever it gives away: the right to give, role, reach, every scope, the time.

    Raises:
        ScopeMissing: the giver may issue no keys.
        AnotherOperator: whoever holds the keys of two operators would approve what it asked for (D18).
        GrantTooWide: naming the first part that the giver does not have.
    """
    giver.require("key:write")
    if grant.role not in ROLES_GIVEN_BY.get(giver.role, frozenset()):
        raise GrantTooWide("role")
    if giver.merchant_id is not None and grant.merchant_id != giver.merchant_id:
        raise GrantTooWide("subject")
    if grant.role == "operator" and grant.subject_id != giver.subject_id:
        raise AnotherOperator
    for scope in sorted(grant.scopes):
        if scope not in giver.scopes and _INCLUDED_IN.get(scope) not in giver.scopes:
            raise GrantTooWide(scope)
    if giver.expires_at is not None and (grant.expires_at is None or grant.expires_at > giver.expires_at):
        raise GrantTooWide("expires_at")
