"""What a till got as a code: plain text, an element string, or a digital link."""

from __future__ import annotations

import pytest

from ledger_service.coupons.codes.typed import Typed, read_typed
from ledger_service.kernel.gs1 import with_check_digit

GCN = with_check_digit("952000100001")
SERIAL = "000000000042"
OFFER = "001234561234560123456"
NONE = Typed("")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("AB7-42", Typed("AB7-42")),
        (f"(255){GCN}{SERIAL}", Typed(GCN + SERIAL, (int(GCN), SERIAL))),
        (f"]C1255{GCN}{SERIAL}", Typed(GCN + SERIAL, (int(GCN), SERIAL))),
        (f"]d2\x1d255{GCN}0", Typed(GCN + "0", (int(GCN), "0"))),
        (f"(255){GCN}", Typed(GCN)),
        (f"(255){GCN}7(3902)1250", Typed(GCN + "7", (int(GCN), "7"))),
        (f"]e0255{GCN}7\x1d39430500", Typed(GCN + "7", (int(GCN), "7"))),
        (f"(255){GCN}(8111)0150", Typed(GCN)),
        (f"https://id.gs1.org/255/{GCN}{SERIAL}?utm_source=x", Typed(GCN + SERIAL, (int(GCN), SERIAL))),
        # No serial, the shortest and the longest; every kind of value, from the least to the most.
        (f"(255){GCN}(8111)0000", Typed(GCN)),
        (f"(255){GCN}1(8111)9999", Typed(GCN + "1", (int(GCN), "1"))),
        (f"(255){GCN}{SERIAL}(3900)0", Typed(GCN + SERIAL, (int(GCN), SERIAL))),
        (f"(255){GCN}{SERIAL}(3909){'9' * 15}", Typed(GCN + SERIAL, (int(GCN), SERIAL))),
        (f"(255){GCN}{SERIAL}(3940)0100", Typed(GCN + SERIAL, (int(GCN), SERIAL))),
        (f"]Q3255{GCN}{SERIAL}\x1d39439999\x1d", Typed(GCN + SERIAL, (int(GCN), SERIAL))),
        (f"(8112){OFFER}", Typed(OFFER)),
        (f"]e08112{OFFER}", Typed(OFFER)),
        # A wrong check digit, two values, a value that is none, digits behind the end, another key.
        (f"(255){GCN[:-1]}{(int(GCN[-1]) + 1) % 10}", NONE),
        (f"(255){GCN}7(3902)1250(8111)0150", NONE),
        (f"(255){GCN}7(3944)0500", NONE),
        (f"(255){GCN}{SERIAL}0", NONE),
        # A value alone, too short, too long, empty, one of AI 392n; a GCN behind its value.
        ("(8111)0150", NONE),
        (f"(255){GCN}(8111)150", NONE),
        (f"(255){GCN}(8111)00150", NONE),
        (f"(255){GCN}(3902)", NONE),
        (f"(255){GCN}(3900){'9' * 16}", NONE),
        (f"(255){GCN}(3941)050", NONE),
        (f"(255){GCN}(3922)1250", NONE),
        (f"(8111)0150(255){GCN}", NONE),
        (f"(8112){OFFER}1", NONE),
        ("(8112)201234561234560123456", NONE),
        ("https://id.gs1.org/01/09506000134352", NONE),
        ("https://id.gs1.org/255/1", NONE),
        ("", NONE),
    ],
)
def test_a_bar_code_is_read_strictly_and_all_else_is_looked_up_as_it_stands(given: str, read: Typed) -> None:
    assert read_typed(given) == read
