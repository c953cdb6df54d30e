"""Page, terminal, API and backtest give equal figures for the same period and log."""

from __future__ import annotations

import re
from itertools import starmap
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.history import serve_history
from crypto_bot.adapters.web.page.palette import PALETTES, Theme
from crypto_bot.adapters.web.page.performance_charts import loss_options
from crypto_bot.adapters.web.page.sentences import verdict_sentence
from crypto_bot.app.cli import main
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.reports.live_record import PerformanceReport, Selection
from simulated_exchange.generated import GeneratedMarket
from tests.adapters.web.page.made_figures import QUARTER, board_of, stored_calls
from tests.reports.made_calls import BAR_MS, T0, market

DAYS = 20
COINS = tuple(f"C{at}USDT" for at in range(6))
NUMBER = r"[-+−]?\d[\d,]*(?:\.\d+)?"


def numbers(text: str) -> list[float]:
    """Every number of a text."""
    found = re.findall(NUMBER, text)
    return [float(each.replace(",", "").replace("−", "-")) for each in found]


def terminal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


async def api(database: Database, path: str) -> dict[str, dict[str, float]]:
    app = FastAPI()
    serve_history(app, SqlPredictionQueries(database, QUARTER), Coverage(COINS, QUARTER))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer: dict[str, dict[str, float]] = (await client.get(path)).json()
    return answer


async def of_page(
    database: Database, now_ms: int, symbols: tuple[str, ...]
) -> tuple[list[str], PerformanceReport]:
    """The cards of Overview, and what Performance shows."""
    board = board_of(database, now_ms, symbols=symbols, newest_ms=now_ms - BAR_MS)
    await board.renew()
    cards = [f"{card.figure} {card.foot}" for card in board.snapshot.cards]
    return cards, board.record.report(Selection(), board.snapshot.version)


async def test_hit_rate_break_even_and_log_loss_of_a_month(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    database = Database.open(url)
    rows = market(DAYS, coins=len(COINS))
    stored_calls(database, rows)
    cards, report = await of_page(database, rows[-1].candle_open_ms + BAR_MS, COINS)
    overall = (await api(database, f"/api/performance?since={T0}"))["overall"]
    database.close()
    printed = terminal(capsys, "review", "--database_url", url, "--use_ml", "0")

    rate, low, high, n, even = numbers(cards[1].replace("95%", ""))
    assert n == len(rows)
    sentence = verdict_sentence(report.trades, "").text
    assert numbers(sentence)[:5] == [rate, low, high, n, even]
    line = next(
        line for line in printed.splitlines() if "hit rate" in line and "break-even" in line
    )
    assert numbers(line) == [rate, low, high, n, even]
    assert round(100 * overall["hit_rate"], 1) == rate, "every gain of this log was a right call"
    assert [round(100 * end, 1) for end in overall["hit_rate_interval"]] == [low, high]  # type: ignore[attr-defined]
    assert overall["n"] == n

    loss, low, high, n = numbers(cards[2].replace("95%", ""))
    (line,) = (line for line in printed.splitlines() if "log loss" in line)
    assert numbers(line)[-4:] == [loss, low, high, 0.0]  # "below 0 is better"
    chart = loss_options(PALETTES[Theme.DARK], report.loss, utc=True)["series"][-1]
    assert numbers(chart["endLabel"]["formatter"]) == [loss]
    assert n == report.loss[-1].n


async def test_a_backtest_and_the_log_that_it_leaves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, into = (f"sqlite:///{tmp_path / name}" for name in ("candles.db", "signals.db"))
    coins, until_ms = ("BTCUSDT", "ETHUSDT"), T0 + 6 * DAY_MS
    (tmp_path / "coins.json").write_text('["BTCUSDT", "ETHUSDT"]')
    database = Database.open(source)
    made = GeneratedMarket(coins, BAR_MS, seed=3)
    candles = {
        coin: list(starmap(Candle, made.candles(coin, T0 - 10 * DAY_MS, until_ms)))
        for coin in coins
    }
    SqlCandleArchive(database, QUARTER).add(candles)
    database.close()
    words = ("--use_ml", "0", "--symbols_file", str(tmp_path / "coins.json"))
    period = ("--since", "2025-12-01", "--until", "2025-12-06T23:45", "--into", into)
    printed = terminal(capsys, "backtest", "--database_url", source, *words, *period)
    database = Database.open(into)
    overall = (await api(database, "/api/performance"))["overall"]
    _, report = await of_page(database, until_ms, coins)
    calls = SqlPredictionQueries(database, QUARTER).resolved_calls(T0, until_ms)
    database.close()

    (row,) = (line for line in printed.splitlines() if "ALL" in line)
    n, rate, low, high, confidence, trades, *mean = numbers(row)
    assert (n, trades) == (overall["n"], overall["trades"]) == (len(calls), report.trades.n)
    assert (rate, confidence) == (
        round(100 * overall["hit_rate"], 1),
        round(100 * overall["mean_confidence"], 1),
    )
    assert [round(100 * end, 1) for end in overall["hit_rate_interval"]] == [low, high]  # type: ignore[attr-defined]
    assert mean[0] == round(overall["mean_return_bps"], 1)
    assert mean[0] == round(report.trades.record.mean_return_bps.value, 1)
    right = sum(report.confusion[side][side] for side in range(3))
    assert overall["hits"] == right
    assert report.calls == n
    assert sum(map(sum, report.confusion)) == n
