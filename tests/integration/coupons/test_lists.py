"""Lists of codes: made and taken over to one result however often cut off; out of the house once."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger_service.coupons.codes import importing, making
from ledger_service.coupons.codes.errors import (
    CodeFileRefused,
    CodeListDiffers,
    CodeListNotReady,
    CodePatternRefused,
)
from ledger_service.coupons.codes.exporting import export, proof_for, write_csv, write_tags
from ledger_service.coupons.codes.making import NewList, next_serial, tags_of, the_list
from ledger_service.coupons.codes.rules import chain_id_of, leaf_of, normal_code
from ledger_service.coupons.wallet.errors import CouponUnknown
from ledger_service.db.engine import Database
from ledger_service.kernel.eip712 import word
from ledger_service.kernel.merkle import root_of, verify
from ledger_service.kernel.secp256k1 import keccak256

from .stage import DEFINITION, GCN, MERCHANT, NOW, PATTERN, Stage

BY = ("operator:1", NOW)


class Cut(RuntimeError):
    """The process ends here."""


def test_a_list_that_is_cut_off_anywhere_goes_on_to_the_same_codes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PIECE", 7)
    stage.desk.begin(NewList("L", MERCHANT, DEFINITION, GCN, "unique", 30, PATTERN), NOW)

    def cut(_: str, made: int, __: int) -> None:
        raise Cut(made)

    for made in (7, 14, 21, 28, 30):
        with pytest.raises(Cut, match=str(made)):
            stage.desk.generate("L", NOW, cut)
    codes = stage.list_of(30)
    with stage.database.read() as conn:
        listed = the_list(conn, "L")
        tags = list(tags_of(conn, listed["list_id"]))
    wanted = [stage.desk.tagger.tag(normal_code(code) or "", closed=False) for code in codes]
    assert tags == wanted
    assert listed["state"] == "sealed"
    assert stage.list_of(30) == codes  # once more changes nothing
    assert stage.count() == 30


def test_a_list_of_another_kind_has_another_name(stage: Stage) -> None:
    stage.list_of(2)
    with pytest.raises(CodeListDiffers):
        stage.list_of(3)
    with pytest.raises(CodeListDiffers):
        stage.list_of(2, pattern="A" + PATTERN)


def test_short_codes_begin_as_no_other_lists_do(stage: Stage) -> None:
    stage.list_of(2, name="A", pattern="SUMMER-####-####-*")
    with pytest.raises(CodePatternRefused, match="overlaps"):
        stage.list_of(2, name="B", pattern="SUMM-######-####-*")
    with pytest.raises(CodePatternRefused, match="form"):
        stage.list_of(1, name="C", kind="generic", pattern="SUM-####")
    stage.list_of(2, name="D", pattern="WINTER-####-####-*")
    stage.list_of(2, name="E")
    stage.list_of(2, name="F")  # long ones need not


def test_no_code_works_before_its_list_is_sealed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.desk.__class__, "seal", lambda *_: (_ for _ in ()).throw(Cut()))
    listed = stage.desk.begin(NewList("L", MERCHANT, DEFINITION, GCN, "unique", 3, PATTERN), NOW)
    with pytest.raises(Cut):
        stage.desk.generate("L", NOW, lambda *_: None)
    code = next(stage.desk.codes(listed))
    with pytest.raises(CouponUnknown):
        stage.use(stage.shown(code), 1)
    monkeypatch.undo()
    stage.desk.generate("L", NOW, lambda *_: None)
    stage.use(stage.shown(code), 1)


def test_serials_of_a_type_follow_each_other_in_the_order_of_sealing(stage: Stage) -> None:
    stage.list_of(5, name="A")
    stage.take_over(b"HELLO-WORLD\nANOTHER-ONE\n", "B")
    stage.list_of(4, name="C")
    with stage.database.read() as conn:
        firsts = [the_list(conn, name)["first"] for name in "ABC"]
        assert (firsts, next_serial(conn, GCN)) == ([0, 5, 7], 11)


def test_codes_leave_the_house_once_and_the_database_keeps_none(stage: Stage, tmp_path: Path) -> None:
    codes = stage.list_of(20)
    target = tmp_path / "printer.csv"
    export(stage.desk, "L", target, write_csv, BY)
    lines = target.read_text().splitlines()
    assert lines[0] == "code,gcn"
    assert [line.split(",")[0] for line in lines[1:]] == codes
    assert lines[20].endswith(f",{GCN}000000000019")
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CodeListNotReady, match="exported"):
        export(stage.desk, "L", tmp_path / "again.csv", write_csv, BY)
    with stage.database.read() as conn:
        assert the_list(conn, "L")["seed"] is None
    stage.use(stage.shown(codes[3]), 1)


def test_an_export_that_is_cut_off_is_repeated_and_gives_the_same(stage: Stage, tmp_path: Path) -> None:
    codes = stage.list_of(20)

    def cut(file: Any, listed: Any, some: Any) -> None:
        file.write(next(iter(some)).encode())
        raise Cut

    target = tmp_path / "printer.csv"
    with pytest.raises(Cut):
        export(stage.desk, "L", target, cut, BY)
    assert not target.exists()
    export(stage.desk, "L", target, write_csv, BY)
    assert [line.split(",")[0] for line in target.read_text().splitlines()[1:]] == codes
    stage.list_of(2, name="M")
    with pytest.raises(FileExistsError):
        export(stage.desk, "M", target, write_csv, BY)


def test_a_till_that_has_the_root_checks_a_code_alone(stage: Stage) -> None:
    codes = stage.list_of(9)
    tag = stage.desk.tagger.both(codes[4])[0]
    told = proof_for(stage.desk, "L", tag)
    assert told is not None
    assert proof_for(stage.desk, "L", bytes(16)) is None
    # As somebody else's program does it, from the printed code alone.
    opening = tag + bytes(16)
    leaf = keccak256(word(chain_id_of(GCN, int(str(told["serial"])))) + keccak256(opening))
    path = [bytes.fromhex(node[2:]) for node in told["proof"]]  # type: ignore[attr-defined]
    assert verify(leaf, path, bytes.fromhex(str(told["root"])[2:]))
    out = io.BytesIO()
    assert write_tags(stage.desk, "L", out) == 9
    assert out.getvalue()[4 * 16 : 5 * 16] == tag
    stage.list_of(2, name="S", pattern="SUMMER-####-####-*")
    with pytest.raises(CodeListNotReady, match="closed"):
        write_tags(stage.desk, "S", out)


def test_an_import_names_bad_rows_by_line_and_the_same_list_twice_is_no_change(stage: Stage) -> None:
    stage.list_of(1, name="G", kind="generic", pattern="TAKEN-CODE")
    good = b"code\nHELLO-001\r\nhello 002\n\nabc\n\xff\xfe-bytes\n" + b"x" * 999
    good += b"\nHELLO-001\nTAKENCODE\nXYZW,1234567\n"
    tally, bad = stage.take_over(good + b"LAST-ONE")
    reasons = [(5, "form"), (6, "form"), (7, "too-long"), (10, "member-not-wanted")]
    assert sorted(bad) == [*reasons[:3], (9, "taken"), *reasons[3:]]
    assert (tally.added, tally.known, tally.bad) == (3, 1, 5)
    again, _ = stage.take_over(good + b"LAST-ONE")
    assert (again.added, again.known, again.bad) == (0, 4, 5)
    _, more = stage.take_over(b"ONE-MORE-CODE\n")
    assert more == [(1, "list-sealed")]
    stage.use(stage.shown("Hello-002"), 1)


def test_personal_codes_serve_their_member_alone(stage: Stage) -> None:
    (one, one_id), (two, _) = stage.enrol(), stage.enrol()
    rows = f"code,member\nPERSONAL-1,{one}\nPERSONAL-2,{'9' * 18}\nPERSONAL-3\n".encode()
    tally, bad = stage.take_over(rows, kind="personal")
    assert (tally.added, bad) == (1, [(3, "member-unknown"), (4, "member-missing")])
    with pytest.raises(CouponUnknown):
        stage.claim(two, "PERSONAL-1")
    with pytest.raises(CouponUnknown):
        stage.use(stage.shown("PERSONAL-1"), 1)
    stage.use(stage.shown("PERSONAL-1"), 1, one_id)


def test_garbage_is_given_up_in_bounded_memory(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MOST_BAD", 50)
    with pytest.raises(CodeFileRefused, match="too-many-bad-rows"):
        stage.take_over(b"\x00\xff\n" * 1_000)
    tally, bad = stage.take_over(b"z" * 5_000_000, name="one line")
    assert (tally.added, bad) == (0, [(1, "too-long")])
    assert stage.count() == 0


def test_a_process_that_is_killed_in_the_middle_leaves_a_list_that_goes_on(
    sqlite_database: Database, tmp_path: Path
) -> None:
    stage = Stage(sqlite_database)
    listed = stage.desk.begin(NewList("L", MERCHANT, DEFINITION, GCN, "unique", 20_000, PATTERN), NOW)
    command = [sys.executable, "-m", "tests.integration.coupons.killed", str(tmp_path / "alliance.db")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert int(process.stdout.readline()) == making.PIECE
    process.kill()
    process.communicate()
    assert making.PIECE <= stage.count() < 20_000
    sealed = stage.desk.generate("L", NOW, lambda *_: None)
    wanted = [stage.desk.tagger.both(code)[0] for code in stage.desk.codes(listed)]
    with sqlite_database.read() as conn:
        assert list(tags_of(conn, listed["list_id"])) == wanted
    leaves = [leaf_of(GCN, serial, tag) for serial, tag in enumerate(wanted)]
    assert sealed["root"] == root_of(leaves)
    stage.close()
