"""Cards in bulk, bound, lost and replaced; the caller commits.

A merchant makes cards, or takes over numbers that it has printed already. Binding takes a card out of the
stock for ever, so whoever finds an old card finds nothing behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.clock import instant_of_micros
from ledger_service.kernel.ids import IdSource
from ledger_service.members.cards import rules
from ledger_service.members.cards.errors import CardKnown, CardLimitReached, CardTaken, CardUnknown
from ledger_service.members.cards.models import card_stock
from ledger_service.members.devices import lock_member
from ledger_service.members.identities import IdentityVault, parse_card
from ledger_service.members.models import member_card

_NUMBER_BYTES = 8
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class CardView:
    """A card in force or ended, as its member may see it; ``card_id`` names it, the number stays hidden."""

    card_id: str
    tail: str | None
    bound_at: datetime
    ended_at: datetime | None
    reason: str | None


@dataclass(frozen=True)
class CardRegistry:
    """Commands on cards; ``vault`` hashes and seals numbers as identities are."""

    vault: IdentityVault
    ids: IdSource

    def draw(self, count: int) -> list[str]:
        """So many fresh card numbers (1 to 1,000), each once."""
        numbers: dict[str, None] = {}
        while len(numbers) < count:
            numbers[rules.card_number(self.ids.random_bytes(_NUMBER_BYTES))] = None
        return list(numbers)

    def stock(
        self, conn: Connection, merchant_id: int, numbers: Sequence[str], said: tuple[bytes, datetime]
    ) -> None:
        """The cards are the merchant's to give out, all of them or none.

        Raises:
            CardKnown: a number that is in a stock or bound already, or twice in the list.

        Locks: unique keys of the numbers.
        """
        batch_id, at = said
        hashes = [self.vault.hash_of(parse_card(number, "numbers")) for number in numbers]
        _refuse_known(conn, hashes)
        rows = [
            {"number_hash": hashed, "merchant_id": merchant_id, "batch_id": batch_id,
             "tail": number[-rules.TAIL_DIGITS:], "made_at": at, "used_at": None}
            for hashed, number in zip(hashes, numbers, strict=True)
        ]  # fmt: skip
        sql_of(card_stock, conn).insert(conn, sorted(rows, key=lambda row: row["number_hash"]))

    def bind(
        self, conn: Connection, member_number: str, card: str, said: tuple[int | None, datetime]
    ) -> CardView:
        """The card is the member's.

        Args:
            conn: of the unit of work.
            member_number: whose it becomes.
            card: its number.
            said: whose stock it must come from (None for any), and when.

        Raises:
            MemberUnknown, MemberFrozen: there is no such member, or it may change nothing.
            CardUnknown: not in the stock. CardTaken: bound before. CardLimitReached: too many cards.

        Locks: the member's row, the card's row in the stock.
        """
        merchant_id, at = said
        owner = lock_member(conn, member_number)
        identity = parse_card(card, "card")
        hashed = self.vault.hash_of(identity)
        self._take(conn, hashed, merchant_id, at)
        mine = (member_card.c.member_id == owner["member_id"]) & member_card.c.ended_at.is_(None)
        count = conn.execute(select(func.count()).select_from(member_card).where(mine)).scalar_one()
        if count >= rules.MOST_CARDS_OF_MEMBER:
            raise CardLimitReached(rules.MOST_CARDS_OF_MEMBER)
        row = {
            "number_hash": hashed, "member_id": owner["member_id"], "created_at": at,
            "number_sealed": self.vault.seal(identity, self.ids.random_bytes(_NONCE_BYTES)),
        }  # fmt: skip
        conn.execute(insert(member_card).values(row))
        return CardView(_id_text(hashed), identity.value[-rules.TAIL_DIGITS :], at, None, None)

    def end(
        self, conn: Connection, member_number: str, card_id: str | None, said: tuple[str, str, datetime]
    ) -> int:
        """The card, or every card of the member, serves nobody any more; returns how many that were.

        Args:
            conn: of the unit of work.
            member_number: whose they are.
            card_id: which; None for all.
            said: the reason (``lost`` or ``replaced``), who says so, and when.

        Raises:
            MemberUnknown: no such number. CardUnknown: the member has no such card in force.

        Locks: the member's row.
        """
        reason, by, at = said
        owner = lock_member(conn, member_number, frozen_too=True)
        c = member_card.c
        mine = (c.member_id == owner["member_id"]) & c.ended_at.is_(None)
        hashes = list(conn.execute(select(c.number_hash).where(mine)).scalars())
        chosen = [h for h in hashes if card_id in (None, _id_text(h))]
        if card_id is not None and not chosen:
            raise CardUnknown
        ended = {"ended_at": at, "ended_by": by, "reason": reason}
        conn.execute(update(member_card).where(c.number_hash.in_(chosen)).values(ended))
        return len(chosen)

    def list_of(self, conn: Connection, member_id: int, most: int) -> list[CardView]:
        """The member's cards, those in force first, then the latest that ended."""
        c = member_card.c
        order = (c.ended_at.is_not(None), c.created_at.desc(), c.number_hash)
        rows = conn.execute(select(member_card).where(c.member_id == member_id).order_by(*order).limit(most))
        return [self._view(row) for row in rows.mappings()]

    def _view(self, row: RowMapping) -> CardView:
        tail = self.vault.open("card", row["number_sealed"])[-rules.TAIL_DIGITS :]
        return CardView(_id_text(row["number_hash"]), tail, row["created_at"], row["ended_at"], row["reason"])

    def _take(self, conn: Connection, hashed: bytes, merchant_id: int | None, at: datetime) -> None:
        c = card_stock.c
        row = conn.execute(select(card_stock).where(c.number_hash == hashed).with_for_update()).mappings()
        found = row.one_or_none()
        taken = conn.execute(select(member_card.c.member_id).where(member_card.c.number_hash == hashed))
        if taken.one_or_none() is not None:
            raise CardTaken
        if found is None or merchant_id not in (None, found["merchant_id"]):
            raise CardUnknown
        if found["used_at"] is not None:
            raise CardTaken
        conn.execute(update(card_stock).where(c.number_hash == hashed).values(used_at=at))


def parse_numbers(given: Sequence[str], check: str) -> list[str]:
    """The card numbers of an import in their normal form.

    Raises:
        MalformedField: a number of other characters, or without its check digit.
    """
    found = []
    for place, value in enumerate(given):
        number = parse_card(value, f"numbers[{place}]").value
        rules.check_number(number, check, f"numbers[{place}]")
        found.append(number)
    return found


def cards_after(
    conn: Connection, merchant_id: int, after: tuple[int, bytes] | None, most: int
) -> Sequence[RowMapping]:
    """A merchant's stock in the order of making; ``after`` is the last row's micros and hash."""
    c = card_stock.c
    wanted = select(card_stock).where(c.merchant_id == merchant_id)
    if after is not None:
        at, last = instant_of_micros(after[0]), after[1]
        wanted = wanted.where((c.made_at > at) | ((c.made_at == at) & (c.number_hash > last)))
    return conn.execute(wanted.order_by(c.made_at, c.number_hash).limit(most)).mappings().all()


def _refuse_known(conn: Connection, hashes: Sequence[bytes]) -> None:
    keys = [(one,) for one in hashes]
    known = {row["number_hash"] for row in sql_of(card_stock, conn).select(conn, ("number_hash",), keys)}
    known |= {row["number_hash"] for row in sql_of(member_card, conn).select(conn, ("number_hash",), keys)}
    seen: set[bytes] = set()
    for place, hashed in enumerate(hashes):
        if hashed in known or hashed in seen:
            raise CardKnown(place)
        seen.add(hashed)


def _id_text(hashed: bytes) -> str:
    return hashed[:8].hex()
