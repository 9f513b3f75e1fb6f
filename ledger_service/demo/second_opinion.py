"""The phones' own books against the service's balances: what members read off their receipts must be what
they have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ledger_service.demo.phones import Phone
from ledger_service.demo.service_client import Service
from ledger_service.kernel.clock import parse_instant, seconds_floor

Book = dict[tuple[str, int], int]


async def disagreements(
    service: Service, operator_key: str, phones: Sequence[Phone], at: datetime
) -> list[str]:
    """Every member whose phone and service tell different spendable points at ``at``."""
    answers = await asyncio.gather(*(_asked(service, operator_key, phone, at) for phone in phones))
    now = seconds_floor(at)
    found = []
    for phone, answer in zip(phones, answers, strict=True):
        own, told = book_of_phone(phone, now), book_of_answer(answer, now)
        if own != told:
            found.append(
                f"household {phone.household}: phone {sorted(own.items())}, service {sorted(told.items())}"
            )
    return found


def book_of_phone(phone: Phone, now: int) -> Book:
    """What the phone holds to be spendable after ``now`` (seconds): points by programme and end."""
    return {
        (code, expires_at): points
        for code, lots in phone.lots.items()
        for expires_at, points in lots.items()
        if points and expires_at > now
    }


def book_of_answer(answer: dict[str, Any], now: int) -> Book:
    """The same of the service's balance."""
    book: Book = {}
    for balance in answer["balances"]:
        for lot in balance["lots"]:
            if not lot["available"]:
                continue
            expires_at = seconds_floor(parse_instant(lot["expires_at"], "expires_at"))
            if expires_at > now:
                book[balance["programme"], expires_at] = lot["available"]
    return book


async def _asked(service: Service, key: str, phone: Phone, at: datetime) -> dict[str, Any]:
    return await service.get(f"/v1/members/{phone.number}/balance", key, at)
