"""`alliance adopt`: book what the chain has and a restored database lacks, by the word of two operators.

Only points are brought back, each with an entry marked `adopted` that names batch, block and both operators.
Look at `alliance lost` first; docs/runbooks.md says when to use it and when not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_service.bootstrap.adopting import NoOperator, adopt
from ledger_service.cli.wording import why_it_ended
from ledger_service.config import settings_from_environment
from ledger_service.kernel.errors import DomainError

SOMETHING_LEFT = 3


def main(argv: Sequence[str]) -> int:
    """Exit with 0 when nothing is left, 3 when something could not be adopted, 1 when it was refused."""
    parser = argparse.ArgumentParser(prog="alliance adopt", description=__doc__)
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the operator's who asks")
    parser.add_argument(
        "--second-key", type=Path, required=True, metavar="FILE", help="another operator's, who agrees"
    )
    options = parser.parse_args(argv)
    try:
        done = adopt(settings_from_environment(), options.key, options.second_key)
    except (DomainError, NoOperator, OSError) as refusal:
        print(f"alliance adopt: {why_it_ended(refusal)}", file=sys.stderr)
        return 1
    for operation, reason in done.left:
        print(f"{operation} left: {reason}")
    print(f"{done.adopted} operations adopted, {len(done.left)} left")
    return SOMETHING_LEFT if done.left else 0
