"""`alliance serve`: the HTTP service, as worker processes with a pool of request threads each."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.foundations import lay_foundations
from ledger_service.config import Settings, settings_from_environment

_STOP_SECONDS = 30


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first."""
    argparse.ArgumentParser(prog="alliance serve", description=__doc__).parse_args(argv)
    settings = settings_from_environment()
    try:
        lay_foundations(settings).close()
    except NotFounded as error:
        print(f"alliance serve: {error}", file=sys.stderr)
        return 2
    if settings.workers > 1:
        _share_metrics(settings.state_dir / "metrics")
    print(f"serving on http://{settings.http_host}:{settings.http_port}", flush=True)
    _server(settings).serve()
    return 0


def _server(settings: Settings) -> MPServer:
    return MPServer(
        "ledger_service.bootstrap.http:worker",
        factory=True,
        address=settings.http_host,
        port=settings.http_port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        blocking_threads_idle_timeout=600,
        backpressure=settings.threads * 4,
        websockets=False,
        http1_settings=HTTP1Settings(keep_alive=True),
        log_level=LogLevels(settings.log_level),
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
    )


def _share_metrics(folder: Path) -> None:
    # The Prometheus client sums the counters of all workers over files in this folder.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
