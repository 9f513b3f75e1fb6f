"""Owners of stores on both databases: which set counts when, and what two at once may not mix."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from hashlib import sha256
from threading import Barrier

import pytest
from sqlalchemy.exc import DBAPIError

from ledger_service.kernel.errors import DomainError
from ledger_service.merchants.owners.errors import OwnersKnown
from ledger_service.merchants.owners.models import store_owner
from ledger_service.merchants.owners.queries import ownership_of, store_owners_after
from ledger_service.merchants.owners.rules import Share, bank_account
from ledger_service.merchants.owners.service import OwnersService, RegisterOwner, SetOwners
from ledger_service.settlement.errors import PaperDiffers
from ledger_service.settlement.papers.lock import lock
from tests.integration.merchants.desk import GROCER, NOW, STORE, Desk

LATER = NOW + timedelta(days=30)


class Ids:
    """Numbers, so that the first owner is first."""

    def __init__(self) -> None:
        self.last = 0

    def random_bytes(self, count: int) -> bytes:
        self.last += 1
        return self.last.to_bytes(count, "big")


def registered(desk: Desk, service: OwnersService) -> list[str]:
    account = bank_account("GB82 WEST 1234 5698 7654 32", None, None)
    with desk.database.begin() as conn:
        requests = [RegisterOwner(GROCER, name, "12345678", account) for name in ("Ann", "Ben")]
        return [service.register(conn, request, "operator:op", NOW) for request in requests]


def at_once(*acts: Callable[[], None]) -> list[DomainError | None]:
    """What each act that begins together with the others was refused with."""
    start = Barrier(len(acts))

    def run(act: Callable[[], None]) -> DomainError | None:
        start.wait()
        try:
            act()
        except DomainError as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_the_set_in_force_is_the_last_that_has_begun(desk: Desk) -> None:
    service = OwnersService(Ids())
    ann, ben = registered(desk, service)
    with desk.database.begin() as conn:
        both = (Share(ann, 1), Share(ben, 9_999))
        service.set_owners(conn, SetOwners(STORE, LATER, (Share(ben, 10_000),), None), "operator:op", NOW)
        service.set_owners(conn, SetOwners(STORE, NOW, both, NOW), "operator:op", NOW)
        owned = ownership_of(conn, GROCER)
    second = timedelta(seconds=1)
    assert list(owned.at(STORE, NOW - second)) == []
    assert tuple(owned.at(STORE, NOW)) == tuple(owned.at(STORE, LATER - second)) == both
    assert tuple(owned.at(STORE, LATER)) == (Share(ben, 10_000),)
    assert list(owned.at(STORE + 1, LATER)) == []


def set_it(desk: Desk, service: OwnersService, request: SetOwners) -> None:
    with desk.database.begin() as conn:
        service.set_owners(conn, request, "operator:op", NOW)


def test_two_sets_of_one_instant_do_not_mix(desk: Desk) -> None:
    service = OwnersService(Ids())
    for number, owner_id in enumerate(registered(desk, service) * 5):
        rival = registered(desk, service)[0]
        since = NOW + timedelta(days=number)

        requests = [SetOwners(STORE, since, (Share(who, 10_000),), None) for who in (owner_id, rival)]
        refusals = at_once(*(partial(set_it, desk, service, request) for request in requests))
        assert sorted(type(r) for r in refusals if r is not None) == [OwnersKnown]
    with desk.database.read() as conn:
        rows = store_owners_after(conn, STORE, None, 99)
    assert len(rows) == 10
    assert {row.share.share_bps for row in rows} == {10_000}


def test_rows_of_owners_are_never_changed(desk: Desk) -> None:
    service = OwnersService(Ids())
    ann, _ = registered(desk, service)
    with desk.database.begin() as conn:
        service.set_owners(conn, SetOwners(STORE, NOW, (Share(ann, 10_000),), None), "operator:op", NOW)
    with pytest.raises(DBAPIError, match="append-only"), desk.database.begin() as conn:
        conn.execute(store_owner.update().values(share_bps=9_000))


def test_two_that_lock_a_paper_with_different_bytes_do_not_both_succeed(desk: Desk) -> None:
    def act(body: bytes) -> Callable[[], None]:
        def lock_it() -> None:
            with desk.database.begin() as conn:
                lock(conn, {"b.csv": body, "a.csv": b"same"}, NOW)

        return lock_it

    refusals = [refusal for refusal in at_once(act(b"one"), act(b"other")) if refusal is not None]
    assert len(refusals) == 1
    assert isinstance(refusals[0], PaperDiffers)
    assert refusals[0].paper == "b.csv"
    won = b"one" if refusals[0].locked == sha256(b"one").hexdigest() else b"other"
    act(won)()
