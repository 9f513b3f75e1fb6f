"""How the resolver refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class CodeMalformed(DomainError):
    """The path is no GS1 Digital Link."""

    reason: str

    code = "code-malformed"
    category = Category.MALFORMED
    why = "The address is no GS1 Digital Link of a GTIN: it `reason`."
    fix = "Use /01/ and 14 digits, then 22, 10 and 21 in this order, each percent-encoded."


@dataclass(eq=False)
class LinkAbsent(DomainError):
    """Nothing of what was asked for is known of this code."""

    code = "link-absent"
    category = Category.MISSING
    why = "The GTIN is no product here, or its brand has no link of the type that was asked for."
    fix = "Ask with `linkType=linkset` for all links of the code."
