"""The repository's shape: what may stand at the top, what may not stand in a committed file."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.syntax import ROOT, imported_by, modules
from tests.suite_shares import in_part

ALLOWED_TOP = {
    "contracts", "ledger_service", "migrations", "scripts", "tests", "pyproject.toml",
    "docs", "README.md", "CHANGELOG.md", "LICENSE", ".ci", "requirements.lock",
}  # fmt: skip
HOSTS = ["pypi" + ".org", "pythonhosted" + ".org", "registry." + "npmjs", "deb.debian" + ".org"]
MACHINE_PATHS = ["/work" + "/main", "/work" + "/shared", "/tmp" + "/w/", "/ro" + "ot/"]
BANNED_NAMES = {"utils.py", "helpers.py", "manager.py", "common.py", "misc.py"}


def tracked() -> list[str]:
    """Every committed file that still exists."""
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [name for name in out.split("\0") if name and (ROOT / name).is_file()]


def text_of(name: str) -> str:
    """A file's text; the empty text for one that is not text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_nothing_stands_at_the_top_that_the_plan_does_not_name() -> None:
    tops = {name.split("/")[0] for name in tracked()}
    stray = {top for top in tops if not top.startswith(".")} - ALLOWED_TOP
    assert not stray, f"{stray}: the top level is fixed by ARCHITECTURE section 2; anything else needs an ADR"


def test_no_link_is_committed() -> None:
    """One that leads out of the repository takes the place of what another machine has there."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, check=True)
    lines = listed.stdout.decode().splitlines()
    assert [line.split("\t")[1] for line in lines if line.startswith("120000 ")] == []


@pytest.mark.parametrize("needle", HOSTS + MACHINE_PATHS)
def test_no_committed_file_names_a_registry_host_or_a_path_of_one_machine(needle: str) -> None:
    found = [name for name in tracked() if needle in text_of(name)]
    assert not found, f"{found} contain {needle!r}, which another machine does not have"


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [name for name in tracked() if name.rsplit("/", 1)[-1] in BANNED_NAMES]
    assert not found, f"{found}: name a module after what it owns"


def test_there_is_one_python_lock_and_it_pins_every_package_with_hashes() -> None:
    locks = [
        n
        for n in tracked()
        if re.search(r"(requirements.*\.(txt|lock)|poetry\.lock|uv\.lock|Pipfile\.lock)$", n)
    ]
    assert locks == ["requirements.lock"]
    lines = [
        line for line in text_of("requirements.lock").splitlines() if line and not line.startswith((" ", "#"))
    ]
    loose = [line for line in lines if "==" not in line]
    assert not loose, f"not pinned: {loose}"
    assert text_of("requirements.lock").count("--hash=sha256:") >= len(lines)


def test_the_lock_holds_every_direct_dependency() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = {_name(line) for line in wanted}
    locked = {
        line.split("==")[0].split("[")[0]
        for line in text_of("requirements.lock").splitlines()
        if "==" in line
    }
    assert not names - locked, f"run uv pip compile: {names - locked} are not in requirements.lock"


def test_what_the_package_imports_is_what_it_declares() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    declared = {_name(line) for line in project["dependencies"] + extras["demo"] + extras["network"]}
    owners = packages_distributions()
    imported = {
        module.split(".")[0] for _, tree in modules() for module in imported_by(tree)
    } - set(sys.stdlib_module_names) - {"ledger_service"}  # fmt: skip
    loose = {m for m in imported if not {o.lower().replace("_", "-") for o in owners.get(m, [m])} & declared}
    assert not loose, f"{loose}: imported, but no dependency of pyproject.toml"


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=! ;]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_each_test_belongs_to_one_part_and_no_part_is_empty() -> None:
    names = [f"tests/unit/test_a.py::test_b[{n}]" for n in range(400)]
    parts = [[name for name in names if in_part(name, f"{n}/8")] for n in range(1, 9)]
    assert sorted(name for part in parts for name in part) == sorted(names)
    assert min(map(len, parts)) > 25


def test_every_script_answers_help() -> None:
    for name in ("run", "test", "check", "bench", "audit", "screenshots", "compile_contracts.py"):
        out = subprocess.run(
            [str(ROOT / "scripts" / name), "--help"], cwd=ROOT, capture_output=True, check=False
        )
        assert out.returncode == 0, f"scripts/{name} --help: {out.stderr.decode()[-300:]}"
        assert b"usage" in out.stdout.lower()
