"""The WSGI application of a worker: services from ``serving``, endpoints bound to them, closed at exit."""

from __future__ import annotations

import atexit
import gc
from multiprocessing.util import Finalize
from typing import Any

from flask import Flask

from ledger_service.api.app import create_app
from ledger_service.api.pipeline import Pipeline
from ledger_service.bootstrap.connections import carry_protocol, end_request
from ledger_service.bootstrap.doors import bound
from ledger_service.bootstrap.listening import notice_dead_peers
from ledger_service.bootstrap.pages import with_pages
from ledger_service.bootstrap.serving import Serving, open_serving
from ledger_service.bootstrap.url_rules import FoundRule
from ledger_service.config import settings_from_environment

_YOUNG_OBJECTS = 20_000


def worker() -> Flask:
    """The application of a worker process: the factory that the HTTP server calls in each of them."""
    settings = settings_from_environment()
    serving = open_serving(settings)
    notice_dead_peers(settings.http_port)
    _end_slow_bodies(serving.pipeline, settings.http_port)
    # A worker that granian forked leaves by os._exit, where only multiprocessing's finalizers run.
    Finalize(None, serving.close, exitpriority=10)
    atexit.register(serving.close)
    app = application(serving)
    # What start-up made lives as long as the process: a full collection that walks it holds every till
    # for a tenth of a second. A group commit's rows are garbage by count, hardly ever by cycle.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
    return app


def _end_slow_bodies(pipeline: Pipeline, port: int) -> None:
    def end(environ: dict[str, Any], request_id: str) -> None:
        end_request(environ, pipeline.late(request_id), port, pipeline.bodies.seconds)

    carry_protocol()
    pipeline.bodies.watch(end)


def application(serving: Serving) -> Flask:
    """The application over opened services, with the screens beside it."""
    return with_pages(create_app(serving.pipeline, bound(serving), FoundRule), serving)
