"""Which GTINs lie under a company prefix."""

from __future__ import annotations

import pytest

from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.prefixes.rules import check_prefix, prefixes_before, prefixes_over


def test_a_prefix_stands_behind_the_indicator_of_a_gtin() -> None:
    assert prefixes_over("19506000134352")[0] == "9506"
    assert prefixes_over("09506000134352")[-1] == "950600013435"
    # A GTIN-12 has its prefix behind a 0, a GTIN-8 has none.
    assert "0614141" in prefixes_over("00614141123452")
    assert prefixes_over("00000002345673") == []
    assert prefixes_before("950600") == ["9506", "95060", "950600"]


@pytest.mark.parametrize("wrong", ["950", "9506000134352", "95o6", "٩٥٠٦", "0000", "", None, 9506])
def test_what_is_no_prefix(wrong: object) -> None:
    with pytest.raises(MalformedField):
        check_prefix(wrong)
