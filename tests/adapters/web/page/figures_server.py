"""The page over a made catalogue and made accounts, as a process for a browser: DATABASE, kind.

Kinds: `usual`, `hostile` (a coin whose name is markup) and `empty`.
"""

from __future__ import annotations

import json
import socket
import sys

import uvicorn
from fastapi import FastAPI

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page.mount import mount_page
from crypto_bot.domain.instant import DAY_MS
from tests.adapters.web.page.made_figures import (
    BAR_MS,
    QUARTER,
    MadeCatalog,
    MadeDesk,
    board_of,
    stored_calls,
)
from tests.reports.made_calls import T0, market

HOSTILE = "<img src=x onerror=window.hacked=1>USDT"
COINS = tuple(f"C{at:02}USDT" for at in range(26))


def main(url: str, kind: str) -> None:
    """Serves until it is killed; writes its address as a line of JSON."""
    now_ms = SystemClock().now_ms()
    newest_ms = QUARTER.last_closed(now_ms)
    shift_ms = newest_ms - newest_ms % DAY_MS - T0 - 12 * DAY_MS
    coins = (HOSTILE,) if kind == "hostile" else COINS
    database = Database.open(url)
    desk = MadeDesk(now_ms, coins, empty=kind == "empty")
    if kind != "empty":
        rows = [
            row._replace(
                symbol=coins[int(row.symbol[1]) % len(coins)],
                candle_open_ms=row.candle_open_ms + shift_ms,
            )
            for row in market(12, coins=len(coins[:4]))
        ]
        stored_calls(database, rows)
    catalog = MadeCatalog.of_every_verdict(coins, now_ms, version="v1")
    board = board_of(
        database,
        now_ms,
        symbols=coins,
        catalog=None if kind == "empty" else catalog,
        paper=desk,
        newest_ms=None if kind == "empty" else newest_ms - BAR_MS,
    )
    app = FastAPI()
    mount_page(app, board)
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    sys.stdout.write(json.dumps({"event": "ready", "url": address}) + "\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
