"""`python -m ledger_service.demo run|bench`: what `scripts/run` and `scripts/bench` hand over to."""

import sys

from ledger_service.demo import bench, main_run

COMMANDS = {"run": main_run.main, "bench": bench.main}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: python -m ledger_service.demo {'|'.join(COMMANDS)} [options]")
    sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
