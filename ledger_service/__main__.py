"""`python -m ledger_service` is `alliance`."""

import sys

from ledger_service.cli import main

sys.exit(main())
