"""An application on a real server in a separate thread, for blocking clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from crypto_bot.adapters.web import EventStream, WebServer, bind


@contextmanager
def served(app: FastAPI, stream: EventStream) -> Iterator[str]:
    """Yields its URL."""
    server = WebServer(app, bind("127.0.0.1", 0), stream)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
