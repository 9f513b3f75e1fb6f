"""A member's further pages: what it shares and what comes of that, its items, its PIN and cards."""

from __future__ import annotations

from typing import Any

from ledger_service.web.drawing.funnel import Step, funnel
from ledger_service.web.ports import Answer
from ledger_service.web.screen import Download, Go, Page, Screen, Visit
from ledger_service.web.screens.member import MEMBER, mine, names_of, picture

CHANNELS = ("whatsapp", "wechat-group", "wechat-moments", "line", "weibo", "sms", "paper")
_ROWS = "25"


def share(visit: Visit) -> Page:
    """What may be shared, and the links that the member has."""
    return _shared(visit, None)


def _shared(visit: Visit, answer: Answer | None) -> Page:
    offers = visit.get("/v1/share/offers", limit=_ROWS)
    links = visit.get("/v1/share/links", limit=_ROWS, **_cursor(visit))
    rewards = visit.get("/v1/share/rewards", limit=_ROWS)
    good = answer is None or answer.good
    shown = {
        "offers": offers["offers"], "links": links["links"], "cursor": links["next_cursor"],
        "rewards": rewards["rewards"], "channels": CHANNELS,
        "names": {one["campaign"]: one["name"] for one in offers["offers"]},
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page("member/share.html", shown, 200 if answer is None or good else answer.status)


def _cursor(visit: Visit) -> dict[str, str]:
    return {"cursor": visit.query["cursor"]} if "cursor" in visit.query else {}


def make_link(visit: Visit) -> Page | Go:
    """The member has its link of the campaign, one for each place where it shares."""
    body = {name: visit.form.get(name, "").strip() for name in ("campaign", "channel")}
    answer = visit.do("/v1/share/links", body)
    return Go(f"/me/share/{answer.document['code']}") if answer.good else _shared(visit, answer)


def link(visit: Visit) -> Page:
    """One link as a poster, with how far it has led."""
    code = visit.path["link"]
    steps = visit.get(f"/v1/share/links/{code}/funnel")
    offer = visit.ask(f"/v1/share/links/{code}/offer")
    stages = [Step(visit.say(f"share.{name}"), steps[name]) for name in ("touches", "followed", "enrolled")]
    shown = {
        "code": code, "steps": steps, "offer": offer.document if offer.good else None,
        "drawing": funnel(stages, visit.say("share.funnel"), visit.formats.number),
    }  # fmt: skip
    return Page("member/poster.html", shown)


def link_image(visit: Visit) -> Download:
    """The link as a QR code."""
    return picture(visit.ask(f"/v1/share/links/{visit.path['link']}/qr"))


def end_link(visit: Visit) -> Page | Go:
    """The link leads nowhere any more."""
    answer = visit.do(f"/v1/share/links/{visit.path['link']}/end", {})
    return Go("/me/share") if answer.good else _shared(visit, answer)


def items(visit: Visit) -> Page:
    """The items that were claimed, and the way to the page of a further one."""
    claims = visit.get(mine(visit, "/item-claims"), limit=_ROWS, **_cursor(visit))
    shown = {"claims": claims["claims"], "cursor": claims["next_cursor"], "names": names_of(visit)}
    return Page("member/items.html", shown)


def card(visit: Visit) -> Page:
    """The member's cards, and the form for its PIN."""
    return _cards(visit, None)


def _cards(visit: Visit, answer: Answer | None, done: str = "") -> Page:
    good = answer is None or answer.good
    shown: dict[str, Any] = {
        "cards": visit.get(mine(visit, "/cards"))["cards"], "done": done if good else "",
        "problem": None if answer is None or good else answer.document,
    }  # fmt: skip
    return Page("member/card.html", shown, 200 if answer is None or good else answer.status)


def set_pin(visit: Visit) -> Page:
    """The member has this PIN from now on."""
    visit.step_up()
    answer = visit.do(mine(visit, "/pin"), {"pin": visit.form.get("pin", "")}, "PUT")
    return _cards(visit, answer, "card.pin_set")


def lose_card(visit: Visit) -> Page:
    """A card serves nobody any more."""
    answer = visit.do(mine(visit, "/cards/lost"), {"card_id": visit.form.get("card_id", "")})
    return _cards(visit, answer, "card.ended")


SCREENS = (
    Screen("GET", "/me/share", "member-share", MEMBER, share),
    Screen("POST", "/me/share", "member-make-link", MEMBER, make_link),
    Screen("GET", "/me/share/<link>", "member-link", MEMBER, link),
    Screen("GET", "/me/share/<link>/image", "member-link-image", MEMBER, link_image),
    Screen("POST", "/me/share/<link>/end", "member-end-link", MEMBER, end_link),
    Screen("GET", "/me/items", "member-items", MEMBER, items),
    Screen("GET", "/me/card", "member-card", MEMBER, card),
    Screen("POST", "/me/card/pin", "member-set-pin", MEMBER, set_pin),
    Screen("POST", "/me/card/lost", "member-lose-card", MEMBER, lose_card),
)
