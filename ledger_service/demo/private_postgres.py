"""A private PostgreSQL cluster for a benchmark: its own folder, its own port, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from ledger_service.demo.processes import Command, Fleet, free_port

_USER = "postgres"


class PostgresMissing(Exception):
    """PostgreSQL's server binaries are not on this machine."""


def binaries() -> Path:
    """The folder of ``initdb`` and ``postgres``.

    Raises:
        PostgresMissing: neither on the PATH nor where Debian keeps them.
    """
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(places[-1]) if places else shutil.which("initdb")
    if found is None:
        raise PostgresMissing("install PostgreSQL, or choose SQLite")
    return Path(found).parent


def start(fleet: Fleet) -> str:
    """Start a fresh durable cluster (fsync on) in the fleet and return the URL of its database."""
    user = _USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="alliance-postgres-"))
    fleet.discard_at_end(folder)
    if user:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    port = free_port()
    cluster = str(folder / "data")
    initdb = [
        str(binaries() / "initdb"),
        "-D",
        cluster,
        "-U",
        _USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
    ]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, user=user, cwd="/")
    settings = (
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        f"port={port}",
        "-c",
        f"unix_socket_directories={folder}",
    )
    argv = (str(binaries() / "postgres"), "-D", cluster, *settings)
    probe = [str(binaries() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]

    def ready() -> bool:
        return subprocess.run(probe, check=False).returncode == 0

    fleet.start(Command("postgres", argv, {}, ready, user=user))
    return f"postgresql+psycopg://{_USER}@127.0.0.1:{port}/postgres"
