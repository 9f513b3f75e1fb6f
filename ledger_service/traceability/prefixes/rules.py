"""Which GTINs and SSCCs lie under a GS1 company prefix.

Pure. Source: GS1 General Specifications, section 1.4.2: a company prefix has 4 to 12 digits and stands behind
the indicator digit of a GTIN of 14; that of a GTIN-12 (UPC) has a 0 before it. A GTIN-8 has none.
"""

from __future__ import annotations

import re

from ledger_service.kernel.errors import MalformedField

SHORTEST, LONGEST = 4, 12
PATTERN = f"[0-9]{{{SHORTEST},{LONGEST}}}"
_PREFIX = re.compile(PATTERN)
GTIN_8 = "000000"


def check_prefix(value: object) -> str:
    """The digits of a company prefix.

    Raises:
        MalformedField: none, or one of zeros alone, which GS1 gives to nobody.
    """
    if not isinstance(value, str) or not _PREFIX.fullmatch(value) or not value.strip("0"):
        raise MalformedField("prefix", f"must be {SHORTEST} to {LONGEST} digits, not all of them zeros")
    return value


def prefixes_over(gtin: str) -> list[str]:
    """Every prefix that a GTIN of 14 digits may lie under, the shortest first; none of a GTIN-8."""
    if gtin.startswith(GTIN_8):
        return []
    return [gtin[1 : 1 + length] for length in range(SHORTEST, LONGEST + 1)]


def prefixes_over_sscc(sscc: str) -> list[str]:
    """Every prefix that an SSCC of 18 digits may lie under, behind its extension digit."""
    return [sscc[1 : 1 + length] for length in range(SHORTEST, LONGEST + 1)]


def prefixes_before(prefix: str) -> list[str]:
    """The prefix, and every shorter one that it begins with."""
    return [prefix[:length] for length in range(SHORTEST, len(prefix) + 1)]
