"""Bodies made of forms: what is typed as the API takes it, and what cannot be read goes on as typed."""

from __future__ import annotations

import pytest

from ledger_service.web.office.blocks import Field, Form
from ledger_service.web.office.deeds import body_of, filled


def read(kind: str, typed: str, *, optional: bool = False) -> object:
    return body_of({"x": typed}, [Field("x", kind, "l", optional)], 2).get("x", "absent")


@pytest.mark.parametrize(
    ("kind", "typed", "body"),
    [
        ("int", " 12 ", 12), ("int", "-1", -1), ("int", "1.5", "1.5"), ("int", "٣", "٣"),
        ("int", "", ""),
        ("money", "12.5", 1250), ("money", "12", 1200), ("money", "12.345", "12.345"),
        ("money", "1e3", "1e3"),
        ("percent", "12.5", 1250), ("percent", "12.345", "12.345"), ("merchant", "952", "952"),
        ("micros", "0.01", 10_000), ("micros", "1", 1_000_000),
        ("instant", "2026-01-02T03:04", "2026-01-02T03:04:00Z"), ("instant", "tomorrow", "tomorrow"),
        ("list", "a, b、c", ["a", "b", "c"]), ("list", "", []), ("ints", "60, 30", [60, 30]),
        ("json", '{"a": 1}', {"a": 1}), ("json", "{", "{"), ("flag", "yes", True), ("flag", "", False),
        ("nullable", "", None), ("text", " 名 ", "名"),
    ],
)  # fmt: skip
def test_a_field_is_read_by_its_kind(kind: str, typed: str, body: object) -> None:
    assert read(kind, typed) == body


def test_an_empty_optional_field_is_left_out() -> None:
    assert read("text", "", optional=True) == "absent"


def test_a_dotted_name_lies_inside() -> None:
    fields = [Field("earn.points", "int", "l"), Field("earn.per_minor", "money", "l")]
    assert body_of({"earn.points": "1", "earn.per_minor": "1"}, fields, 2) == {
        "earn": {"points": 1, "per_minor": 100}
    }


def test_forms_of_one_page_have_keys_of_their_own() -> None:
    forms = [Form("/a/1", "t", "b"), Form("/a/2", "t", "b"), Form("/a/1", "t", "b", hidden={"deed": "other"})]
    assert len({form.mark for form in forms}) == 3
    assert filled("/v1/x/{a}/y", {"a": "1"}) == "/v1/x/1/y"
