"""Routes for operation: health, metrics, event stream and API reference."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from fastapi import FastAPI, HTTPException, Request, Response, status
from fastapi.responses import HTMLResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST

from crypto_bot.adapters.web.event_stream import EventResponse, EventStream
from crypto_bot.adapters.web.metrics import Metrics
from crypto_bot.adapters.web.schemas import HealthBody
from crypto_bot.engine.health import HealthReport, Status

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = {"reference.js": "text/javascript", "reference.css": "text/css"}


def serve_operations(
    app: FastAPI, health: Callable[[], HealthReport], metrics: Metrics, stream: EventStream
) -> None:
    """Adds `/healthz`, `/metrics` and `/api/stream`."""

    @app.get("/healthz", tags=["engine"], responses={503: {"model": HealthBody}})
    async def healthz(response: Response) -> HealthBody:
        """Health: 200 while the engine is running, else 503 with the reasons."""
        report = health()
        if report.status is not Status.RUNNING:
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        response.headers["Cache-Control"] = "no-store"
        return HealthBody.of(report)

    @app.get(
        "/metrics",
        tags=["engine"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def scrape() -> Response:
        """Prometheus text."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.get(
        "/api/stream",
        tags=["signals"],
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
            503: {"description": "As many listeners as there may be"},
        },
    )
    async def events(request: Request) -> EventResponse:
        """Server-sent events `signal`, `outcome`, `paper` and `health`, as they are committed.

        Resumes after `Last-Event-ID`, of this process or an earlier one, with everything that was
        committed since, at least once. Who missed more than 4,096 signals gets an event `missed`
        in their place: they stand in `/api/signals`.
        """
        if stream.full:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                f"{stream.listeners} listeners are connected, which is the limit: try later",
            )
        return EventResponse(stream, request.headers.get("last-event-id"))


def serve_reference(app: FastAPI) -> None:
    """Adds `/docs`: a page that shows `/openapi.json`, all of it from this server.

    FastAPI's own page loads its script from another host, and the packaged copies of Swagger UI are
    1.5 MB of script that contacts other hosts; the policy of this page forbids that.
    """
    folder = files(__package__)

    @app.get("/docs", include_in_schema=False)
    def reference() -> HTMLResponse:
        page = (folder / "reference.html").read_text("utf-8")
        return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_POLICY})

    @app.get("/docs/{asset}", include_in_schema=False)
    def reference_asset(asset: str) -> Response:
        if asset not in _ASSETS:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no '{asset}' here")
        return Response((folder / asset).read_bytes(), media_type=_ASSETS[asset])
