"""The documents: links lead somewhere, decisions are listed, invariants are kept where the page says, sizes
hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.architecture.syntax import ROOT
from tests.architecture.test_layout import text_of, tracked

_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")
INVARIANTS = [f"INV-{n}" for n in range(1, 16)]
ON_CHAIN = {"INV-4", "INV-5", "INV-7", "INV-9", "INV-10", "INV-11"}


def pages() -> Iterator[str]:
    yield from (name for name in tracked() if name.endswith(".md"))


def test_every_link_between_documents_leads_to_a_file() -> None:
    broken = []
    for page in pages():
        for target, _ in _LINK.findall(text_of(page)):
            if "://" not in target and not ((ROOT / page).parent / target).exists():
                broken.append(f"{page} -> {target}")
    assert not broken, broken


def test_the_index_names_every_document_and_every_decision() -> None:
    index = text_of("docs/README.md")
    missing = [
        p
        for p in pages()
        if p.startswith("docs/")
        and p.count("/") == 1
        and p != "docs/README.md"
        and f"({p.removeprefix('docs/')})" not in index
    ]
    assert not missing, f"docs/README.md does not name {missing}"
    listed = text_of("docs/adr/README.md")
    missing = [
        p for p in pages() if p.startswith("docs/adr/0") and f"({p.removeprefix('docs/adr/')})" not in listed
    ]
    assert not missing, f"docs/adr/README.md does not name {missing}"


def test_the_readme_is_short_and_names_both_commands() -> None:
    readme = text_of("README.md")
    assert readme.count("\n") <= 120
    assert "scripts/run" in readme
    assert "scripts/test" in readme


def rows() -> dict[str, str]:
    found = re.findall(r"^\| (INV-\d+) \|(.*)$", text_of("docs/invariants.md"), flags=re.MULTILINE)
    return dict(found)


def test_the_page_has_a_row_for_each_invariant() -> None:
    assert list(rows()) == INVARIANTS


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_each_invariant_is_cited_where_it_is_kept_and_where_it_is_tested(invariant: str) -> None:
    cited = re.compile(rf"{invariant}(?!\d)")
    places = [name for name in tracked() if cited.search(text_of(name))]
    assert any(p.startswith("ledger_service/") for p in places), f"no code cites {invariant}"
    assert any(p.startswith("tests/") and "architecture" not in p for p in places), (
        f"no test cites {invariant}"
    )
    if invariant in ON_CHAIN:
        assert any(p.startswith("contracts/src/") for p in places), f"no contract cites {invariant}"


def test_the_files_that_the_page_of_invariants_names_exist_and_cite_them() -> None:
    for invariant, row in rows().items():
        for path in re.findall(r"`([\w/.-]+\.(?:py|sol))", row):
            assert (ROOT / path).exists(), f"{invariant}: {path} does not exist"


def test_every_test_that_a_page_names_is_there() -> None:
    gone = []
    for page in pages():
        for path, name in re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text_of(page)):
            if not (ROOT / path).exists() or f"def {name}(" not in text_of(path):
                gone.append(f"{page} -> {path}::{name}")
    assert not gone, gone


def test_every_file_of_tests_that_a_page_names_is_there() -> None:
    named = {
        (page, path)
        for page in pages()
        if page != "CHANGELOG.md"
        for path in re.findall(r"`(tests/[\w/]+\.\w+)`", text_of(page))
    }
    assert named
    gone = [f"{page} -> {path}" for page, path in named if not (ROOT / path).exists()]
    assert not gone, gone


def counted(folder: str, function: str) -> int:
    """How many functions of a name the Solidity files of a folder under contracts/test have."""
    sources = [name for name in tracked() if name.startswith(f"contracts/test/{folder}/")]
    return sum(len(re.findall(rf"function {function}\w+\(", text_of(name))) for name in sources)


def test_the_pages_count_sequences_and_proofs_as_they_are() -> None:
    invariants, fuzzed = counted("foundry", "invariant_"), counted("foundry", "testFuzz_")
    proofs = counted("proofs", "check_")
    audit, reliability = text_of("docs/contracts-audit.md"), text_of("docs/reliability.md")
    assert f"{invariants} invariants and {counted('foundry', 'test_')} tests of effect" in audit
    assert f"{fuzzed} fuzz tests of single operations" in audit
    assert f"{proofs} proofs in ten contracts" in audit
    assert f"| {invariants} invariants, each over" in reliability
    assert f"| {fuzzed} tests of 64 runs" in reliability
    assert f"| {proofs} proofs |" in reliability
