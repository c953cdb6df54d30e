"""The rules in columns are the cycle: signals, outcomes and sums of the record, to the bit."""

import json
from itertools import starmap
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.backtests import stored_calls
from crypto_bot.app.commands.backtest import replay_into
from crypto_bot.app.settings import load
from crypto_bot.app.wiring import column_engine
from crypto_bot.backtesting.columns import SOURCES, ModelCalls, Models
from crypto_bot.backtesting.day_sums import day_records
from crypto_bot.backtesting.settling import STATUSES
from crypto_bot.backtesting.verification import pages
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.signal import Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import candle_table
from simulated_exchange.generated import GeneratedMarket

M15 = Timeframe.parse("15m")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOTUSDT")
SINCE = 1_760_000_400_000 // M15.ms * M15.ms
BEFORE, BARS = 6_200, 1_500


def history(seed: int) -> dict[str, list[Candle]]:
    """With gaps of some coins, and one that is listed late."""
    market = GeneratedMarket(SYMBOLS, M15.ms, seed=seed)
    last_ms = SINCE + (BARS - 1) * M15.ms
    rng = np.random.default_rng(seed)
    held = {}
    for number, symbol in enumerate(SYMBOLS):
        first_ms = SINCE + 200 * M15.ms if number == 3 else SINCE - BEFORE * M15.ms
        whole = list(starmap(Candle, market.candles(symbol, first_ms, last_ms)))
        gaps = set(rng.integers(0, len(whole), 4 if number else 0).tolist())
        held[symbol] = [each for at, each in enumerate(whole) if at not in gaps]
    return held


def made_models(candles: dict[str, list[Candle]]) -> Models:
    """Random calls of models, for two coins."""
    rng, calls = np.random.default_rng(1), {}
    for symbol in SYMBOLS[:2]:
        times = np.array([each.open_ms for each in candles[symbol] if each.open_ms >= SINCE])
        times = times[rng.random(times.size) < 0.5]
        side = rng.integers(-1, 2, times.size)
        p = rng.dirichlet((1.0, 1.0, 1.0), times.size)
        expected = np.where(side != 0, 12.0, np.nan)
        calls[symbol] = ModelCalls(times, side, p, expected, LABELS.get("A"), "made+1")
    return Models(Source.ML_PER_COIN_V1, calls)


@pytest.mark.parametrize("models", [False, True])
def test_every_signal_and_outcome_equals_that_of_the_cycle(tmp_path: Path, *, models: bool) -> None:
    symbols = tmp_path / "symbols.json"
    symbols.write_text(json.dumps(SYMBOLS))
    settings = load(
        {
            "use_ml": False,
            "symbols_file": symbols,
            "engine": {"analyzer_threshold": 0.2, "record_lag_bars": 24},
        }
    )
    candles = history(3)
    made = made_models(candles) if models else None
    source, target = Database.open("sqlite://"), Database.open("sqlite://")
    archive = SqlCandleArchive(source, M15)
    archive.add(candles)
    last_ms = SINCE + (BARS - 1) * M15.ms
    replay_into(
        *(settings, SYMBOLS, archive, target),
        since_ms=SINCE,
        until_ms=last_ms,
        models=None if made is None else stored_calls(made),
    )
    queries = SqlPredictionQueries(target, M15)

    engine = column_engine(settings, made)
    held = engine.run({s: candle_table(c) for s, c in candles.items()}, SINCE)
    seen = 0
    for line in pages(queries, SINCE, last_ms):
        theirs = line.stored.signal
        calls = held[theirs.symbol]
        at = int(np.searchsorted(calls.table.open_ms, theirs.candle_open_ms))
        assert engine.signal(theirs.symbol, calls, at) == theirs._replace(
            reasons=(), declined=(), near=None
        )
        settled = int(calls.outcomes.settled[at])
        assert (line.outcome is None) == (settled < 0)
        if line.outcome is not None:
            of = calls.outcomes
            assert line.outcome[1:7] == (
                M15.close_of(int(calls.table.open_ms[settled])),
                STATUSES[of.status[at]],
                *(float(each[at]) for each in of[2:6]),
            )
        seen += theirs.pred != "NO_TRADE"
    assert seen > 200
    assert {SOURCES[each] for calls in held.values() for each in calls.source} >= {
        "PROFESSIONAL_ANALYZER",
        "MOMENTUM",
        "HOLD",
    }
    ours = day_records(held, M15, settings.decision.cost_bps)
    for mine, row in zip(ours, queries.performance_rows(None, None, None), strict=True):
        assert mine[:3] == row[:3]
        assert mine[3:] == pytest.approx(row[3:], abs=1e-9)
