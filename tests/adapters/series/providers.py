"""A server that speaks as CryptoCompare, Glassnode and LunarCrush do, their errors included.

Replies after https://min-api.cryptocompare.com/documentation, https://docs.glassnode.com/basic-api
and https://lunarcrush.com/developers/api/endpoints.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

DAY_S = 86_400
KEY = "a-pretend-key"
FIRST_S = 1_704_067_200  # 2024-01-01, before which there is nothing
Reply = tuple[int, dict[str, str], bytes | list[bytes]]
JSON_TYPE = {"content-type": "application/json"}


def as_json(content: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {**JSON_TYPE, **named}, json.dumps(content).encode()


class Providers:
    """What is served at `url`: `now_s` is the time there, `coins` what is listed.

    `answer(path)`, where it is set, replaces the reply of a path or gives None. `asked` has every
    request: path, query and headers.
    """

    def __init__(self) -> None:
        self.url = ""
        self.now_s = FIRST_S + 40 * DAY_S + 3_600 * 5
        self.coins = {"BTC", "ETH"}
        self.answer: Callable[[str], Reply | None] = lambda _: None
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.stopped = threading.Event()

    def reply(self, target: str, headers: dict[str, str]) -> Reply:
        parts = urlsplit(target)
        path, query = parts.path, dict(parse_qsl(parts.query))
        self.asked.append((path, query, headers))
        given = self.answer(path)
        if given is not None:
            return given
        if path.startswith("/data/"):
            return self._cryptocompare(path, query, headers)
        if path.startswith("/v1/metrics/"):
            return self._glassnode(path, query, headers)
        return self._lunarcrush(path, query, headers)

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def _cryptocompare(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
        if "blockchain" in path and headers.get("authorization") != f"Apikey {KEY}":
            message = "You need a valid auth key or api key to access this endpoint"
            return as_json(cryptocompare_error(message, 1))
        if query["fsym"] not in self.coins:
            message = f"There is no data for the symbol {query['fsym']} ."
            return as_json(cryptocompare_error(message, 2))
        step_s = 3_600 if path.endswith("histohour") else DAY_S
        last_s = min(int(query["toTs"]), self.now_s) // step_s * step_s
        times = range(last_s - int(query["limit"]) * step_s, last_s + 1, step_s)
        if "blockchain" in path:
            kept = [at for at in times if at >= FIRST_S]
            supply = [
                {"id": 1182, "symbol": query["fsym"], "time": at, "current_supply": 19e6 + day(at)}
                for at in kept
            ]
            rows: list[dict[str, Any]] = supply
        else:
            rows = [candle(at) for at in times]
        data = {"Aggregated": False, "TimeFrom": times[0], "TimeTo": last_s, "Data": rows}
        return as_json(
            {
                "Response": "Success",
                "Message": "",
                "HasWarning": False,
                "Type": 100,
                "RateLimit": {},
                "Data": data,
            }
        )

    def _glassnode(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
        if headers.get("x-api-key") != KEY:
            return as_json({"message": "unauthorized"}, 401)
        if query["a"] not in self.coins:
            return (
                400,
                {"content-type": "text/plain"},
                f"asset '{query['a']}' not supported".encode(),
            )
        assert query["i"] == "24h"
        since_s, until_s = max(FIRST_S, int(query["s"])), min(int(query["u"]), self.now_s)
        times = [at for at in days_between(since_s, until_s - 1) if at + DAY_S <= self.now_s]
        value = {"sopr": 1.01, "active_count": 800_000}.get(path.rsplit("/", 1)[1], -250.5)
        return as_json([{"t": at, "v": value + day(at)} for at in times])

    def _lunarcrush(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
        if headers.get("authorization") != f"Bearer {KEY}":
            return as_json({"error": "Invalid API key"}, 401)
        coin = path.split("/")[4]
        if path != f"/api4/public/coins/{coin}/time-series/v2" or coin not in self.coins:
            return as_json({"error": "Coin not found"}, 404)
        times = days_between(max(FIRST_S, int(query["start"])), min(int(query["end"]), self.now_s))
        rows = [
            {
                "time": at,
                "open": 1.0,
                "close": 1.1,
                "galaxy_score": 60 + day(at) / 10,
                "alt_rank": 7,
                "posts_active": 1000 + day(at),
                "interactions": 5,
                "sentiment": None if day(at) == 3 else 80,
                "social_dominance": 2.5,
            }
            for at in times
        ]
        config = {"name": coin, "bucket": query["bucket"], "generated": self.now_s}
        return as_json({"config": config, "data": rows})


def day(at_s: int) -> int:
    return (at_s - FIRST_S) // DAY_S


def days_between(since_s: int, until_s: int) -> range:
    return range(-(-since_s // DAY_S) * DAY_S, until_s + 1, DAY_S)


def candle(at_s: int) -> dict[str, Any]:
    """Zeros before the listing, as the provider sends them."""
    price = 40_000.0 + day(at_s) if at_s >= FIRST_S else 0
    volume = 100.0 if price else 0
    return {
        "time": at_s,
        "high": price * 1.1,
        "low": price * 0.9,
        "open": price,
        "close": price,
        "volumefrom": volume,
        "volumeto": volume * price,
        "conversionType": "direct",
        "conversionSymbol": "",
    }


def cryptocompare_error(message: str, kind: int) -> dict[str, Any]:
    return {
        "Response": "Error",
        "Message": message,
        "HasWarning": False,
        "Type": kind,
        "RateLimit": {},
        "Data": {},
    }


@contextmanager
def served() -> Iterator[Providers]:
    """The server, on a free port of this machine."""
    providers = Providers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, sent, body = providers.reply(self.path, headers)
            self.send_response(status)
            for name, value in sent.items():
                self.send_header(name, value)
            parts = body if isinstance(body, list) else [body]
            if "content-length" not in sent:
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            try:
                for at, part in enumerate(parts):
                    if at and providers.stopped.wait(0.05 if part else 30.0):
                        return
                    self.wfile.write(part)
                    self.wfile.flush()
            except OSError:  # the reader has hung up
                pass

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    providers.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield providers
    finally:
        providers.stopped.set()
        server.shutdown()
        server.server_close()
