"""Issuing, rotating and revoking API keys; the token is seen once and only its hash is kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, select, update

from ledger_service.kernel.gs1 import parse_gln
from ledger_service.kernel.ids import IdSource
from ledger_service.kernel.text import clean_text
from ledger_service.merchants import rules
from ledger_service.merchants.changes import note_change
from ledger_service.merchants.errors import ApiKeyUnknown, MerchantUnknown, TerminalUnknown
from ledger_service.merchants.models import api_key, merchant, terminal
from ledger_service.merchants.requests import IssuedKey, IssueKey, RotateKey
from ledger_service.merchants.rules import Principal

_LONGEST_LABEL = 64
_MOST_ENDED = 20


class ApiKeys:
    """Commands on API keys; each runs in the caller's unit of work and never commits."""

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids

    def issue(self, conn: Connection, giver: Principal | None, request: IssueKey, at: datetime) -> IssuedKey:
        """The subject has a further key in force.

        Args:
            conn: the db transaction.
            giver: whose key asks; it gives no more than it has, and its own end where none is asked for.
                None for the hand at the machine itself (founding, command line), which needs no leave.
            request: the key.
            at: now.

        Raises:
            MalformedField: a label or subject that is no text.
            RoleUnfit: an unknown role, or scopes beyond it.
            TerminalUnknown: a cashier key for no active terminal.
            MerchantUnknown: a merchant key for no merchant.
            ScopeMissing, GrantTooWide: more than the giver has.
            AnotherOperator: an operator asks for the key of a further one.
        """
        scopes = rules.scopes_for(request.role, request.scopes)
        kind = rules.SUBJECT_OF_ROLE[request.role]
        subject_id = clean_text(request.subject_id, "subject", _LONGEST_LABEL)
        merchant_id = _merchant_of(conn, kind, subject_id)
        expires_at = request.expires_at
        if giver is not None:
            expires_at = giver.expires_at if expires_at is None else expires_at
            grant = rules.Grant(request.role, subject_id, merchant_id, scopes, expires_at)
            rules.check_grant(giver, grant)
        row: dict[str, object] = {
            "subject_kind": kind,
            "subject_id": subject_id,
            "merchant_id": merchant_id,
            "role": request.role,
            "scopes": " ".join(sorted(scopes)),
            "label": None if request.label is None else clean_text(request.label, "label", _LONGEST_LABEL),
            "expires_at": expires_at,
        }
        return self._insert(conn, row, at)

    def rotate(
        self, conn: Connection, giver: Principal | None, request: RotateKey, at: datetime
    ) -> IssuedKey:
        """The subject has a new key of the same rights and the same end; the old one ends with the overlap.

        Args:
            conn: the db transaction.
            giver: as for ``issue``: who rotates a key learns the new one.
            request: the key and its overlap.
            at: now.

        Raises:
            ApiKeyUnknown: no key in force has the id.
            ScopeMissing, GrantTooWide: the key has more than the giver.
            AnotherOperator: an operator rotates the key of a further one.
        """
        old = self._in_force(conn, request.key_id, at)
        if giver is not None:
            scopes = frozenset(old.scopes.split())
            grant = rules.Grant(old.role, old.subject_id, old.merchant_id, scopes, old.expires_at)
            rules.check_grant(giver, grant)
        names = ("subject_kind", "subject_id", "merchant_id", "role", "scopes", "label", "expires_at")
        fresh = self._insert(conn, {name: old._mapping[name] for name in names}, at)
        ends = at + max(request.overlap, timedelta(0))
        if old.expires_at is not None:
            ends = min(ends, old.expires_at)
        self._change(conn, request.key_id, {"expires_at": ends, "replaced_by": fresh.key_id})
        return fresh

    def revoke(self, conn: Connection, key_id: str, at: datetime) -> None:
        """The key is worthless: here once ``KeyRing.refresh`` ran, in other processes within a second.

        Raises:
            ApiKeyUnknown: no key in force has the id.
        """
        self._in_force(conn, key_id, at)
        self._change(conn, key_id, {"status": "revoked", "revoked_at": at})

    def keep_latest(
        self, conn: Connection, subject: tuple[str, str], kept: tuple[str, int], at: datetime
    ) -> None:
        """Of the subject's keys in force with a label only the latest few stay.

        Args:
            conn: the db transaction.
            subject: its kind and id.
            kept: the label, and how many of its keys stay; twenty of the others end in one call.
            at: now.
        """
        (kind, subject_id), (label, most) = subject, kept
        c = api_key.c
        mine = (c.subject_kind == kind) & (c.subject_id == subject_id) & (c.label == label)
        latest = select(c.key_id).where(mine, c.status == "active").order_by(c.created_at.desc(), c.key_id)
        for key_id in conn.execute(latest.offset(most).limit(_MOST_ENDED)).scalars().all():
            self._change(conn, key_id, {"status": "revoked", "revoked_at": at})

    def revoke_subject(self, conn: Connection, kind: str, subject_id: str, at: datetime) -> int:
        """Every key of the subject is worthless.

        Returns:
            How many were in force.
        """
        mine = (api_key.c.subject_kind == kind) & (api_key.c.subject_id == subject_id)
        changed = conn.execute(
            update(api_key).where(mine, api_key.c.status == "active").values(status="revoked", revoked_at=at)
        ).rowcount
        note_change(conn)
        return changed

    def forget_member(self, conn: Connection, member_id: int, at: datetime) -> int:
        """As ``revoke_subject``; and what people called the member's keys is gone too (D15)."""
        mine = (api_key.c.subject_kind == "member") & (api_key.c.subject_id == str(member_id))
        conn.execute(update(api_key).where(mine).values(label=None))
        return self.revoke_subject(conn, "member", str(member_id), at)

    def _insert(self, conn: Connection, row: dict[str, object], at: datetime) -> IssuedKey:
        key_id = self._ids.random_bytes(rules.KEY_ID_BYTES).hex()
        secret = self._ids.random_bytes(rules.SECRET_BYTES)
        whole = {
            **row,
            "key_id": key_id,
            "secret_hash": rules.hash_secret(secret),
            "status": "active",
            "created_at": at,
        }
        conn.execute(api_key.insert().values(whole))
        expires_at = row["expires_at"]
        return IssuedKey(
            key_id=key_id,
            token=rules.format_token(key_id, secret),
            role=str(row["role"]),
            subject=f"{row['subject_kind']}:{row['subject_id']}",
            expires_at=expires_at if isinstance(expires_at, datetime) else None,
        )

    def _in_force(self, conn: Connection, key_id: str, at: datetime) -> Row[tuple[object, ...]]:
        statement = select(api_key).where(api_key.c.key_id == key_id).with_for_update()
        row = conn.execute(statement).one_or_none()
        if row is None or row.status != "active" or (row.expires_at is not None and row.expires_at <= at):
            raise ApiKeyUnknown
        return row

    def _change(self, conn: Connection, key_id: str, values: dict[str, object]) -> None:
        conn.execute(update(api_key).where(api_key.c.key_id == key_id).values(values))
        note_change(conn)


def _merchant_of(conn: Connection, kind: str, subject_id: str) -> int | None:
    if kind == "terminal":
        active = (terminal.c.terminal_id == subject_id) & (terminal.c.status == "active")
        owner = conn.execute(select(terminal.c.merchant_id).where(active)).scalar_one_or_none()
        if owner is None:
            raise TerminalUnknown
        return int(owner)
    if kind == "merchant":
        gln = parse_gln(subject_id, "subject")
        if conn.execute(select(merchant.c.merchant_id).where(merchant.c.merchant_id == gln)).first() is None:
            raise MerchantUnknown
        return gln
    return None
