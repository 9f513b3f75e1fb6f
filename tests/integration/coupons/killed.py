"""A process that makes a list until it is killed: `python -m tests.integration.coupons.killed DATABASE`."""

from __future__ import annotations

import sys

from ledger_service.coupons.codes.making import ListDesk
from ledger_service.coupons.codes.seeds import safe_of, tagger_of
from ledger_service.db.engine import open_database
from tests.integration.coupons.stage import SECRET
from tests.integration.members.alliance import NOW, CountingIds


def main(path: str) -> None:
    """Print how many codes are there after each piece."""
    desk = ListDesk(
        open_database(f"sqlite:///{path}"), tagger_of(SECRET), safe_of(SECRET, CountingIds()), CountingIds()
    )
    desk.generate("L", NOW, lambda _, made, __: print(made, flush=True))


if __name__ == "__main__":
    main(sys.argv[1])
