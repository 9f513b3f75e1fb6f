"""Enrolling members, one or hundreds at a time, with a constant number of statements.

``prepare`` does what must not happen inside a unit of work (random salts, asking the signing
process for addresses, recovering signatures); ``enrol`` only writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from ledger_service.db.bulk import Cells, sql_of
from ledger_service.db.send import send
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import IdSource
from ledger_service.kernel.permits import FLAG_CUSTODIAL, SignerGrant
from ledger_service.kernel.text import clean_text
from ledger_service.ledger.models import account as ledger_account
from ledger_service.ledger.rules import Part, ledger_base_of
from ledger_service.members import rules
from ledger_service.members.device_rows import FreshDevice, device_rows, signer_intent, view_of
from ledger_service.members.errors import IdentityTaken
from ledger_service.members.identities import IdentityVault
from ledger_service.members.models import device, member, member_identity
from ledger_service.members.numbers import take_ids
from ledger_service.members.ports import CustodialKeys
from ledger_service.members.requests import (
    CUSTODY_CUSTODIAL,
    CUSTODY_DEVICE,
    DeviceView,
    Enrolled,
    EnrolMember,
)
from ledger_service.outbox.service import enqueue_now

MOST_AT_ONCE = 1_000
_LONGEST_NAME = 200
_LONGEST_LABEL = 64
_MEMBER = (
    "member_id", "member_number", "account", "salt", "display_name", "status", "custody", "ledger_base",
    "created_at", "erased_at", "frozen_at", "birthday", "household", "enrolled_by",
)  # fmt: skip
# Sorted by what is unique, in which order two enrolments that race must insert.
_IDENTITY = ("kind", "value_hash", "member_id", "value_sealed", "created_at")
_KINDS = [(int(part), part.name.lower()) for part in Part]


@dataclass(frozen=True, slots=True)
class SealedIdentity:
    """An identity ready to be stored: found by its hash, read by who can open it."""

    kind: str
    value_hash: bytes
    value_sealed: bytes


@dataclass(frozen=True, slots=True)
class PreparedMember:
    """A checked enrolment with its salt, its account and its first signer, if it brings one."""

    name: str | None
    custody: str
    salt: bytes
    account: bytes
    first: FreshDevice | None
    identities: tuple[SealedIdentity, ...]
    household: bool | None = None
    enrolled_by: int | None = None


class _Made(NamedTuple):
    salt: bytes
    account: bytes
    custodial: bytes | None
    hashes: Sequence[bytes] | None


@dataclass(frozen=True, slots=True)
class EnrolmentDesk:
    """What preparing enrolments needs: randomness, the identity secret, custodial keys, the alliance."""

    ids: IdSource
    vault: IdentityVault
    custody: CustodialKeys
    domain: Domain

    def prepare(
        self, requests: Sequence[EnrolMember], at: datetime, hashes: Sequence[Sequence[bytes]] | None = None
    ) -> list[PreparedMember]:
        """The enrolments, checked and complete but for their numbers.

        Args:
            requests: 1 to ``MOST_AT_ONCE`` of them.
            at: the instant of the enrolment.
            hashes: of each request's identities in their order, by this vault, where somebody has asked for
                them already.

        Raises:
            MalformedField: a name, label, custody or number of requests that does not fit.
            IdentityTaken: two of the requests share an identity.
            DeviceProofInvalid: a first device that does not prove its key.
            SignerUnavailable: custodial members are asked for and custody does not answer.
        """
        if not 1 <= len(requests) <= MOST_AT_ONCE:
            raise MalformedField("members", f"must be 1 to {MOST_AT_ONCE} members")
        salts = [self.ids.random_bytes(32) for _ in requests]
        accounts = [rules.account_of(salt) for salt in salts]
        wanted = [a for a, r in zip(accounts, requests, strict=True) if r.custody == CUSTODY_CUSTODIAL]
        custodial = dict(zip(wanted, self.custody.custodial_addresses(wanted) if wanted else [], strict=True))
        known = [None] * len(requests) if hashes is None else hashes
        prepared = [
            self._one(request, _Made(salt, account, custodial.get(account), found), at)
            for request, salt, account, found in zip(requests, salts, accounts, known, strict=True)
        ]
        _refuse_doubles(prepared)
        return prepared

    def _one(self, request: EnrolMember, made: _Made, at: datetime) -> PreparedMember:
        if request.custody not in (CUSTODY_DEVICE, CUSTODY_CUSTODIAL):
            raise MalformedField("custody", "must be device or custodial")
        if request.custody == CUSTODY_CUSTODIAL and request.device is not None:
            raise MalformedField("device", "a custodial member begins without a device of its own")
        name = request.display_name
        return PreparedMember(
            name=None if name is None else clean_text(name, "display_name", _LONGEST_NAME),
            custody=request.custody,
            salt=made.salt,
            account=made.account,
            first=self._first(request, made.custodial, at),
            identities=self._sealed(request, made.hashes),
            enrolled_by=request.enrolled_by,
        )

    def _first(self, request: EnrolMember, custodial: bytes | None, at: datetime) -> FreshDevice | None:
        new = request.device
        if custodial is not None:
            return FreshDevice(0, custodial, FLAG_CUSTODIAL, _first_from(at), None)
        if new is None:
            return None
        # The account has no address before it is enrolled, so the proof names the zero address.
        grant = SignerGrant(rules.NO_ACCOUNT, new.signer, 0, new.valid_until)
        rules.check_proof(self.domain, grant, new.proof, at)
        label = None if new.label is None else clean_text(new.label, "device.label", _LONGEST_LABEL)
        return FreshDevice(1, new.signer, 0, _first_from(at), label)

    def _sealed(self, request: EnrolMember, hashes: Sequence[bytes] | None) -> tuple[SealedIdentity, ...]:
        kinds = [identity.kind for identity in request.identities]
        if len(set(kinds)) != len(kinds):
            raise MalformedField("identities", "must hold at most one of each kind")
        if hashes is None:
            hashes = [self.vault.hash_of(i) for i in request.identities]
        return tuple(
            SealedIdentity(i.kind, value_hash, self.vault.seal(i, self.ids.random_bytes(12)))
            for i, value_hash in zip(request.identities, hashes, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Register:
    """What numbering members needs: the GS1 company prefix and the master secret of one-time codes."""

    gs1_prefix: str
    one_time_master: bytes

    def enrol(self, conn: Connection, members: Sequence[PreparedMember], at: datetime) -> list[Enrolled]:
        """All the members are enrolled, with ledger accounts and, where they have a signer, its intent.

        Returns:
            What was made, in the order of ``members``.

        Raises:
            IdentityTaken: somebody else has one of the identities; nobody is enrolled then.
            NumbersExhausted: the prefix or the device numbers leave no room.

        Locks: unique keys of the identities; the head row last. At most ten statements whatever the count.
        """
        ids = take_ids(conn, member.c.member_id, len(members))
        rows = [self._cells(m, member_id, at) for m, member_id in zip(members, ids, strict=True)]
        sql_of(member, conn).insert_cells(conn, _MEMBER, rows)
        _store_identities(conn, members, ids, at)
        _open_accounts(conn, ids)
        numbered = zip(members, ids, strict=True)
        views = self._add_devices(conn, [(i, m.account, m.first) for m, i in numbered if m.first], at)
        return [
            Enrolled(
                member_id=member_id,
                member_number=number,
                account=new.account,
                custody=new.custody,
                devices=views.get(member_id, ()),
            )
            for new, (member_id, number, *_) in zip(members, rows, strict=True)
        ]

    def _cells(self, new: PreparedMember, member_id: int, at: datetime) -> Cells:
        number = rules.member_number_of(self.gs1_prefix, member_id)
        return (
            member_id, number, new.account, new.salt, new.name, "active", new.custody,
            ledger_base_of(member_id), at, None, None, None, new.household, new.enrolled_by,
        )  # fmt: skip

    def _add_devices(
        self, conn: Connection, first: Sequence[tuple[int, bytes, FreshDevice]], at: datetime
    ) -> dict[int, tuple[DeviceView, ...]]:
        if not first:
            return {}
        device_ids = take_ids(conn, device.c.device_id, len(first))
        owned = [(member_id, fresh) for member_id, _, fresh in first]
        rows = device_rows(owned, device_ids, at)
        sql_of(device, conn).insert(conn, rows)
        second = seconds_floor(at)
        enqueue_now(conn, [signer_intent(i, account, fresh, second) for i, account, fresh in first], at)
        return {row["member_id"]: (view_of(row, self.one_time_master),) for row in rows}


def _first_from(at: datetime) -> datetime:
    return rules.active_from(at, first=True, granted=False)


def _refuse_doubles(prepared: Sequence[PreparedMember]) -> None:
    seen: set[tuple[str, bytes]] = set()
    for position, new in enumerate(prepared):
        for identity in new.identities:
            key = (identity.kind, identity.value_hash)
            if key in seen:
                raise IdentityTaken(identity.kind, position)
            seen.add(key)


def _store_identities(
    conn: Connection, members: Sequence[PreparedMember], ids: Sequence[int], at: datetime
) -> None:
    # Insert first, look afterwards: of two enrolments that race the later one waits at the unique key,
    # writes nothing, and then sees whose the identity is.
    owners: dict[tuple[str, bytes], tuple[int, int]] = {}
    rows = []
    for position, (new, member_id) in enumerate(zip(members, ids, strict=True)):
        for i in new.identities:
            owners[(i.kind, i.value_hash)] = (member_id, position)
            rows.append((i.kind, i.value_hash, member_id, i.value_sealed, at))
    if not rows:
        return
    sql = sql_of(member_identity, conn)
    if send(conn, [sql.inserting_cells(_IDENTITY, sorted(rows), or_ignore=True)])[0].touched == len(rows):
        return  # every one of them was free
    for found in sql.select(conn, ("kind", "value_hash"), list(owners)):
        member_id, position = owners[(found["kind"], found["value_hash"])]
        if found["member_id"] != member_id:
            raise IdentityTaken(found["kind"], position)


def _open_accounts(conn: Connection, ids: Sequence[int]) -> None:
    rows = [(base + part, kind, i) for i in ids for base in (ledger_base_of(i),) for part, kind in _KINDS]
    sql_of(ledger_account, conn).insert_cells(conn, ("account_id", "kind", "member_id"), rows)
