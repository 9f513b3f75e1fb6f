"""Cards and tickets are told to whose they are: each entry once, in order, and never what opens them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.terms.values import GiftRule
from ledger_service.coupons.tickets.models import ticket
from ledger_service.members.models import member
from ledger_service.webhooks.models import webhook_event, webhook_fresh
from ledger_service.webhooks.service import Range
from tests.integration.checkout.shop import FUEL, GROCER, Phone
from tests.integration.checkout.ticketed import PRICE, TicketShop
from tests.integration.checkout.valued import PIN, ValueShop, cash, value
from tests.integration.webhooks.test_webhooks import Hooks, hooks

__all__ = ["hooks"]
CARD, TICKET = "value_card.changed", "ticket.changed"


def said(hooks: Hooks, kind: str, *names: str) -> list[tuple[Any, ...]]:
    """What the grocer was told of a kind, in these words, as it came."""
    return [tuple(one["data"][n] for n in names) for one in hooks.receiver.taken if one["type"] == kind]


def whose(hooks: Hooks) -> list[str | None]:
    """The number of the member that each message names."""
    return [(one["data"]["member"] or {}).get("number") for one in hooks.receiver.taken]


def erase(hooks: Hooks, phone: Phone) -> None:
    with hooks.shop.database.begin() as conn:
        gone = {"status": "erased", "member_number": None, "erased_at": hooks.shop.clock.at}
        conn.execute(update(member).where(member.c.member_id == phone.member_id).values(gone))


def told_twice(hooks: Hooks, source: str) -> tuple[list[bytes], list[bytes]]:
    """Ids of the facts after a job, and after one that reads the same notes again."""
    noted = select(webhook_fresh).where(webhook_fresh.c.source == source)
    with hooks.shop.database.read() as conn:
        notes = [dict(row) for row in conn.execute(noted).mappings()]
    assert notes
    its, found = select(webhook_event.c.event_id).order_by("number"), list[list[bytes]]()
    for _ in range(2):
        hooks.follow()
        with hooks.shop.database.begin() as conn:
            found.append(list(conn.execute(its).scalars()))
            conn.execute(webhook_fresh.insert(), notes)
    return found[0], found[1]


def test_what_moves_on_a_card_is_told_to_its_issuer_with_what_it_holds_then(hooks: Hooks) -> None:
    cards, anna = ValueShop(hooks.shop), hooks.shop.enrol()
    hooks.make(GROCER, CARD)
    hooks.make(FUEL)
    (code,) = cards.printed()
    card = cards.sold(code, 1_000, pin=PIN, member=anna.number)["card"]
    cards.loaded(code, 200)
    hooks.job()
    sale = cards.bought(1_000, value(code, 700, PIN), cash(300))["sale_id"]
    hooks.shop.refund(sale, [("1", 1)])
    for _ in range(2):
        hooks.job()
    assert said(hooks, CARD, "entry", "change", "amount_minor", "balance_minor") == [
        (1, "issue", 1_000, 1_000), (2, "load", 200, 1_200), (3, "pay", 700, 500), (4, "return", 70, 570),
    ]  # fmt: skip
    assert {one["merchant"] for one in hooks.receiver.taken} == {f"{GROCER:013d}"}
    paid = hooks.receiver.taken[2]["data"]
    who = {"number": anna.number, "account": "0x" + anna.account.hex()}
    assert paid | {"store": None, "terminal": None, "reference": None} == {
        "card": card, "definition": "D1", "entry": 3, "change": "pay", "amount_minor": 700, "currency": "USD",
        "balance_minor": 500, "expires_at": None, "because_of": sale, "reference": None, "store": None,
        "terminal": None, "member": who,
    }  # fmt: skip


def test_neither_code_nor_pin_nor_pass_nor_their_hashes_are_in_any_message(hooks: Hooks) -> None:
    cards, anna = ValueShop(hooks.shop), hooks.shop.enrol()
    hooks.make(GROCER)
    (code,) = cards.printed()
    cards.sold(code, 1_000, pin=PIN, member=anna.number)
    cards.bought(700, value(code, 700, PIN))
    hooks.job()
    row, raw = cards.row(), b"".join(hooks.receiver.raw).decode()
    secrets = [code, code.replace("-", ""), f'"{PIN}"', row["tag"].hex(), row["pin_hash"].hex()]
    assert raw.count(CARD) == 2
    assert [secret for secret in secrets if secret.lower() in raw.lower()] == []


def test_no_pass_of_a_ticket_is_in_any_message(hooks: Hooks) -> None:
    tickets, anna = TicketShop(hooks.shop), hooks.shop.enrol()
    hooks.make(GROCER)
    (code,) = tickets.event(2)
    tickets.ticket(code, member=anna.number)
    (shown,) = tickets.screen(anna)
    tickets.entered(shown)
    hooks.job()
    with hooks.shop.database.read() as conn:
        tag = conn.execute(select(ticket.c.tag)).scalar_one().hex()
    raw = b"".join(hooks.receiver.raw).decode().lower()
    assert raw.count(TICKET) == 2
    secrets = [shown, shown[32:], code, code.replace("-", ""), tag]
    assert [secret for secret in secrets if secret.lower() in raw] == []


def test_a_card_of_nobody_names_nobody_and_neither_does_one_whose_member_is_erased(hooks: Hooks) -> None:
    cards, anna = ValueShop(hooks.shop), hooks.shop.enrol()
    hooks.make(GROCER, CARD)
    his, anybodys = cards.printed(2)
    cards.sold(anybodys, 500)
    cards.sold(his, 500, member=anna.number)
    hooks.job()
    hooks.receiver.status = 503
    cards.loaded(his, 1)
    hooks.job()
    erase(hooks, anna)
    cards.loaded(his, 2)
    hooks.receiver.status = 204
    hooks.shop.clock.forward(hours=1)
    for _ in range(2):
        hooks.job()
    assert said(hooks, CARD, "change", "amount_minor") == [
        ("issue", 500), ("issue", 500), ("load", 1), ("load", 2),
    ]  # fmt: skip
    assert whose(hooks) == [None, anna.number, None, None]
    assert [one["data"]["member"] for one in hooks.receiver.taken][3] is None


def test_cards_that_a_late_job_finds_at_different_entries_each_have_their_own_balances(hooks: Hooks) -> None:
    cards = ValueShop(hooks.shop)
    hooks.make(GROCER, CARD)
    first, second, third = cards.printed(3)
    cards.sold(first, 100)
    cards.loaded(first, 10)
    cards.sold(second, 1_000)
    hooks.job()
    hooks.receiver.taken.clear()
    cards.loaded(first, 20)
    cards.loaded(second, 500)
    cards.sold(third, 7)
    cards.bought(130, value(first, 130))
    cards.loaded(second, 500)
    hooks.job()
    assert said(hooks, CARD, "entry", "change", "balance_minor") == [
        (3, "load", 130), (2, "load", 1_500), (1, "issue", 7), (4, "pay", 0), (3, "load", 2_000),
    ]  # fmt: skip


def test_a_ticket_is_told_with_who_held_it_then_however_late_the_job_comes(hooks: Hooks) -> None:
    tickets = TicketShop(hooks.shop)
    anna, ben = hooks.shop.enrol(), hooks.shop.enrol()
    hooks.make(GROCER, TICKET)
    hooks.make(FUEL)
    code, other = tickets.event(5, 2, gift=GiftRule.ONCE)
    number = tickets.ticket(code, member=anna.number)["ticket"]
    tickets.ticket(other)
    tickets.given(number, anna, ben)
    (shown,) = tickets.screen(ben)
    tickets.entered(shown)
    tickets.paid_back(other)
    for _ in range(2):
        hooks.job()
    assert said(hooks, TICKET, "change", "entry", "amount_minor") == [
        ("sold", 1, PRICE), ("sold", 1, PRICE), ("given", 2, 0), ("entered", 3, 0), ("refunded", 2, PRICE),
    ]  # fmt: skip
    assert whose(hooks) == [anna.number, None, ben.number, ben.number, None]
    first = hooks.receiver.taken[0]["data"]
    known = ("ticket", "definition", "event", "begins_at", "currency")
    assert tuple(first[name] for name in known) == (
        number, "D1", "舞會 Ball", "2026-03-20T12:00:00Z", "USD",
    )  # fmt: skip
    assert {one["merchant"] for one in hooks.receiver.taken} == {f"{GROCER:013d}"}


def test_of_several_gifts_that_a_late_job_finds_only_the_first_and_the_last_holder_are_known(
    hooks: Hooks,
) -> None:
    tickets = TicketShop(hooks.shop)
    anna, ben, cho = (hooks.shop.enrol() for _ in range(3))
    hooks.make(GROCER, TICKET)
    (code,) = tickets.event(5, gift=GiftRule.ALLIANCE)
    number = tickets.ticket(code, member=anna.number)["ticket"]
    tickets.given(number, anna, ben)
    tickets.given(number, ben, cho)
    hooks.job()
    assert whose(hooks) == [anna.number, None, cho.number]


def test_a_ticket_of_an_erased_member_names_nobody_and_is_told_still(hooks: Hooks) -> None:
    tickets, anna = TicketShop(hooks.shop), hooks.shop.enrol()
    hooks.make(GROCER, TICKET)
    (code,) = tickets.event(5)
    tickets.ticket(code, member=anna.number)
    erase(hooks, anna)
    tickets.entered(code)
    hooks.job()
    assert said(hooks, TICKET, "change", "member") == [("sold", None), ("entered", None)]


def test_a_killed_job_tells_nothing_under_another_id(hooks: Hooks) -> None:
    hooks.make(GROCER, CARD, TICKET)
    cards = ValueShop(hooks.shop)
    (code,) = cards.printed()
    cards.sold(code, 1_000)
    cards.loaded(code, 200)
    first, again = told_twice(hooks, "card")
    assert (len(first), len(set(first))) == (2, 2)
    assert again == first


def test_a_killed_job_tells_no_ticket_under_another_id(hooks: Hooks) -> None:
    hooks.make(GROCER, CARD, TICKET)
    tickets = TicketShop(hooks.shop)
    (code,) = tickets.event(2)
    tickets.ticket(code)
    tickets.entered(code)
    first, again = told_twice(hooks, "ticket")
    assert (len(first), len(set(first))) == (2, 2)
    assert again == first


def test_a_card_that_went_to_who_stayed_of_two_is_told_as_that_members(hooks: Hooks) -> None:
    cards, anna, ben = ValueShop(hooks.shop), hooks.shop.enrol(), hooks.shop.enrol()
    hooks.make(GROCER, CARD)
    (code,) = cards.printed()
    cards.sold(code, 1_000, member=anna.number)
    hooks.job()
    with hooks.shop.database.begin() as conn:
        conn.execute(update(value_card).values(holder=ben.member_id))
    cards.loaded(code, 200)
    hooks.job()
    assert whose(hooks) == [anna.number, ben.number]


def test_a_refused_card_holds_up_its_member_alone_and_comes_again_when_asked(hooks: Hooks) -> None:
    cards, anna, ben = ValueShop(hooks.shop), hooks.shop.enrol(), hooks.shop.enrol()
    endpoint, _ = hooks.make(GROCER)
    hers, his = cards.printed(2)
    hooks.receiver.refuse = {anna.number: 400}
    cards.sold(hers, 500, member=anna.number)
    cards.loaded(hers, 100)
    cards.sold(his, 500, member=ben.number)
    hooks.job()
    assert said(hooks, CARD, "change") == [("issue",)]
    hooks.receiver.refuse = {}
    hooks.shop.clock.forward(hours=1)
    hooks.job()
    assert said(hooks, CARD, "amount_minor") == [(500,), (500,), (100,)]
    with hooks.shop.database.begin() as conn:
        assert hooks.desk.replay(conn, endpoint, GROCER, Range(1, None), hooks.shop.clock.at) == (3, None)
    hooks.job()
    assert said(hooks, CARD, "entry") == [(1,), (1,), (2,), (1,), (2,), (1,)]
    assert len(set(hooks.receiver.ids)) == 3
