"""The application: routes, access guard and error handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, NamedTuple

import structlog
from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from crypto_bot import __version__
from crypto_bot.adapters.web.access import AccessGuard
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.event_stream import EventStream
from crypto_bot.adapters.web.history import serve_history
from crypto_bot.adapters.web.limits import Limits
from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.adapters.web.models import serve_models
from crypto_bot.adapters.web.operations import serve_operations, serve_reference
from crypto_bot.adapters.web.paper import serve_paper
from crypto_bot.adapters.web.plain_page import plain_page, wants_page
from crypto_bot.adapters.web.predict import serve_predict
from crypto_bot.adapters.web.predictions import serve_predictions
from crypto_bot.adapters.web.proxies import Prefixed
from crypto_bot.adapters.web.training import Training, serve_training
from crypto_bot.domain.errors import ConfigError, StoreError
from crypto_bot.domain.loopback import is_loopback
from crypto_bot.engine.health import HealthReport
from crypto_bot.ports import ModelCatalog, PaperTrading, PredictionQueries

_WATCH_S = 1.0
_log = structlog.get_logger(__name__)


class Proxy(NamedTuple):
    """How a proxy shows this server: below which path, under which `hosts`, to which `origins`."""

    root_path: str = ""
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


NO_PROXY = Proxy()


def create_app(
    *,
    queries: PredictionQueries,
    catalog: ModelCatalog,
    coverage: Coverage,
    health: Callable[[], HealthReport],
    metrics: Metrics,
    stream: EventStream,
    now_ms: Callable[[], int],
    host: str,
    token: str | None = None,
    paper: PaperTrading | None = None,
    training: Training | None = None,
    proxy: Proxy = NO_PROXY,
) -> FastAPI:
    """The API for a server that listens on `host`.

    `health` is called from the event loop and must not block; `now_ms` is the engine's clock.
    Raises ConfigError if `host` can be
    reached from other machines and there is no `token`.
    """
    _require_token(host, token)
    app = FastAPI(
        title="crypto_bot",
        version=__version__,
        description="One signal for each coin and closed candle, with its outcome.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(health, stream),
        exception_handlers=_HANDLERS,
        # Environment variables must not make the API report to third parties.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    names = {"hosts": proxy.hosts, "origins": proxy.origins}
    app.add_middleware(AccessGuard, host=host, token=token or None, **names)
    app.add_middleware(Prefixed, root_path=proxy.root_path)
    app.add_middleware(Limits)
    serve_predictions(app, queries, coverage)
    serve_predict(app, queries, coverage, now_ms)
    serve_history(app, queries, coverage)
    serve_models(app, catalog, coverage)
    if paper is not None:
        serve_paper(app, paper)
    if training is not None:
        serve_training(app, training)
    serve_operations(app, health, metrics, stream)
    serve_reference(app)
    return app


def _require_token(host: str, token: str | None) -> None:
    if not (token or is_loopback(host)):
        raise ConfigError(
            f"listening on {host} without a token would let anybody read and call the engine: "
            "set CRYPTO_BOT_API__TOKEN, or listen on 127.0.0.1"
        )


def _lifespan(
    health: Callable[[], HealthReport], stream: EventStream
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stream.open()
        watch = asyncio.create_task(_watch(health, stream))
        try:
            yield
        finally:
            stream.close()
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    return lifespan


async def _watch(health: Callable[[], HealthReport], stream: EventStream) -> None:
    """Sends each change of health to the listeners; lag can start without any event."""
    sent = None
    while True:
        report = health()
        if (report.status, report.reasons) != sent:
            sent = (report.status, report.reasons)
            stream.health_changed(report)
        await asyncio.sleep(_WATCH_S)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or fault['loc'][0]}: {fault['msg']}"
        for fault in error.errors()
    ]
    return JSONResponse({"detail": "; ".join(problems)}, 422)


async def _refused(request: Request, error: Exception) -> Response:
    """JSON for programs; for a person who looks for a page that is not here, a way back."""
    assert isinstance(error, HTTPException)
    path, of_api = request.url.path, request.url.path.startswith("/api/")
    if error.status_code == 404 and not of_api and wants_page(request.scope, request.headers):
        return plain_page("nowhere.html", request.headers, 404, {}, path=path)
    return await http_exception_handler(request, error)


def _store_failed(request: Request, error: Exception) -> JSONResponse:
    _log.error("request.failed", path=request.url.path, error=str(error))
    return JSONResponse({"detail": "the database query failed; see the log"}, 503)


_HANDLERS: dict[int | type[Exception], Any] = {
    RequestValidationError: _invalid,
    HTTPException: _refused,
    StoreError: _store_failed,
}
