"""The one MetaData that every room's ``models.py`` adds its tables to, and the CHECKs they share."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import CheckConstraint, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """CHECK that a text column holds one of the values (or NULL, where the column may)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def fixed_length(column: str, count: int) -> CheckConstraint:
    """CHECK that a bytes or text column has exactly ``count`` bytes or characters."""
    return CheckConstraint(f"length({column}) = {count}", name=f"{column}_length")


def at_least(column: str, least: int = 0) -> CheckConstraint:
    """CHECK that an integer column is not below ``least``."""
    return CheckConstraint(f"{column} >= {least}", name=f"{column}_at_least_{least}")
