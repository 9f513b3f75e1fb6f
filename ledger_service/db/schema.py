"""Making a database ready: finding every room's tables, and bringing the schema to its head."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

from sqlalchemy import MetaData

import ledger_service
from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.tables import metadata


def whole_metadata() -> MetaData:
    """The MetaData with the tables of every room: each ``models`` module is found by name and imported.

    By discovery, because this room may import none that stands above it.
    """
    import_module("ledger_service.db.heads")
    for module in walk_packages(ledger_service.__path__, "ledger_service."):
        if module.name.rsplit(".", 1)[-1] == "models":
            import_module(module.name)
    return metadata


def create_everything(database: Database) -> None:
    """Every table exists, made straight from the MetaData: for tests; elsewhere ``migrate``."""
    with database.begin() as conn:
        whole_metadata().create_all(conn)


def migrate(database: Database) -> None:
    """The schema stands at the migrations' head. Idempotent."""
    # Not above: each serving process would hold 11 MiB of it and never migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
