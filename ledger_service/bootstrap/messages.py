"""The job that hands one-time codes and notices of cases to the carrier; nothing is sent inside a db
transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from ledger_service.care import telling
from ledger_service.chain.desk import raise_alarm
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.money import exponent_of, minor_of_micros_floor
from ledger_service.members.cards import delivery, pumping, rules, wording
from ledger_service.members.cards.delivery import Waiting
from ledger_service.members.identities import IdentityVault
from ledger_service.members.logins import delivery as login_delivery
from ledger_service.members.ports import Carrier, Message
from ledger_service.merchants.queries import find_merchant

_AT_ONCE = 50
_MINUTES = int(rules.CODE_LIFE.total_seconds() // 60)


@dataclass(frozen=True)
class Postman:
    """Runs on the leading bridge; every step may be repeated: a message has one id however often it goes."""

    carrier: Carrier
    database: Database
    writer: Writer
    vault: IdentityVault
    code_master: bytes = field(repr=False)
    currency: str
    alliance: str
    bounds: pumping.Bounds

    def run(self, at: datetime) -> bool:
        """Some codes are handed over; returns whether there are more to look at now."""
        with self.database.read() as conn:
            waiting, late = delivery.due(conn, self.vault, at, _AT_ONCE), delivery.any_late(conn, at)
            logins = login_delivery.due(conn, self.vault, at, _AT_ONCE)
            glns = {w.merchant_id for w in waiting if w.merchant_id is not None}
            found = {gln: find_merchant(conn, gln) for gln in glns}
        names: dict[int | None, str] = {gln: "" if one is None else one.name for gln, one in found.items()}
        for one in [*waiting, *logins]:
            note = login_delivery.note if one.purpose == login_delivery.LOGIN else delivery.note
            if self._too_many(one, at):
                given_up = replace(one, sends=delivery.MOST_SENDS)
                self.writer.run(partial(note, waiting=given_up, sent=False, at=at))
                continue
            taken = self.carrier.hand_over(self._message(one, names.get(one.merchant_id, self.alliance)))
            self.writer.run(partial(note, waiting=one, sent=taken, at=at))
        if late:
            self.writer.run(lambda conn: delivery.give_up_late(conn, at))
        return self._tell_of_cases(at) or _AT_ONCE in (len(waiting), len(logins))

    def _too_many(self, waiting: Waiting, at: datetime) -> bool:
        """Whether a bound of the day is reached, which alarms; a code that is tried again is counted once."""
        if waiting.channel != "phone" or waiting.sends:
            return False
        counted = self.writer.run(partial(pumping.count, waiting=waiting, bounds=self.bounds, at=at))
        reached = counted.reached
        if reached is not None:
            detail = "so many codes went out today; further ones are not sent"
            self.writer.run(lambda conn: raise_alarm(conn, lambda: at, "codes-pumped", reached, detail))
        return not counted.goes

    def _tell_of_cases(self, at: datetime) -> bool:
        with self.database.read() as conn:
            notices = telling.due(conn, self.vault, at, _AT_ONCE)
        for one in notices:
            with self.database.read() as conn:
                free = telling.free_from(conn, one, at)
            if free > at:
                self.writer.run(partial(telling.put_off, notice=one, until=free))
                continue
            taken = self.carrier.hand_over(one.message(self.alliance))
            self.writer.run(partial(telling.note, notice=one, taken=taken, at=at))
        return len(notices) == _AT_ONCE

    def _message(self, waiting: Waiting, merchant: str) -> Message:
        text = wording.text_of(
            waiting.purpose,
            waiting.language,
            merchant=merchant,
            code=rules.code_of(self.code_master, waiting.code_id),
            amount=self._amount(waiting.max_value_micros),
            minutes=str(_MINUTES),
        )
        return Message(id_text(waiting.code_id), waiting.channel, waiting.address, text, waiting.expires_at)

    def _amount(self, micros: int) -> str:
        exponent = exponent_of(self.currency)
        minor = minor_of_micros_floor(micros, exponent)
        whole, rest = divmod(minor, 10**exponent)
        return f"{self.currency} {whole}" + (f".{rest:0{exponent}d}" if exponent else "")
