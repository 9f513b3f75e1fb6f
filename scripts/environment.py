"""The project's own environment: a ``.venv`` from the lock, PostgreSQL's binaries, Chromium and the npm tools
where they are missing.

Runs on a bare Python >= 3.11, before anything is installed; nothing outside the standard library is imported
here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
# Noto draws the pages' Chinese; a machine without such a font shows boxes.
BROWSER_PACKAGES = ("chromium", "fonts-noto-cjk")
STAMP = VENV / "lock.sha256"


class SetupFailure(SystemExit):
    """A step of the set-up that cannot go on; the message says what to do."""


def say(text: str) -> None:
    """One line for the person at the terminal, at once."""
    print(f"· {text}", flush=True)


def ensure_python() -> None:
    """Leave a ``.venv`` that holds exactly the lock's packages and this project; cheap when it already
    does.
    """
    if sys.hexversion < 0x030B0000:
        raise SetupFailure("Python 3.11 or newer is needed")
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    if not PYTHON.exists():
        say("making .venv")
        _run([sys.executable, "-m", "venv", str(VENV)])
    say("installing the locked packages (a few minutes on a new machine)")
    quiet = ["-qq", "--disable-pip-version-check"]
    _run([str(PYTHON), "-m", "pip", "install", *quiet, "--require-hashes", "-r", str(LOCK)])
    _run([str(PYTHON), "-m", "pip", "install", *quiet, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    STAMP.write_text(wanted)


def ensure_postgresql() -> bool:
    """Install PostgreSQL's server by apt when it is missing and we may; return whether its binaries are
    there.
    """
    if postgresql_binaries() is not None:
        return True
    if not _install("PostgreSQL", ("postgresql",)):
        say("PostgreSQL is missing and cannot be installed from here; its tests will be skipped")
        return False
    return postgresql_binaries() is not None


def postgresql_binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres`` (Debian keeps it outside the PATH), or ``None``."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(places[-1]) if places else shutil.which("initdb")
    return Path(found).parent if found else None


def ensure_chromium() -> bool:
    """Install the Chromium that draws the pages, and a font for their Chinese, where they are missing and we
    may; return whether the browser is there.
    """
    if chromium() is None or not _draws_chinese():
        try:
            _install("Chromium and its Chinese", BROWSER_PACKAGES)
        except SetupFailure as failed:
            say(str(failed))
    if chromium() is None:
        names = " and ".join(BROWSER_PACKAGES)
        say(f"Chromium cannot be installed from here ({names}); the tests of pages in it will be skipped")
    return chromium() is not None


def chromium() -> str | None:
    """Where the browser is, or ``None``."""
    return shutil.which("chromium")


def _draws_chinese() -> bool:
    return any(Path("/usr/share/fonts").rglob("*CJK*"))


def ensure_npm_tools() -> bool:
    """Install what ``contracts/package.json`` names (solc, anvil, OpenZeppelin); return whether anvil is
    there.
    """
    contracts = ROOT / "contracts"
    if not (contracts / "package.json").exists():
        return False
    installed = contracts / "node_modules" / ".package-lock.json"
    lock = contracts / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return True
    if shutil.which("npm") is None and not (_install("npm", ("npm",)) and shutil.which("npm")):
        say("npm is missing; the tests on anvil will be skipped")
        return False
    say("installing the npm tools (solc, anvil, forge, OpenZeppelin)")
    # Not `npm ci`: it refuses a lock without the packages of other platforms, which not every registry has.
    options = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(["npm", "install", *options, "--prefix", str(contracts)])
    installed.touch()
    return True


def _install(what: str, packages: tuple[str, ...]) -> bool:
    """Install packages by apt; whether we may."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say(f"installing {what}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "-qq", "update"], env=environment)
    _run(["apt-get", "-qq", "-y", "install", "--no-install-recommends", *packages], env=environment)
    return True


def _run(command: list[str], env: dict[str, str] | None = None) -> None:
    result = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, check=False)
    if result.returncode:
        raise SetupFailure(f"this step failed with exit code {result.returncode}: {' '.join(command)}")
