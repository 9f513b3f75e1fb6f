"""How an application keeps its addresses: to find them, not to write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class FoundRule(Rule):
    """A rule whose builder of addresses is compiled when the first is built from it, which here is never.

    Werkzeug compiles two functions for each rule as it is added: half of what a worker's start-up costs.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now, compiled = super()._compile_builder, []

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(compile_now(append_unknown))
            return compiled[0](rule, **values)

        return build
