"""`alliance serve`: the HTTP service, as worker processes with a pool of request threads each."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from ledger_service.api.admission import SPARE_THREADS
from ledger_service.bootstrap.alliance import NotFounded
from ledger_service.bootstrap.foundations import lay_foundations
from ledger_service.config import Settings, settings_from_environment

_STOP_SECONDS = 30
# A head takes one packet or two; a connection that has not sent its next one by then is closed.
_HEAD_MILLIS = 15_000
_MOST_HEAD_BYTES = 32 * 1024
_MOST_WAITING_TO_CONNECT = 1024
_OTHER_FILES = 256
_RESPAWN_SECONDS = 1.0


class _Service(MPServer):
    """Goes on while one worker serves, however often another one dies.

    granian ends the whole service when a worker dies within seconds of its start for the second time; that
    stays so where no other worker is left.
    """

    def _respawn_workers(
        self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        running: list[Any] = self.wrks
        others = any(one.is_alive() for number, one in enumerate(running) if number not in workers)
        super()._respawn_workers(workers, spawn_target, target_loader, max(delay, _RESPAWN_SECONDS))
        if others:
            self.respawned_wrks.clear()


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
    return _Service(
        "ledger_service.bootstrap.http:worker",
        factory=True,
        address=settings.http_host,
        port=settings.http_port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads + SPARE_THREADS,
        blocking_threads_idle_timeout=600,
        backlog=_MOST_WAITING_TO_CONNECT,
        backpressure=_connections(settings),
        websockets=False,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=_HEAD_MILLIS, keep_alive=True, max_buffer_size=_MOST_HEAD_BYTES
        ),
        log_level=LogLevels(settings.log_level),
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
    )


def _connections(settings: Settings) -> int:
    """As many as the settings say and the system's limit on open files leaves."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.connections + _OTHER_FILES
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    if now != resource.RLIM_INFINITY and now < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return max(allowed - _OTHER_FILES, settings.threads)


def _share_metrics(folder: Path) -> None:
    # The Prometheus client sums the counters of all workers over files in this folder.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
