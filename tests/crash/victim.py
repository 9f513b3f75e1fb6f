"""``alliance`` with one line made deadly: ``python -m tests.crash.victim POINT PASSES MARK COMMAND …``.

The line is made deadly at import, for a server's workers may import this module instead of being forked.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.points import OF_COMMANDS, POINTS, killer

(POINTS | OF_COMMANDS)[sys.argv[1]](killer(Path(sys.argv[3]), int(sys.argv[2])))

if __name__ == "__main__":
    from ledger_service.cli import main

    sys.exit(main(sys.argv[4:]))
