"""Real HTTP receivers on the loopback address: one that accepts everything, one that hangs."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.processes import LONGEST_S


class Inbox:
    """The messages received, and the status with which the next is answered."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        self.asked = 0
        self.port = 0
        self._news = threading.Condition()

    def took(self, message: dict[str, Any]) -> int:
        with self._news:
            self.asked += 1
            if self.status == 200:
                self.messages.append(message)
            self._news.notify_all()
            return self.status

    def until(self, *, arrived: int = 0, asked: int = 0) -> None:
        """Waits for messages, or for attempts."""
        with self._news:
            done = self._news.wait_for(
                lambda: len(self.messages) >= arrived and self.asked >= asked, LONGEST_S
            )
        assert done, (self.messages, self.asked)

    def url(self, path: str = "hook") -> str:
        return f"json://127.0.0.1:{self.port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    inbox: Inbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.inbox.took(json.loads(body)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening() -> Iterator[Inbox]:
    """A webhook."""
    inbox = Inbox()
    handler = type("Handler", (_Handler,), {"inbox": inbox})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        inbox.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield inbox
        server.shutdown()
        thread.join()


@contextmanager
def hanging() -> Iterator[int]:
    """The port of a receiver that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]


def later(condition: Any) -> None:
    """Waits for a state of another thread."""
    deadline = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
