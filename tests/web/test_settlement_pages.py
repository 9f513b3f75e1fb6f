"""What a merchant reads of a settlement period: while it is open its own net alone, which is not zero."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from markupsafe import escape
from sqlalchemy import delete, insert

from ledger_service.chain.models import chain_period
from ledger_service.web.wording import LANGUAGES, words
from tests.api.service import Shop
from tests.api.test_settlement import settled
from tests.web.conftest import Browser

Enter = Callable[..., Browser]
PAGES = ("/merchant/settlement/{}", "/settlement/{}/lines")
_ZERO = ("settlement.nets_about", "lines.flow_about")


@pytest.fixture(scope="module")
def periods(web_shop: Shop) -> Shop:
    """Period 1 is closed and period 2 is open; each has lines between grocer and fuel."""
    settled(web_shop)
    return web_shop


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_only_what_is_whole_is_said_to_be_zero(
    enter: Enter, periods: Shop, language: str, page: str
) -> None:
    said, browser = {key: escape(text) for key, text in words(language).items()}, enter("merchant", language)
    closed, opened = (browser.get(page.format(period)).text for period in (1, 2))
    assert any(said[key] in closed for key in _ZERO) and said["settlement.nets_own"] not in closed
    assert not any(said[key] in opened for key in _ZERO) and said["settlement.nets_own"] in opened
    assert "fuel" in closed and "<svg" in closed


def test_an_auditor_reads_every_net_of_an_open_period(enter: Enter, periods: Shop) -> None:
    page = enter("auditor").get("/settlement/2/lines").text
    assert words("en")["lines.flow_about"] in page
    assert words("en")["settlement.nets_own"] not in page


def test_lines_behind_a_stretch_without_any_are_reached(
    enter: Enter, periods: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page without a line of the merchant's had no way on to the next, and said that there were none."""
    monkeypatch.setattr("ledger_service.chain.periods._MOST_READ", 2)
    periods.keys["third-office"] = periods.keys["third"]
    browser, said = enter("third-office"), words("en")
    for page in PAGES:
        text = browser.get(page.format(1)).text
        assert said["settlement.lines_further"] in text and 'class="more"' in text
        assert said["settlement.no_lines"] not in text


@pytest.fixture
def many(periods: Shop) -> Iterator[None]:
    """Period 251 is open, for the length of a test."""
    database = periods.serving.foundations.database
    with database.begin() as conn:
        conn.execute(insert(chain_period), [
            {"period": period, "last_batch": 3, "block_number": 8} for period in range(2, 251)])  # fmt: skip
    yield
    with database.begin() as conn:
        conn.execute(delete(chain_period).where(chain_period.c.period > 1))


@pytest.mark.usefixtures("many")
def test_the_overview_is_of_the_open_period_and_every_period_is_listed(enter: Enter) -> None:
    said = words("en")["merchant.net"]
    assert said.format(period=251) in enter("merchant").get("/merchant").text
    auditor, here, seen = enter("auditor"), "/audit", set[str]()
    while here:
        text = auditor.get(here).text
        seen |= set(re.findall(r"/audit/period/(\d+)", text))
        more = re.search(r'class="more"><a href="([^"]+)"', text)
        here = more[1] if more else ""
    assert seen == {str(period) for period in range(1, 252)}
