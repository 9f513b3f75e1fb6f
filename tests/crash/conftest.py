"""The product in real processes: over SQLite, and over PostgreSQL behind a proxy; so is its chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
from sqlalchemy import make_url

from tests.conftest import Cluster
from tests.crash.product import Product
from tests.crash.proxy import Proxy
from tests.crash.shopping import Shopping

_NAME = "alliance_behind_proxy"


@contextmanager
def opened(
    state: Path, url: str = "", settings: Mapping[str, str] = MappingProxyType({}), *, anvil: bool = False
) -> Iterator[Shopping]:
    """An alliance in real processes with its first members; every process is gone at the end."""
    product = Product(state, url, anvil=anvil)
    product.environment |= settings
    try:
        product.found()
        made = Shopping(product)
        made.open()
        yield made
    finally:
        product.close()


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopping]:
    """Over a SQLite file."""
    with opened(tmp_path_factory.mktemp("alliance")) as made:
        yield made


@pytest.fixture(scope="module")
def database_proxy(cluster: Cluster) -> Iterator[Proxy]:
    """An empty database of the session's PostgreSQL, behind a proxy."""
    cluster.admin(f"CREATE DATABASE {_NAME}")
    made = Proxy(cluster.port)
    yield made
    made.close()
    cluster.admin(f"DROP DATABASE {_NAME} WITH (FORCE)")


@pytest.fixture(scope="module")
def on_postgres(
    cluster: Cluster, database_proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shopping]:
    """Over that database."""
    url = make_url(cluster.url(_NAME)).set(port=database_proxy.port)
    text = url.render_as_string(hide_password=False)
    with opened(tmp_path_factory.mktemp("alliance"), text) as made:
        yield made
