"""The review page and the API over fixed data at a fixed moment: DATABASE [KIND [TOKEN]].

The only file of the golden tests that imports from the package.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import uvicorn

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web import EventStream, Metrics, create_app
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.page.mount import mount_page
from crypto_bot.adapters.web.page.training_table import RunLine
from crypto_bot.models.catalog import SwitchedOff
from crypto_bot.ports import LogLine, ModelCatalog, SettingLine
from tests.adapters.web.page.made_figures import BAR_MS, MadeCatalog, MadePaper, board_of
from tests.adapters.web.page.made_jobs import MadeJobs
from tests.adapters.web.page.made_log import NEWEST_MS, QUARTER, fill
from tests.backtesting.made_backtests import keep

NOW_MS = NEWEST_MS + BAR_MS + 60_000
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT", "DOTUSDT", "XRPUSDT", "BNBUSDT", "LTCUSDT")
_BARS = 480
_RUNS = (
    RunLine("15m, process", "running", NOW_MS - 600_000, None, 3, 9, "BTCUSDT: fold 2"),
    RunLine(
        "15m, process", "finished", NOW_MS - 9_000_000, NOW_MS - 8_000_000, 9, 9, "ETHUSDT: LOW"
    ),
)


def main(url: str, kind: str = "", token: str | None = None) -> None:
    """Serves until it is killed; its first line is a JSON event with its address."""
    database = Database.open(url)
    catalog: ModelCatalog = SwitchedOff()
    trading = MadePaper(NOW_MS, SYMBOLS, empty=kind == "empty")
    if kind != "empty":
        fill(database, symbols=SYMBOLS, bars=_BARS)
        catalog = MadeCatalog.of_every_verdict(SYMBOLS, NOW_MS)
    board = board_of(
        database,
        NOW_MS,
        symbols=SYMBOLS,
        catalog=catalog,
        paper=trading,
        training=_RUNS,
        newest_ms=NEWEST_MS,
    )
    if kind != "empty":
        board.jobs = MadeJobs("epoch 3", state="running")
        board.backtests = keep(Path.cwd(), SYMBOLS[:2], 2)
        board.log_lines = lambda: [LogLine("2025-12-01T00:15:02.113Z", "warning", "cycle", "slow")]
        board.setting_lines = [SettingLine("api.port", "8000", "default", "Of the API.")]
    app = create_app(
        queries=SqlPredictionQueries(database, QUARTER),
        catalog=catalog,
        coverage=Coverage(SYMBOLS, QUARTER),
        health=board.health,
        metrics=Metrics(board.health),
        stream=EventStream(memory=8),
        now_ms=board.now_ms,
        host="127.0.0.1",
        token=token,
        paper=trading,
    )
    mount_page(app, board)
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    sys.stdout.write(json.dumps({"event": "ready", "url": address}) + "\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
