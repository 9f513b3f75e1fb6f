"""A statement as PDF: the rows of the CSV on pages, in a language of people; the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.gs1 import gln_text
from ledger_service.settlement.papers.figures import LegSum, Statement
from ledger_service.settlement.papers.table import (
    Row,
    chain_facts,
    pool_rows,
    programme_rows,
    recompute_command,
    settlement_rows,
)
from ledger_service.settlement.papers.typeface import FIXED, LATIN, LATIN_BOLD, Typeface
from ledger_service.settlement.papers.wording import Language, word

_MARGIN, _FRAME_PADDING = 14 * mm, 6
_WIDTH = A4[0] - 2 * (_MARGIN + _FRAME_PADDING)
_INK, _SHADE = colors.HexColor("#1f2a37"), colors.HexColor("#eef1f5")
_BODY = ParagraphStyle("body", fontName=LATIN, fontSize=8, leading=10.5, textColor=_INK, splitLongWords=1)
_RIGHT = ParagraphStyle("right", _BODY, alignment=TA_RIGHT)
_TITLE = ParagraphStyle("title", _BODY, fontSize=17, leading=22)
_HEAD = ParagraphStyle("head", _BODY, fontSize=10.5, leading=14, spaceBefore=9, spaceAfter=3)
_NOTE = ParagraphStyle("note", _BODY, fontSize=7.5, textColor=colors.HexColor("#566273"))
_MICROS = 1_000_000


def statement_pdf(
    statement: Statement,
    language: Language,
    names: Mapping[int, str] | None = None,
    font: Path | None = None,
) -> bytes:
    """The statement on A4 pages.

    Args:
        statement: its figures.
        language: of the words.
        names: of merchants by GLN, as the operator knows them; the chain knows none.
        font: a TrueType font to embed for Chinese; None leaves it to the reader's own.

    Raises:
        MalformedField: ``font`` is none.
    """
    return _Printer(statement, language, names or {}, Typeface(language, font)).print()


def money_text(micros: int) -> str:
    """An exact amount of the currency, to the micro."""
    whole, part = divmod(abs(micros), _MICROS)
    return f"{'-' if micros < 0 else ''}{whole:,}.{part:06}"


class _Printer:
    """One statement in one language."""

    def __init__(
        self, statement: Statement, language: Language, names: Mapping[int, str], face: Typeface
    ) -> None:
        self._statement, self._language, self._names, self._face = statement, language, names, face

    def print(self) -> bytes:
        file, title = io.BytesIO(), self._word("title")
        # Neither the time of writing nor a compression library's version may change the bytes.
        document = SimpleDocTemplate(
            file, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN,
            bottomMargin=_MARGIN, title=f"{title} {self._mark}", invariant=1, pageCompression=0,
        )  # fmt: skip
        document.build(self._story(), onFirstPage=self._footer, onLaterPages=self._footer)
        return file.getvalue()

    @property
    def _mark(self) -> str:
        s = self._statement
        return f"{gln_text(s.merchant)} / {s.period} / {s.stage.value}"

    def _story(self) -> list[Flowable]:
        statement = self._statement
        story: list[Flowable] = [self._text(self._word("title"), _TITLE, LATIN_BOLD), self._heading()]
        for programme in statement.programmes:
            rows = list(programme_rows(programme))
            name = f"{self._word('programmes')}: {self._word('programme')} {programme.figures.programme}"
            story.append(KeepTogether([self._head(name), self._movements(rows)]))
        story += self._legs("owed by the merchant", "acceptor", "fee kept", statement.owed_by_us())
        story += self._legs("owed to the merchant", "issuer", "fee borne", statement.owed_to_us())
        story += self._legs("own points taken here", "issuer", None, statement.own())
        story += [Spacer(0, 3), self._text(self._word("gross note"), _NOTE), self._settlement()]
        return [*story, *self._pools(), self._chain()]

    def _heading(self) -> Table:
        s = self._statement
        closed_at = format_instant(instant_of_seconds(s.facts.place.closed_at))
        cells = [
            [self._word("merchant"), self._named(s.merchant), self._word("period"), str(s.period)],
            [self._word("stage"), self._word(s.stage.value), self._word("closed at"), closed_at],
            ["", "", self._word("currency"), s.currency],
        ]
        return self._table(cells, (0.11, 0.47, 0.14, 0.28), right=(), header=False)

    def _movements(self, rows: Sequence[Row]) -> Table:
        header = [self._word(key) for key in ("movement", "terms", "points", "value")]
        cells = [
            [
                self._word(row.item),
                str(row.terms_version),
                _figure(row.points),
                money_text(row.value_micros or 0),
            ]
            for row in rows
        ]
        strong = (1, len(cells) - 1)
        return self._table([header, *cells], (0.46, 0.12, 0.2, 0.22), right=(1, 2, 3), strong=strong)

    def _legs(self, title: str, side: str, fee: str | None, legs: Sequence[LegSum]) -> list[Flowable]:
        head = self._head(self._word(title))
        if not legs:
            return [KeepTogether([head, self._text(self._word("none"), _BODY)])]
        keys = [side, "programme", "terms", "kind", "lines", "points", "gross"]
        cells = [self._leg(leg, leg.creditor if side == "acceptor" else leg.debtor, fee) for leg in legs]
        figures = sum(g.lines for g in legs), sum(g.points for g in legs)
        total = [self._word("total"), "", "", "", *map(_figure, figures)]
        total.append(money_text(sum(g.value_micros for g in legs)))
        widths: tuple[float, ...] = (0.3, 0.1, 0.1, 0.14, 0.1, 0.12, 0.14)
        if fee is not None:
            keys += [fee, "owed"]
            sums = sum(g.fee_micros for g in legs), sum(g.owed_micros for g in legs)
            total += [money_text(micros) for micros in sums]
            widths = (0.19, 0.1, 0.08, 0.1, 0.07, 0.09, 0.12, 0.125, 0.125)
        whole = [[self._word(key) for key in keys], *cells, total]
        right = tuple(range(4, len(keys)))
        return [head, self._table(whole, widths, right=right, strong=(len(whole) - 1,))]

    def _leg(self, leg: LegSum, other: int, fee: str | None) -> list[str]:
        what = self._word("came back" if leg.came_back else "redeemed")
        told = [self._named(other), str(leg.programme), str(leg.terms_version), what, _figure(leg.lines),
                _figure(leg.points), money_text(leg.value_micros)]  # fmt: skip
        return told if fee is None else [*told, money_text(leg.fee_micros), money_text(leg.owed_micros)]

    def _settlement(self) -> Flowable:
        statement = self._statement
        header = [self._word("settlement"), "", self._word("amount")]
        rows = settlement_rows(statement)
        cells = [[self._word(row.item), self._pair(row), self._amount(row)] for row in rows]
        table = self._table([header, *cells], (0.4, 0.38, 0.22), right=(2,))
        said = self._word("positive" if statement.netting is not None else "waits")
        note = self._text(said, _NOTE)
        return KeepTogether([self._head(self._word("settlement")), table, Spacer(0, 3), note])

    def _pools(self) -> list[Flowable]:
        rows = list(pool_rows(self._statement))
        if not rows:
            return []
        header = [self._word("pools"), self._word("programme"), "", self._word("amount")]
        cells = [
            [self._word(row.item), str(row.programme), self._pair(row), self._amount(row)] for row in rows
        ]
        table = self._table([header, *cells], (0.32, 0.1, 0.38, 0.2), right=(3,))
        return [KeepTogether([self._head(self._word("pools")), table])]

    def _pair(self, row: Row) -> str:
        if row.debtor is None or row.creditor is None:
            return ""
        return f"{self._named(row.debtor)} > {self._named(row.creditor)}"

    def _amount(self, row: Row) -> str:
        if row.minor is not None:
            return self._minor_text(row.minor)
        return money_text(row.value_micros or 0 if row.owed_micros is None else row.owed_micros)

    def _minor_text(self, minor: int) -> str:
        units = _MICROS // self._statement.micros_of_one_minor
        whole, part = divmod(abs(minor), units)
        decimals = f".{part:0{len(str(units)) - 1}}" if units > 1 else ""
        return f"{'-' if minor < 0 else ''}{whole:,}{decimals}"

    def _chain(self) -> Flowable:
        facts = [(self._word(name), text) for name, text in chain_facts(self._statement.facts)]
        facts.append((self._word("recompute"), recompute_command(self._statement)))
        cells = [[self._text(name, _BODY), self._text(text, _BODY, FIXED)] for name, text in facts]
        table = Table(cells, colWidths=[0.2 * _WIDTH, 0.8 * _WIDTH])
        table.setStyle(_style(0, header=False))
        return KeepTogether([self._head(self._word("chain")), table])

    def _table(
        self, cells: Sequence[Sequence[str]], widths: Iterable[float], *, right: Sequence[int],
        strong: Sequence[int] = (), header: bool = True,
    ) -> Table:  # fmt: skip
        bold = {0, *strong} if header else set(strong)
        made = [
            [
                self._text(text, _RIGHT if at in right else _BODY, LATIN_BOLD if number in bold else LATIN)
                for at, text in enumerate(row)
            ]
            for number, row in enumerate(cells)
        ]
        table = Table(made, colWidths=[part * _WIDTH for part in widths], repeatRows=int(header))
        table.setStyle(_style(len(cells), header=header))
        return table

    def _head(self, text: str) -> Paragraph:
        return self._text(text, _HEAD, LATIN_BOLD)

    def _text(self, text: str, style: ParagraphStyle, latin: str = LATIN) -> Paragraph:
        return Paragraph(self._face.markup(text, latin), style)

    def _word(self, key: str) -> str:
        return word(key, self._language)

    def _named(self, merchant: int) -> str:
        name = self._names.get(merchant)
        return gln_text(merchant) if name is None else f"{name} {gln_text(merchant)}"

    def _footer(self, canvas: Canvas, document: SimpleDocTemplate) -> None:
        text = f"{self._mark}  ·  {self._word('page')} {document.page}"
        footer = self._text(text, _NOTE)
        footer.wrapOn(canvas, _WIDTH, _MARGIN)
        footer.drawOn(canvas, _MARGIN + _FRAME_PADDING, 8 * mm)


def _figure(points: int | None) -> str:
    return "" if points is None else f"{points:,}"


def _style(rows: int, *, header: bool) -> TableStyle:
    told: list[tuple[object, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#ccd3dc")),
    ]
    if header and rows:
        told += [("BACKGROUND", (0, 0), (-1, 0), _SHADE), ("LINEBELOW", (0, 0), (-1, 0), 0.6, _INK)]
    return TableStyle(told)
