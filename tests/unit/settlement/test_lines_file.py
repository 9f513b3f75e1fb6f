"""A period's lines on paper: read as written, refused when touched, differences told by their place."""

from __future__ import annotations

import io
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.settlement.errors import LinesMalformed
from ledger_service.settlement.lines_file import COLUMNS, differences, read_lines, write_lines
from ledger_service.settlement.statements import statements_of

_glns = st.integers(1, 10**13 - 1)
_micros = st.integers(-(2**120), 2**120)
_lines = st.builds(
    ObligationLine, st.integers(1, 2**63), st.integers(0, 2047), st.integers(0, 7),
    st.binary(min_size=16, max_size=16),
    st.sampled_from((Kind.REDEEM, Kind.RESTORE)), st.integers(1, 2**32 - 1), st.integers(1, 2**16 - 1),
    st.integers(-(2**63), 2**63), _glns, _glns, _micros, _micros, st.binary(min_size=32, max_size=32),
)  # fmt: skip
_LINE = ObligationLine(
    3, 0, 1, bytes(16), Kind.REDEEM, 1, 1, 30, 9501101530003, 9501101530010, 300_000, 4_500, b"\xab" * 32
)


def _written(*lines: ObligationLine) -> str:
    file = io.StringIO(newline="")
    write_lines(file, lines)
    return file.getvalue()


def _read(text: str) -> list[ObligationLine]:
    return list(read_lines(io.StringIO(text, newline="")))


@given(st.lists(_lines, max_size=20, unique_by=lambda line: line.place))
def test_lines_come_back_as_they_were_written(lines: list[ObligationLine]) -> None:
    ascending = sorted(lines, key=lambda line: line.place)
    assert _read(_written(*ascending)) == ascending


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("a,b\n", 1),
        (",".join(COLUMNS) + "\n1,2\n", 2),
        (_written(_LINE).replace("redeem", "gift"), 2),
        (_written(_LINE).replace("30,", "3O,", 1), 2),
        (_written(_LINE).replace("295500", "295501"), 2),
        (_written(_LINE).replace("300000", "3" * 41), 2),
        (_written(_LINE).replace("abab", "ab", 1), 2),
        (_written(_LINE).replace("abab", "xyz.", 1), 2),
        (_written(_LINE, _LINE), 3),
        (_written(_LINE, _LINE._replace(batch=2)), 3),
    ],
)
def test_a_file_that_was_touched_is_refused_at_its_line(text: str, line: int) -> None:
    with pytest.raises(LinesMalformed) as refusal:
        _read(text)
    assert refusal.value.params["line"] == line


def test_every_difference_is_told_by_its_place() -> None:
    chain = [_LINE._replace(batch=number) for number in (1, 2, 3, 5)]
    paper = [chain[0], chain[1]._replace(points=31), _LINE._replace(batch=4), chain[3]]
    found = [(d.place[0], d.what) for d in differences(paper, chain)]
    assert found == [(2, "altered"), (3, "missing"), (4, "unknown")]
    assert list(differences(chain, chain)) == []
    (other,) = differences([_LINE._replace(root=bytes(32))], [_LINE])
    assert other.what == "altered"


def test_what_merchants_confirm_is_the_same_whether_a_file_names_roots_or_not() -> None:
    plain, named = (statements_of(1, [_LINE._replace(root=root)]) for root in (bytes(32), b"\xab" * 32))
    assert plain == named
    assert named.lines[0].detail == sha256(_written(_LINE).split("\r\n")[1][:-65].encode() + b"\r\n").digest()
