"""At the till: who stands there, its own card, points held and let go, the shift, the receipt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from ledger_service.coupons.terms.values import Ticket
from ledger_service.web.screens.till import Mistyped, basket_of, rows_of
from tests.api.service import GROCER, GROCER_STORE, NOON, Shop, basket
from tests.api.test_value_cards import money, paying, printed
from tests.web.conftest import Browser, hidden_of

Enter = Callable[..., Browser]


@pytest.fixture
def served(web_shop: Shop, enter: Enter) -> Browser:
    """The till's browser, with Ann at it, who is the member herself."""
    number = web_shop.keys["member-number"]
    web_shop.put("grocer", "/v1/cashiers/ann/pin", {"merchant": GROCER, "pin": "2580"})
    web_shop.must("grocer", "/v1/staff-links", {"merchant": GROCER, "cashier": "ann", "member": number})
    browser = enter("cashier")
    assert browser.get("/till").headers["Location"] == "/till/cashier"
    browser.get("/till/cashier")
    assert browser.post("/till", act="sell", amount_1="1").headers["Location"] == "/till/cashier"
    wrong = browser.post("/till/cashier", cashier="ann", pin="0000")
    assert (wrong.status_code, "do not belong together" in wrong.text) == (403, True)
    assert browser.post("/till/cashier", cashier="ann", pin="2580").headers["Location"] == "/till"
    browser.get("/till")
    return browser


@pytest.fixture(autouse=True)
def _nobody_serves_afterwards(web_shop: Shop) -> Iterator[None]:
    yield
    web_shop.post("grocer", "/v1/cashiers/ann/end", {"merchant": GROCER})


def sums_of(till: Browser) -> list[str]:
    """What the shift's page says of money."""
    return re.findall(r"\$[0-9,.]+", till.get("/till/shift").text)


def test_who_showed_the_pin_is_named_and_told_of_its_own_card(served: Browser, web_shop: Shop) -> None:
    number = web_shop.keys["member-number"]
    # Other tests of this shop sell in the same shift.
    before = sums_of(served)
    served.get("/till")
    quoted = served.post("/till", act="quote", amount_1="5", member=number)
    assert (quoted.status_code, "your own account" in quoted.text) == (200, True)
    warned = served.post("/till", act="sell", amount_1="5", member=number)
    assert (warned.status_code, 'name="own" value="seen"' in warned.text) == (409, True)
    sold = served.post("/till", act="sell", amount_1="5", cashier="bob")
    assert (sold.status_code, "Cashier: ann" in sold.text) == (201, True)
    assert web_shop.get("grocer-till", f"/v1/stores/{GROCER_STORE}/today").json["merchant_name"] in sold.text
    sale_id = re.findall(r"<p>([0-9a-f]{32})</p>", sold.text)[0]
    assert web_shop.get("grocer-till", f"/v1/sales/{sale_id}").json["cashier"] == "ann"
    assert (">ann<" in served.get("/till/shift").text, sums_of(served) != before) == (True, True)
    served.get("/till/cashier")
    assert served.post("/till/cashier").headers["Location"] == "/till/cashier"
    assert served.get("/till").headers["Location"] == "/till/cashier"


def test_whose_pin_has_ended_stands_at_no_till(served: Browser, web_shop: Shop) -> None:
    served.get("/till")
    web_shop.must("grocer", "/v1/cashiers/ann/end", {"merchant": GROCER})
    for path in ("/till", f"/till/returns/{'0' * 32}", f"/till/holds/{'0' * 32}"):
        assert served.post(path, act="sell", amount_1="5").headers["Location"] == "/till/cashier"


def test_points_that_were_held_are_sold_or_let_go(enter: Enter, web_shop: Shop) -> None:
    member = web_shop.get("member", f"/v1/members/{web_shop.keys['member-number']}/code").json["digits"]
    browser = enter("cashier")
    browser.get("/till")
    held = browser.post("/till", act="hold", amount_1="5", member=member, points="1")
    assert held.status_code == 201, held.text
    hold = re.findall(r"/till/holds/([0-9a-f]{32})", held.text)[0]
    browser.hidden = hidden_of(held)
    sold = browser.post(f"/till/holds/{hold}", act="capture", amount_1="5", quantity_1="1")
    assert (sold.status_code, "$5.00" in sold.text) == (201, True), sold.text
    again = browser.post(f"/till/holds/{hold}", act="void", once="0" * 32)
    assert (again.status_code, 'role="alert"' in again.text) == (409, True)
    assert browser.post("/till/holds/none", act="void", once="1" * 32).status_code == 400


def test_a_held_sale_is_found_again_from_another_page(enter: Enter, web_shop: Shop) -> None:
    browser = enter("cashier")
    assert browser.get("/till").text.count('href="/till/holds"') == 1

    # Not the member of other tests: a pay code is good once.
    number = str(web_shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"])
    web_shop.must("grocer-till", "/v1/sales", basket(amount=10_000, member={"number": number}, reference="h"))
    own = web_shop.key_for("member", number)
    member = web_shop.get(own, f"/v1/members/{number}/code").json["digits"]
    browser.get("/till")
    fields = {"article_1": "oil", "amount_1": "5", "quantity_1": "3", "amount_2": "1"}
    answer = browser.post("/till", act="hold", member=member, points="1", **fields)
    assert answer.status_code == 201, answer.text
    hold = re.findall(r"/till/holds/([0-9a-f]{32})", answer.text)[0]
    listed = browser.get("/till/holds").text
    assert f'href="/till/holds/{hold}"' in listed and "$16.00" in listed and "oil +1" in listed
    page = browser.get(f"/till/holds/{hold}").text
    assert "oil" in page and "$15.00" in page and "general" in page
    # Without the typed basket: what was held is what is sold.
    paper = browser.post(f"/till/holds/{hold}", act="capture")
    assert (paper.status_code, "$16.00" in paper.text) == (201, True), paper.text
    assert hold not in browser.get("/till/holds").text
    over = browser.get(f"/till/holds/{hold}")
    assert (over.status_code, 'value="capture"' in over.text) == (409, False)
    assert browser.get("/till/holds/none").status_code == 400


def test_what_went_back_on_a_card_is_not_called_money_to_give(enter: Enter, web_shop: Shop) -> None:
    (code,) = printed(web_shop)
    web_shop.must("grocer-till", "/v1/value-cards", money(code, 700))
    sale = web_shop.must("grocer-till", "/v1/sales", paying(code, 700))["sale_id"]
    browser = enter("cashier")
    browser.get(f"/till/returns?sale={sale}")
    paper = browser.post(f"/till/returns/{sale}", back_1="4").text
    assert re.findall(r"<th>(of it [^<]+)</th><td class=\"number\">([^<]+)<", paper) == [
        ("of it back on a stored-value card", "$7.00"), ("of it money", "$0.00"),
    ]  # fmt: skip


def test_cards_and_tickets_are_sold_asked_loaded_and_let_in(served: Browser, web_shop: Shop) -> None:
    (card,) = printed(web_shop)
    (code,) = printed(web_shop, 1, "HK", Ticket("Ball", NOON + timedelta(days=5_000), 2_500))

    def done(act: str, shown: str, **more: str) -> tuple[int, str]:
        served.get("/till/paid")
        answer = served.post("/till/paid", act=act, code=shown, **more)
        assert shown not in answer.text.partition("</nav>")[2] or answer.status_code != 200
        return answer.status_code, answer.text

    assert done("sell-card", card, amount="9.00", pin="4711")[0] == 200
    assert "10.50" in done("load", card, amount="1.50")[1]
    assert "10.50" in done("balance", card, pin="4711")[1]
    assert done("balance", card, pin="4712")[0] == 404
    assert done("pay-out", card, pin="4711")[0] == 422
    assert done("sell-ticket", code, amount="25,00", tender="card")[0] == 200
    assert (done("enter", code)[0], done("enter", code)[0]) == (200, 409)
    assert (done("load", card, amount="x")[0], done("enter", " ")[0]) == (422, 422)


def test_a_card_pays_part_or_all_of_a_basket(enter: Enter, web_shop: Shop) -> None:
    """The till says what it holds, takes no more, and asks for the rest."""
    (card,) = printed(web_shop)
    browser = enter("cashier")  # not Ann's: her shift's sums are another test's
    web_shop.must("grocer-till", "/v1/value-cards", {**money(card, 900), "pin": "4711"})
    basket = {"amount_1": "6", "card": card}

    def asked(act: str, **more: str) -> tuple[int, str]:
        browser.get("/till")
        answer = browser.post("/till", act=act, **basket, **more)
        return answer.status_code, answer.text

    status, text = asked("quote", card_pin="4711", card_amount="2.50")
    assert (status, "pays $2.50 of $9.00, $6.50 stay" in text, "$3.50" in text) == (200, True, True)
    assert "4711" not in text
    status, text = asked("sell", card_pin="0000")
    assert (status in (403, 404, 409, 422), 'role="alert"' in text, "4711" in text) == (True, True, False)
    assert asked("hold", card_pin="4711")[0] == 422
    assert "when points are held" in asked("hold", card_pin="4711")[1]
    assert asked("sell", card_pin="4711", card_amount="x")[0] == 422
    status, text = asked("sell", card_pin="4711", card_amount="2.50", rest="card")
    assert (status, "−$2.50" in text, card in text) == (201, True, False)
    assert asked("sell", card_pin="4711")[0] == 201
    status, text = asked("quote", card_pin="4711")
    assert (status, "pays $0.50 of $0.50, $0.00 stay" in text, "$5.50" in text) == (200, True, True)


def test_a_card_that_paid_gives_the_same_receipt_when_the_form_is_sent_again(
    served: Browser, web_shop: Shop
) -> None:
    """Nobody knew whether it was sold: what the card holds by now would make another payment of it."""
    (card,) = printed(web_shop)
    web_shop.must("grocer-till", "/v1/value-cards", {**money(card, 900), "pin": "4711"})
    served.get("/till")
    form = {"act": "sell", "amount_1": "6", "card": card, "card_pin": "4711"}
    first, second = served.post("/till", **form), served.post("/till", **form)
    assert (first.status_code, second.status_code) == (201, 201)
    sold = [re.findall(r"<p>([0-9a-f]{32})</p>", answer.text) for answer in (first, second)]
    assert sold[0] == sold[1]
    held = web_shop.must("grocer-till", "/v1/value-cards/balances", {"card": card, "pin": "4711"})
    assert held["available_minor"] == 300
    assert served.post("/till", **form | {"amount_1": "7"}).status_code in (409, 422)


def test_every_row_of_a_basket_counts_and_wants_its_price() -> None:
    many = {f"amount_{n}": "1" for n in range(1, 61)}
    assert len(basket_of(many, 2)) == 60 and rows_of(many)[-1] == 61
    with pytest.raises(Mistyped) as priceless:
        basket_of({"amount_1": "2", "article_2": "Tea"}, 2)
    assert priceless.value.field == "amount_2"
