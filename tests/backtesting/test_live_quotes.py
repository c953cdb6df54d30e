"""Live paper trading from quotes beside the backtest of the same candles: every parting explained.

The accounts are run by the service of the live engine, each minute of a made market a quote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import starmap
from pathlib import Path

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.app.settings import load
from crypto_bot.app.wiring import column_engine
from crypto_bot.backtesting.backtest import Backtest, Past
from crypto_bot.backtesting.beside import FOLLOWS, LEFT, OPEN_STILL, QUOTE, Beside, beside
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.exits import decimal
from crypto_bot.domain.market import Bar
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.paper.trading import PaperTrading
from crypto_bot.market_data.candle_table import candle_table
from crypto_bot.market_data.whole_bars import whole_bars
from crypto_bot.ports import StoredSignal
from simulated_exchange.generated import GeneratedMarket

M1, M15 = Timeframe.parse("1m"), Timeframe.parse("15m")
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOTUSDT")
FIRST_MS, HISTORY, BARS = 1_760_000_400_000, 700, 500
HALF_SPREAD = decimal(0.0001)
EXPLAINED = {QUOTE, FOLLOWS, LEFT, OPEN_STILL}


class Tape:
    """The bars of the engine as far as they have closed."""

    def __init__(self, bars: Sequence[tuple[Bar, list[StoredSignal]]]) -> None:
        self.bars, self.closed = bars, 1

    def first_ms(self) -> int:
        return self.bars[0][0].open_ms

    def ready_ms(self, symbols: Sequence[str], patience_bars: int) -> int:
        del symbols, patience_bars
        return self.bars[self.closed - 1][0].open_ms

    def trades(self, since_ms: int, until_ms: int) -> list[StoredSignal]:
        return [each for bar, calls in self._between(since_ms, until_ms) for each in calls]

    def candles(
        self, symbols: Sequence[str], since_ms: int, until_ms: int
    ) -> dict[str, list[Candle]]:
        bars = [bar for bar, _ in self._between(since_ms, until_ms)]
        found = {s: [bar.candles[s] for bar in bars if s in bar.candles] for s in symbols}
        return {symbol: each for symbol, each in found.items() if each}

    def _between(self, since_ms: int, until_ms: int) -> Iterator[tuple[Bar, list[StoredSignal]]]:
        known = self.bars[: self.closed]
        return (each for each in known if since_ms <= each[0].open_ms <= until_ms)


def quoted(minutes: dict[str, dict[int, Candle]], at_ms: int) -> dict[str, Quote]:
    """Bid and ask around the close of the minute that opens at `at_ms`, two seconds later."""
    found = {}
    for symbol, held in minutes.items():
        middle = decimal(held[at_ms].close)
        move = middle * HALF_SPREAD
        found[symbol] = Quote(symbol, middle - move, middle + move, at_ms + M1.ms + 2_000)
    return found


def lived(tmp_path: Path) -> list[Beside]:
    """Both, over 2,000 candles."""
    market = GeneratedMarket(COINS, M1.ms, seed=5)
    since_ms, until_ms = FIRST_MS - HISTORY * M15.ms, FIRST_MS + (BARS + 1) * M15.ms
    made = {s: list(starmap(Candle, market.candles(s, since_ms, until_ms - 1))) for s in COINS}
    tables = {s: whole_bars(candle_table(each), M1, M15) for s, each in made.items()}
    minutes = {s: {each.open_ms: each for each in held} for s, held in made.items()}
    settings = load(
        {
            "use_ml": False,
            "database_url": f"sqlite:///{tmp_path / 'engine.db'}",
            "engine": {"analyzer_threshold": 0.2},
        }
    )
    done = Backtest.run(column_engine(settings), Past(tables=tables), FIRST_MS)
    tape, clock = Tape(list(done.engine.bars(done.calls))), FIRST_MS
    plans = settings.paper.plans()
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        store = SqlPaperStore(database, M15)
        live = PaperTrading(
            *(plans, M15, COINS, store, tape, lambda: clock),
            late_after_ms=settings.late_after_ms,
            sanity_band=settings.paper.sanity_band,
        )
        live.recover(at_open=False, instruments={})
        for at, (bar, calls) in enumerate(tape.bars):
            clock, tape.closed = M15.close_of(bar.open_ms) + 1_000, at + 1
            live.advance()
            live.committed(calls, ())
            for minute_ms in range(M15.close_of(bar.open_ms), until_ms, M1.ms)[:15]:
                quotes = quoted(minutes, minute_ms)
                clock = minute_ms + M1.ms + 2_000
                live.observe(quotes, {})
        ledgers = done.ledgers(plans)
        return [
            beside(
                name,
                [each for each in store.events(name) if each.at_ms <= until_ms - M15.ms],
                ledgers.events[name],
                (
                    {each.prediction_id: each.rule for each in store.refusals(name, 10**9)},
                    ledgers.refused[name],
                ),
            )
            for name in ledgers.events
        ]


@pytest.mark.slow
def test_every_parting_of_an_account_that_fills_from_quotes_is_explained(tmp_path: Path) -> None:
    for found in lived(tmp_path):
        reasons = found.reasons()
        refused = {why for why in reasons if why.startswith("refused ")}
        assert set(reasons) - refused <= EXPLAINED
        assert reasons[QUOTE] > 10
