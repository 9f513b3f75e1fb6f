"""Identities: one normal form each, found by a keyed hash, unreadable without the secret."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from ledger_service.kernel.errors import MalformedField
from ledger_service.members.identities import Identity, IdentityVault, parse_identity

SECRET = bytes(range(32))


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("+86 138 0013 8000", "+8613800138000"),
        ("+49 (0)30 1234567", "+49301234567"),
        ("+1-202-555-0123", "+12025550123"),
        ("＋８６ １３８００１３８０００", "+8613800138000"),
        (" +44 20 7946 0000 ", "+442079460000"),
    ],
)
def test_a_phone_number_has_one_form_however_it_is_written(written: str, normal: str) -> None:
    assert parse_identity("phone", written) == Identity("phone", normal)


@pytest.mark.parametrize(
    "written", ["", "0301234567", "13800138000", "+", "+1", "+49 30 1234567 ext 5", "+999999999", "abc", 7]
)
def test_what_is_no_international_number_is_refused(written: object) -> None:
    with pytest.raises(MalformedField):
        parse_identity("phone", written)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Anna.Muster@Example.COM", "anna.muster@example.com"),
        (" a+b@example.co.uk ", "a+b@example.co.uk"),
        ("王小明@例子.公司", "王小明@xn--fsqu00a.xn--55qx5d"),
        ("straße@bücher.example", "strasse@xn--bcher-kva.example"),
        ("ａｎｎａ@example.com", "anna@example.com"),
    ],
)
def test_an_email_address_has_one_form_also_beyond_ascii(written: str, normal: str) -> None:
    assert parse_identity("email", written) == Identity("email", normal)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "anna",
        "@example.com",
        "anna@",
        "anna@localhost",
        "a..b@example.com",
        ".a@example.com",
        "a b@example.com",
        "a@exa mple.com",
        "a@-x-.com",
        "a@example.com.",
        "x" * 65 + "@example.com",
        "a@b@example.com",
        None,
    ],
)
def test_what_is_no_email_address_is_refused(written: object) -> None:
    with pytest.raises(MalformedField):
        parse_identity("email", written)


def test_a_social_identity_keeps_the_providers_subject_as_it_is() -> None:
    assert parse_identity("social:wechat", "oX-陳大文") == Identity("social:wechat", "oX-陳大文")
    assert parse_identity("social:wechat", "ABC") != parse_identity("social:wechat", "abc")


@pytest.mark.parametrize(
    "kind", ["social:", "social:We", "social:a b", "fax", "", None, "phone ", "social:" + "a" * 33]
)
def test_an_unknown_kind_is_refused(kind: object) -> None:
    with pytest.raises(MalformedField):
        parse_identity(kind, "+8613800138000")


def test_the_hash_depends_on_kind_value_and_secret() -> None:
    vault = IdentityVault(SECRET)
    base = vault.hash_of(Identity("email", "a@example.com"))
    assert base == IdentityVault(SECRET).hash_of(Identity("email", "a@example.com"))
    others = {
        vault.hash_of(Identity("email", "b@example.com")),
        vault.hash_of(Identity("social:x", "a@example.com")),
        IdentityVault(bytes(32)).hash_of(Identity("email", "a@example.com")),
    }
    assert base not in others
    assert len(others) == 3


def test_a_sealed_value_opens_only_with_its_kind_and_secret_and_unaltered() -> None:
    vault = IdentityVault(SECRET)
    sealed = vault.seal(Identity("phone", "+8613800138000"), bytes(12))
    assert b"138" not in sealed
    assert vault.open("phone", sealed) == "+8613800138000"
    for opener, kind, raw in (
        (vault, "email", sealed),
        (IdentityVault(bytes(32)), "phone", sealed),
        (vault, "phone", sealed[:-1] + bytes([sealed[-1] ^ 1])),
    ):
        with pytest.raises(ValueError):
            opener.open(kind, raw)
    with pytest.raises(ValueError):
        vault.seal(Identity("phone", "+1"), bytes(11))


@pytest.mark.parametrize("value", ["", "a@example.com", "Ünïcode", "x" * 255])
def test_the_hash_of_an_identity_is_the_hmac_that_every_database_already_holds(value: str) -> None:
    key = hmac.digest(SECRET, b"alliance identity find", sha256)
    expected = hmac.digest(key, f"email\0{value}".encode(), sha256)
    assert IdentityVault(SECRET).hash_of(Identity("email", value)) == expected
