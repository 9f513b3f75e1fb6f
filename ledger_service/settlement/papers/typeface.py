"""Which typeface each run of a printed text is set in, so that Chinese names show in any language.

Without a font file Chinese is set in the Adobe CID fonts that readers of PDF bring along; a file is embedded.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from ledger_service.kernel.errors import MalformedField
from ledger_service.settlement.papers.wording import Language

LATIN, LATIN_BOLD, FIXED = "Helvetica", "Helvetica-Bold", "Courier"
_SIMPLIFIED, _TRADITIONAL = "STSong-Light", "MSung-Light"
# The character collection that a CID font covers, by the codec that covers the same.
_CODECS = {_SIMPLIFIED: "gb18030", _TRADITIONAL: "big5hkscs"}


class Typeface:
    """Sets text: Latin-1 in the standard fonts of PDF, the rest in a CID font or in a font of a file."""

    def __init__(self, language: Language, font: Path | None = None) -> None:
        """Make the fonts known.

        Raises:
            MalformedField: ``font`` is no TrueType font.
        """
        if font is None:
            first = _TRADITIONAL if language is Language.TRADITIONAL else _SIMPLIFIED
            self._wide = [first, *(name for name in _CODECS if name != first)]
            for name in _CODECS:
                pdfmetrics.registerFont(UnicodeCIDFont(name))
        else:
            self._wide = [_registered(font)]

    def markup(self, text: str, latin: str = LATIN) -> str:
        """The text as a paragraph's markup, each run in a font that has its characters."""
        runs = groupby(text, lambda character: self._font_of(character, latin))
        return "".join(f'<font name="{font}">{escape("".join(run))}</font>' for font, run in runs)

    def _font_of(self, character: str, latin: str) -> str:
        if ord(character) < 256:
            return latin
        for name in self._wide:
            if name not in _CODECS or _covers(_CODECS[name], character):
                return name
        return self._wide[0]


def _covers(codec: str, character: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _registered(font: Path) -> str:
    # The name is that of the bytes' place: another file is another font.
    name = f"file:{font.resolve()}"
    try:
        pdfmetrics.registerFont(TTFont(name, str(font)))
    except (TTFError, OSError):
        raise MalformedField("font", "must be a TrueType font file") from None
    return name
