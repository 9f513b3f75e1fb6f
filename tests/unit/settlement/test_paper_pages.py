"""A statement on pages opens, carries figures and words of its language, and is the same every time."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
import reportlab
from pypdf import PdfReader

from ledger_service.bootstrap.papering import Manner
from ledger_service.cli.settle_statement import font_to_think_of
from ledger_service.kernel.errors import MalformedField
from ledger_service.settlement.papers.pages import statement_pdf
from ledger_service.settlement.papers.wording import Language, word
from tests.unit.settlement.paper_sample import BAKER, POOL, sample

NAMES = {BAKER: "Baker 麵包"}
LATIN_FONT = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize("language", Language)
def test_the_pages_carry_the_figures_in_each_language(language: Language) -> None:
    text = text_of(statement_pdf(replace(sample(), pools=(POOL,)), language, NAMES))
    figures = ("10,098", "111.078000", "2.955000", "-0.295500", "0.25", "-0.008650", "1.900000")
    for told in ("9501101530003", *figures):
        assert told in text
    for key in ("title", "closing", "owed to the merchant", "held out by a dispute", "pools", "recompute"):
        assert "".join(word(key, language).split()) in "".join(text.split())
    assert "麵包" in text


@pytest.mark.parametrize(("manner", "said"), [
    (Manner(), False), (Manner(Language.TRADITIONAL), True), (Manner(Language.SIMPLIFIED), True),
    (Manner(Language.TRADITIONAL, font=Path("a.ttf")), False),
])  # fmt: skip
def test_who_writes_chinese_without_a_font_is_told(manner: Manner, said: bool) -> None:
    assert (font_to_think_of(manner) is not None) is said


def test_the_same_figures_make_the_same_bytes() -> None:
    once = statement_pdf(sample(), Language.TRADITIONAL, NAMES)
    assert statement_pdf(sample(), Language.TRADITIONAL, NAMES) == once
    assert statement_pdf(replace(sample(), currency="EUR"), Language.TRADITIONAL, NAMES) != once


def test_a_statement_that_waits_says_so_and_one_without_points_is_whole() -> None:
    statement = replace(sample(), netting=None, programmes=(), legs=())
    text = " ".join(text_of(statement_pdf(statement, Language.ENGLISH)).split())
    assert "Payouts are fixed when the period is netted" in text
    assert text.count("None.") == 3


def test_many_legs_go_on_to_further_pages_under_the_same_heading() -> None:
    legs = sample().legs
    many = replace(sample(), legs=tuple(replace(legs[2], terms_version=n) for n in range(1, 120)))
    made = PdfReader(io.BytesIO(statement_pdf(many, Language.ENGLISH)))
    pages = [page.extract_text() for page in made.pages]
    assert len(pages) >= 3
    assert sum("Acceptor" in page for page in pages) >= 3


def test_a_font_is_embedded_and_none_is_refused(tmp_path: Path) -> None:
    body = statement_pdf(sample(), Language.ENGLISH, NAMES, LATIN_FONT)
    assert b"/FontFile2" in body
    assert b"/FontFile2" not in statement_pdf(sample(), Language.ENGLISH, NAMES)
    broken = tmp_path / "font.ttf"
    broken.write_bytes(b"no font")
    for font in (broken, tmp_path / "absent.ttf"):
        with pytest.raises(MalformedField):
            statement_pdf(sample(), Language.ENGLISH, NAMES, font)
