"""Passkeys over HTTP: made after a log-in, shown for one, ended; whatever is not right opens nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from ledger_service.members.passkeys.rules import Site, site_of
from tests.api.authenticator import NAME, ORIGIN, Authenticator, text
from tests.api.offices import Browser, browser
from tests.api.service import Shop
from tests.api.test_cases import carried_out, case_of, notice
from tests.api.test_logins import anonymous, log_in, said
from tests.api.without_phone import enrol

REFUSED = (403, "login-refused")


@pytest.fixture
def named(any_shop: Shop) -> tuple[Shop, str, str]:
    """A shop that is reached by a name; a member's key and the path of its passkeys."""
    object.__setattr__(any_shop.serving.passkeys, "site", Site(NAME, ORIGIN))
    number = enrol(any_shop)
    any_shop.get("operator", "/v1/merchants")  # moves the replay's clock, which callers without a key have
    return any_shop, any_shop.key_for("member", number), f"/v1/members/{number}/passkeys"


def made(shop: Shop, own: str, base: str, device: Authenticator, label: str = "手机 phone") -> Any:
    options = shop.must(own, f"{base}/options")["options"]
    return shop.post(own, base, {"label": label, "credential": device.make(options)})


def options_of(shop: Shop) -> dict[str, Any]:
    answer = anonymous(shop, "/v1/passkey-challenges", {})
    assert answer.status_code == 200
    return dict(answer.json["options"])


def test_a_passkey_is_made_opens_once_for_each_challenge_and_ends(named: tuple[Shop, str, str]) -> None:
    shop, own, base = named
    device = Authenticator()
    options = shop.must(own, f"{base}/options")["options"]
    assert (options["rp"]["id"], options["authenticatorSelection"]["userVerification"]) == (NAME, "required")
    new = {"label": "手机 phone", "credential": device.make(options)}
    kept = shop.must(own, base, new, key="k")
    assert shop.must(own, base, new, key="k") == kept
    assert (kept["label"], kept["used_at"]) == ("手机 phone", None)
    assert said(shop.post(own, base, new)) == (422, "passkey-refused")
    shown = device.show(options_of(shop))
    opened = anonymous(shop, "/v1/logins", {"passkey": shown}, key="l")
    assert opened.status_code == 201
    assert anonymous(shop, "/v1/logins", {"passkey": shown}, key="l").json == opened.json
    assert said(log_in(shop, passkey=shown)) == REFUSED
    token = opened.json["token"]
    assert shop.get(token, base.removesuffix("/passkeys")).json["number"] == opened.json["number"]
    listed = shop.get(token, base).json["passkeys"]
    assert ([one["passkey"] for one in listed], listed[0]["used_at"] is None) == ([kept["passkey"]], False)
    assert said(shop.post("operator", base, new)) == (403, "scope-missing")
    assert said(shop.post("operator", f"{base}/options")) == (403, "scope-missing")
    other = shop.key_for("member", enrol(shop))
    assert said(shop.post(other, f"{base}/{kept['passkey']}/end")) == (403, "not-yours")
    waiting = device.show(options_of(shop))
    assert shop.must(own, f"{base}/{kept['passkey']}/end") == {"passkey": kept["passkey"]}
    assert said(shop.post(own, f"{base}/{kept['passkey']}/end")) == (404, "passkey-unknown")
    assert said(log_in(shop, passkey=waiting)) == REFUSED


def test_what_a_device_or_a_page_cheats_with_opens_nothing(named: tuple[Shop, str, str]) -> None:
    shop, own, base = named
    device = Authenticator()
    assert made(shop, own, base, device).status_code == 201

    def tried(change: Callable[[dict[str, Any]], Any], **of_device: Any) -> tuple[int, str]:
        for name, value in of_device.items():
            setattr(device, name, value)
        shown = deepcopy(device.show(options_of(shop)))
        device.flags, device.origin = 5, ORIGIN
        change(shown)
        return said(log_in(shop, passkey=shown))

    def keep(_: dict[str, Any]) -> None:
        """As the device said it."""

    def put(name: str, value: str) -> Callable[[dict[str, Any]], Any]:
        return lambda shown: shown["response"].update({name: value})

    for change in (put("clientDataJSON", text(b"[" * 9_000)),
                   put("signature", "AAAA"), put("authenticatorData", "AA"), put("clientDataJSON", "e30"),
                   put("clientDataJSON", "A"), lambda shown: shown.update(rawId="AAAA"),
                   lambda shown: shown.update(id="AAAA", rawId="AAAA")):  # fmt: skip
        assert tried(change) == REFUSED
    assert tried(keep, origin="https://evil.example") == REFUSED
    assert tried(keep, flags=1) == REFUSED
    assert [tried(keep, count=50), tried(keep, count=10)] == [(201, ""), REFUSED]
    device.count = 100
    stranger = Authenticator()
    assert said(log_in(shop, passkey=stranger.show(options_of(shop)))) == REFUSED
    old = options_of(shop)
    shop.at = "2017-03-01T12:11:00Z"
    shop.get("operator", "/v1/merchants")
    assert said(log_in(shop, passkey=device.show(old))) == REFUSED
    assert said(log_in(shop, passkey=device.show({"challenge": "AAAA"}))) == REFUSED
    # A challenge to make a passkey opens none.
    assert said(log_in(shop, passkey=device.show(shop.must(own, f"{base}/options")["options"]))) == REFUSED
    assert tried(keep) == (201, "")


def test_a_passkey_that_is_not_ones_own_or_not_verified_is_not_kept(named: tuple[Shop, str, str]) -> None:
    shop, own, base = named
    number = enrol(shop)
    other, of_other = shop.key_for("member", number), f"/v1/members/{number}/passkeys"
    options = shop.must(other, f"{of_other}/options")["options"]
    mine = shop.must(own, f"{base}/options")["options"]
    for device, asked in ((Authenticator(), options), (Authenticator(flags=1), mine),
                          (Authenticator(origin="http://alliance.example"), mine)):  # fmt: skip
        body = {"label": "x", "credential": device.make(asked)}
        assert said(shop.post(own, base, body)) == (422, "passkey-refused")
    for frozen in (True, False):
        path, body = f"/v1/members/{base.split('/')[3]}/freeze", {"frozen": frozen}
        shop.must("operator", path, body, status=200)
        if frozen:
            assert said(made(shop, own, base, Authenticator()))[1] == "member-frozen"
    for number in range(10):
        assert made(shop, own, base, Authenticator(), f"phone {number}").status_code == 201
    assert said(shop.post(own, f"{base}/options")) == (409, "passkey-limit-reached")


def test_a_recovery_ends_passkeys_and_what_they_opened(named: tuple[Shop, str, str]) -> None:
    shop, own, base = named
    number = base.split("/")[3]
    device, thief = Authenticator(), Authenticator()
    assert made(shop, own, base, device).status_code == 201
    token = log_in(shop, passkey=device.show(options_of(shop))).json["token"]
    waiting = {"label": "x", "credential": thief.make(shop.must(token, f"{base}/options")["options"])}
    case = case_of(shop, {"number": number})
    shop.must(shop.further_operator("second").token, f"/v1/cases/{case}/approval")
    notice(shop, case)
    assert carried_out(shop, case)
    # Also where this process has not heard yet that the key has ended.
    assert said(shop.post(token, base, waiting)) == (401, "credentials-refused")
    shop.serving.keyring.refresh()
    assert shop.get("operator", base).json["passkeys"] == []
    assert said(shop.get(token, base)) == (401, "credentials-refused")
    assert said(log_in(shop, passkey=device.show(options_of(shop)))) == REFUSED


def test_a_passkey_opens_the_pages_and_is_removed_there(named: tuple[Shop, str, str]) -> None:
    shop, own, _ = named
    pages, device = browser(shop, own), Authenticator()
    told = re.search(r"data-options='([^']+)'", pages.open("/me/passkeys/new").text)
    assert told is not None
    credential = json.dumps(device.make(json.loads(told[1])))
    assert pages.send("/me/passkeys", label=" ", credential=credential).status_code == 400
    pages.open("/me/passkeys/new")
    assert pages.send("/me/passkeys", label="x", credential="no JSON").status_code == 400
    pages.open("/me/passkeys/new")
    sent = pages.send("/me/passkeys", label="<b>手机", credential=credential).location
    page = pages.open(sent).text
    assert ("&lt;b&gt;手机" in page, "from now on" in page) == (True, True)
    stranger = Browser(shop.client.application.test_client())
    asked = stranger.open("/enter/passkey").json
    shown = json.dumps(device.show(asked))
    stranger.open("/enter?to=/me/coupons")
    opened = stranger.send("/enter/passkey", credential=shown, to="/me/coupons")
    assert (opened.status_code, opened.location) == (303, "/me/coupons")
    ends = re.search(r'action="(/me/passkeys/[0-9a-f]{32}/end)"', pages.open("/me/passkeys").text)
    assert ends is not None
    assert pages.send(ends[1]).location == "/me/passkeys?done=ended"
    stranger.open("/enter")
    refused = stranger.send("/enter/passkey", credential=json.dumps(device.show(asked)))
    assert (refused.status_code, "login-refused" in refused.text) == (403, True)


def test_the_site_is_a_name_and_no_number() -> None:
    assert site_of("https://Points.Example:8443/x") == Site("points.example", "https://points.example:8443")
    for numbers in ("http://127.0.0.1:8000", "http://[::1]:8000", "https://10.0.0.1", ""):
        assert site_of(numbers) is None


def test_without_a_name_no_passkey_is_offered(shop: Shop) -> None:
    number = enrol(shop)
    own = shop.key_for("member", number)
    assert said(shop.post(own, f"/v1/members/{number}/passkeys/options")) == (422, "passkeys-not-offered")
    assert said(anonymous(shop, "/v1/passkey-challenges", {})) == (422, "passkeys-not-offered")
    shown = Authenticator().show({"challenge": "AAAA"})
    assert said(log_in(shop, passkey=shown)) == (422, "passkeys-not-offered")
