"""A service with its screens, and browsers that have entered with each role's key."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import open_shop_once
from tests.api.service import GROCER, Shop, basket

__all__ = ["open_shop_once"]
_HIDDEN = re.compile(r'name="(csrf|once)" value="([0-9a-f]*)"')


def hidden_of(answer: Any) -> dict[str, str]:
    """The hidden fields that every form of a page carries."""
    return dict(_HIDDEN.findall(answer.get_data(as_text=True)))


class Browser:
    """A client with a session's cookie, which sends the hidden fields of the page before."""

    def __init__(self, client: FlaskClient, language: str = "en") -> None:
        self.client = client
        self.headers = {"Accept-Language": language}
        self.hidden: dict[str, str] = {}

    def get(self, path: str) -> Any:
        answer = self.client.get(path, headers=self.headers)
        self.hidden = hidden_of(answer)
        return answer

    def post(self, path: str, origin: str | None = None, **fields: str) -> Any:
        headers = self.headers | ({"Origin": origin} if origin else {})
        return self.client.post(path, data={**self.hidden, **fields}, headers=headers)


@pytest.fixture(scope="module")
def web_shop(open_shop_once: Shop) -> Shop:
    shop = open_shop_once
    number = str(
        shop.must("grocer", "/v1/members", {"custody": "custodial", "display_name": "林美玲"})["number"]
    )
    shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": number}))
    shop.keys |= {
        "member": shop.key_for("member", number),
        "auditor": shop.key_for("auditor", "aud"),
        "merchant": shop.key_for("merchant", GROCER),
        "cashier": shop.keys["grocer-till"],
    }
    shop.keys["member-number"] = number
    return shop


@pytest.fixture
def enter(web_shop: Shop) -> Callable[..., Browser]:
    """A browser that has entered with the key of a role."""

    def opened(role: str, language: str = "en") -> Browser:
        application: Any = web_shop.client.application
        browser = Browser(application.test_client(), language)
        browser.get("/enter")
        assert browser.post("/enter", key=web_shop.keys[role]).status_code == 303
        return browser

    return opened
