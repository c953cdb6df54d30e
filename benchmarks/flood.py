"""Hostile visitors of a running engine on this machine: `python -m benchmarks.flood`.

2,000 slow connections, 1,000 logins a second, bodies of 60 MB and 500 websockets are kept up, one
after the other and all at once, each over a close of one-minute candles. No cycle may be late, and
memory and log have limits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.e2e.processes import ROOT, Process, call

TOKEN = "hush-hush-token-hush-hush"  # noqa: S105 - of the engine that is started here
MINUTE_MS = 60_000
SLOW, LOGINS_A_SECOND, BODIES, WEBSOCKETS = 2_000, 1_000, 8, 500
LOGIN_CONNECTIONS = 100
BODY_BYTES = 60_000_000
MOST_MEMORY_MB, MOST_LOG_BYTES, LATE_MS = 150, 1_000_000, 15_000

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Visitors:
    """What they sent and got, until the time is over."""

    port: int
    until_s: float
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def go_on(self) -> bool:
        return time.monotonic() < self.until_s

    async def again(self, what: str, visit: Callable[[Streams], Awaitable[None]]) -> None:
        """Visits anew as soon as a visit is over."""
        while self.go_on:
            try:
                streams = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.seen[f"{what}: not connected"] += 1
                await asyncio.sleep(0.2)
                continue
            self.seen[f"{what}: connected"] += 1
            try:
                async with asyncio.timeout(max(0.1, self.until_s - time.monotonic())):
                    await visit(streams)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                self.seen[f"{what}: ended"] += 1
            finally:
                streams[1].transport.abort()
            await asyncio.sleep(0.2)

    async def slow(self, streams: Streams) -> None:
        """The head of a request, a byte a second."""
        reader, writer = streams
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        while not reader.at_eof():
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(1)
            if writer.is_closing():
                return

    async def login(self, streams: Streams) -> None:
        """Wrong tokens, each connection's share of the rate, from changing addresses."""
        number = 0
        while True:
            started = time.monotonic()
            number += 1
            body = b"token=wrong%d" % number
            await self._asked(
                *streams,
                b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 10.0.%d.%d\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
                % (number // 250 % 250, number % 250, len(body), body),
                "login",
            )
            spare_s = LOGIN_CONNECTIONS / LOGINS_A_SECOND - (time.monotonic() - started)
            await asyncio.sleep(max(0.0, spare_s))

    async def body(self, streams: Streams) -> None:
        """A body of 60 MB, named or in chunks without an end."""
        reader, writer = streams
        head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
        writer.write(head % TOKEN.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        part = b"%x\r\n%s\r\n" % (100_000, b" " * 100_000)
        for _ in range(BODY_BYTES // 100_000):
            writer.write(part)
            await writer.drain()
        await self._reply(reader, "body")

    async def websocket(self, streams: Streams) -> None:
        """A websocket of the page by somebody who has the token, and who then says nothing."""
        reader, writer = streams
        path = b"/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
        writer.write(
            b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % (path, TOKEN.encode())
        )
        await self._reply(reader, "websocket")
        await reader.read()

    async def _asked(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: bytes,
        what: str,
    ) -> None:
        writer.write(request)
        head = await self._reply(reader, what)
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or b"0"))

    async def _reply(self, reader: asyncio.StreamReader, what: str) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        self.seen[f"{what}: {head.split()[1].decode()}"] += 1
        return head


KINDS: dict[str, tuple[Callable[[Visitors, Streams], Awaitable[None]], int]] = {
    "slow": (Visitors.slow, SLOW),
    "login": (Visitors.login, LOGIN_CONNECTIONS),
    "body": (Visitors.body, BODIES),
    "websocket": (Visitors.websocket, WEBSOCKETS),
}


async def flood(port: int, seconds: float, kinds: Sequence[str]) -> Counter[str]:
    """All visitors of `kinds` at once."""
    visitors = Visitors(port, time.monotonic() + seconds)
    tasks = [
        visitors.again(kind, partial(visit, visitors))
        for kind in kinds
        for visit, count in [KINDS[kind]]
        for _ in range(count)
    ]
    await asyncio.gather(*tasks)
    return visitors.seen


class Taken(NamedTuple):
    """Of the engine over some closes."""

    closes: int
    slowest_ms: int
    """From a close to the commit of its last signal."""
    memory_mb: float
    descriptors: int
    log_bytes: int
    processor_s: float


class Watched:
    """An engine of 32 coins on one-minute candles in real time."""

    def __init__(self, process: Process, file: Path) -> None:
        self._process, self._file = process, file
        self._child = psutil.Process(process.pid)

    async def over(self, seconds: float) -> Taken:
        """What it takes meanwhile; its greatest memory."""
        lines, newest_ms = len(self._process.lines), max(self._made())
        before = self._child.cpu_times()
        until_s, memory, descriptors = time.monotonic() + seconds, 0, 0
        while time.monotonic() < until_s:
            memory = max(memory, self._child.memory_info().rss)
            descriptors = max(descriptors, self._child.num_fds())
            await asyncio.sleep(0.5)
        after = self._child.cpu_times()
        took = [
            made_ms - open_ms - MINUTE_MS
            for made_ms, open_ms in self._made().items()
            if made_ms > newest_ms
        ]
        return Taken(
            closes=len(took),
            slowest_ms=max(took),
            memory_mb=memory / 1e6,
            descriptors=descriptors,
            log_bytes=sum(len(line) + 1 for line in self._process.lines[lines:]),
            processor_s=after.user + after.system - before.user - before.system,
        )

    def _made(self) -> dict[int, int]:
        """When the last signal of each candle was made, and the candle's open, in ms."""
        query = "SELECT max(created_ms), candle_open_ms FROM predictions GROUP BY candle_open_ms"
        with closing(sqlite3.connect(self._file)) as database:
            return dict(database.execute(query).fetchall())


def main() -> None:
    """Prints the engine's figures without visitors and with them; 1 if a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=66.0, help="one close, for each kind")
    parser.add_argument("--port", type=int, help="only visits this port, as the child does")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    flags = parser.parse_args()
    if flags.port is not None:
        print(json.dumps(asyncio.run(flood(flags.port, flags.seconds, flags.kinds))))
        return
    with tempfile.TemporaryDirectory() as folder:
        wrong = _measured(Path(folder), flags.seconds)
    print(wrong or "within the limits")
    raise SystemExit(bool(wrong))


def _measured(folder: Path, seconds: float) -> list[str]:
    file = folder / "engine.db"
    words = ["--exchange", "sim", "--use_ml", "0", "--port", "0", "--tf", "1m"]
    words += ["--database_url", f"sqlite:///{file}"]
    words += ["--symbols_file", str(ROOT / "symbols_32.json")]
    own = {
        "CRYPTO_BOT_SIM__SPEED": "1",
        "CRYPTO_BOT_ENGINE__RECORD_BARS": "60",
        "CRYPTO_BOT_API__TOKEN": TOKEN,
    }
    engine = Process([str(ROOT / "main.py"), *words], own, folder)
    try:
        url = engine.event("engine.started")["url"]
        engine.event("cycle.finished")
        while call(f"{url}/healthz")[0] != 200:
            time.sleep(0.5)
        watched = Watched(engine, file)
        quiet = asyncio.run(watched.over(seconds))
        print(f"quiet: {quiet}", flush=True)
        wrong = []
        for kinds in (*([kind] for kind in KINDS), list(KINDS)):
            command = ["--port", url.rpartition(":")[2], "--seconds", str(seconds), "--kinds"]
            visitors = Process(["-m", "benchmarks.flood", *command, *kinds], {}, folder)
            busy = asyncio.run(watched.over(seconds))
            assert visitors.ended() == 0, visitors.lines[-5:]
            print(f"{', '.join(kinds)}: {busy} {visitors.lines[-1]}", flush=True)
            wrong += [f"{', '.join(kinds)}: {each}" for each in _passed(quiet, busy)]
        assert call(f"{url}/healthz")[0] == 200
    finally:
        engine.kill()
    return wrong


def _passed(quiet: Taken, busy: Taken) -> list[str]:
    """The limits that were passed."""
    return [
        *(["a cycle was late"] if busy.slowest_ms > LATE_MS else []),
        *(["memory"] if busy.memory_mb > quiet.memory_mb + MOST_MEMORY_MB else []),
        *(["log"] if busy.log_bytes > MOST_LOG_BYTES else []),
    ]


if __name__ == "__main__":
    main()
