"""Databases for the tests: a SQLite file, and one private PostgreSQL cluster for each test session."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine

from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import create_everything
from tests.recycling import Recycled

# How long one example takes says more about the machine's load than about the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")
_TEMPLATE = "alliance_template"
# So many new objects between two looks of the garbage collector, as in the service's processes.
_YOUNG_OBJECTS = 50_000


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Thousands of collected tests are no garbage: to look through them again and again took more processor
    time than to collect them, and went on in every test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
        gc.enable()


def postgres_binaries() -> Path | None:
    """The directory of PostgreSQL's server binaries, which Debian keeps outside the PATH."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for candidate in (*packaged, Path("/usr/local/pgsql/bin")):
        if (candidate / "initdb").exists():
            return candidate
    found = shutil.which("initdb")
    return Path(found).parent if found else None


class Cluster:
    """A PostgreSQL server on a free port of the loopback interface; its data go with it."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._directory = Path(tempfile.mkdtemp(prefix="alliance-pg-"))
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as_user:
            shutil.chown(self._directory, "postgres")
        self.port = _free_port()

    def start(self) -> None:
        """The server answers afterwards."""
        data = self._directory / "data"
        self._run("initdb", "-D", str(data), "-U", "alliance", "-A", "trust", "-E", "UTF8", "--no-sync")
        # No test pulls the machine's plug, so the server need not wait for its disk; benchmarks set fsync=on.
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c max_connections=120 -c fsync=off"
            f" -c autovacuum=off -c unix_socket_directories={self._directory} -c deadlock_timeout=200ms"
        )
        log = str(self._directory / "log")
        self._run("pg_ctl", "-D", str(data), "-w", "-t", "60", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """The server has ended and its files are gone."""
        self._run("pg_ctl", "-D", str(self._directory / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._directory, ignore_errors=True)

    def url(self, name: str) -> str:
        """The URL of a database of this cluster."""
        return f"postgresql://alliance@127.0.0.1:{self.port}/{name}"

    def admin(self, *statements: str) -> None:
        """Send statements that cannot run in a db transaction."""
        engine = create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as conn:
            for statement in statements:
                conn.exec_driver_sql(statement)
        engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._binaries / program), *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The session's PostgreSQL, with a template database that has every table."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server binaries are not installed")
    server = Cluster(binaries)
    server.start()
    try:
        server.admin(f"CREATE DATABASE {_TEMPLATE}")
        template = open_database(server.url(_TEMPLATE))
        create_everything(template)
        template.close()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table and no row."""
    path = tmp_path_factory.mktemp("template") / "alliance.db"
    template = open_database(f"sqlite:///{path}")
    create_everything(template)
    template.close()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def sqlite_database(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """An empty SQLite database with every table."""
    path = tmp_path / "alliance.db"
    shutil.copy(sqlite_template, path)
    database = open_database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def recycled(cluster: Cluster) -> Recycled:
    """The databases of the session's PostgreSQL."""
    return Recycled(cluster.admin, cluster.url, _TEMPLATE)


@pytest.fixture
def postgres_database(cluster: Cluster, recycled: Recycled) -> Iterator[Database]:
    """An empty PostgreSQL database with every table."""
    name = recycled.take()
    database = open_database(cluster.url(name))
    yield database
    database.close()
    recycled.give_back(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database with every table, once for each dialect."""
    fixture = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    return request.getfixturevalue(fixture)


# Rooms whose plain cases run on both databases only in the deep run; races are tried on both always.
_ONE_DATABASE = (
    "archive", "care", "checkout", "claims", "coupons", "households", "liability", "members", "merchants",
    "moving_in", "paycode", "points", "referrals", "risk", "tiers", "till", "traceability",
)  # fmt: skip
# Of the checkout what writes the books in every other room's name stays on both.
_BOOKS = ("test_sale", "test_holds", "test_refunds", "test_taking", "test_freezing", "test_offline_merge")
_BOTH_ALWAYS = ("race", "at_once", "same_time", "beside", "lock", "twice", "rivals")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On PostgreSQL the test command runs these rooms' races; `scripts/test --deep` runs all of it (D20)."""
    for item in items:
        if item.get_closest_marker("postgres") is None or item.path.parent.name not in _ONE_DATABASE:
            continue
        if item.path.stem not in _BOOKS and not any(
            word in f"{item.path.stem} {item.name}" for word in _BOTH_ALWAYS
        ):
            item.add_marker(pytest.mark.deep)
