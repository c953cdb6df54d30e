"""Backtests of a few made candles, with all of their files."""

from __future__ import annotations

from itertools import starmap
from pathlib import Path

from crypto_bot.app.backtest_files import Files, write
from crypto_bot.app.settings import EngineSettings, Settings
from crypto_bot.app.wiring import column_engine
from crypto_bot.backtesting.backtest import Backtest, Past
from crypto_bot.backtesting.figures import figures_of
from crypto_bot.backtesting.kept import FOLDER, KeptBacktests
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.candle_table import candle_table
from simulated_exchange.generated import GeneratedMarket

M15 = Timeframe.parse("15m")
FIRST_MS, BARS = 1_760_000_400_000, 1_400


def keep(folder: Path, symbols: tuple[str, ...], count: int) -> KeptBacktests:
    """`count` backtests in `folder`, each a little shorter than the one before."""
    settings = Settings(
        use_ml=False,
        database_url=f"sqlite:///{folder / 'made.db'}",
        engine=EngineSettings(analyzer_threshold=0.2),
    )
    market = GeneratedMarket(symbols, M15.ms, seed=5)
    span_ms = FIRST_MS, FIRST_MS + BARS * M15.ms
    candles = {s: list(starmap(Candle, market.candles(s, *span_ms))) for s in symbols}
    tables = {symbol: candle_table(each) for symbol, each in candles.items()}
    for at in range(count):
        since_ms = FIRST_MS + (700 + 96 * at) * M15.ms
        done = Backtest.run(column_engine(settings), Past(tables=tables), since_ms)
        ledgers = done.ledgers(settings.paper.plans())
        figures = figures_of(done, ledgers, dict.fromkeys(ledgers.events, count), "Rules alone.")
        write(settings, figures, "crypto-bot backtest", Files())
    return KeptBacktests(folder / FOLDER)
