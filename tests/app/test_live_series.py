"""Series that an engine keeps and fetches: at every close the bits of a training run on them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.series.inputs import Inputs, Source, Waiting
from crypto_bot.adapters.series.registered import INPUTS
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.market_data import open_series
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.training.candles import training_candles
from crypto_bot.domain.candle import Candle, TradedCandle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.market import Bar
from crypto_bot.features.batch import batch
from crypto_bot.features.sets import feature_set
from crypto_bot.serving.feature_windows import FeatureWindows
from tests.adapters.exchange.on_sim import T0, TF, Sim, simulated
from tests.features.grouped import ALL_GROUPS

COIN, LEADER = "ETHUSDT", "BTCUSDT"
BARS, GAP, NEW, LIVE = 1_400, 300, 1_000, 1_380
"""Candles; the one that is missing; the first that the exchange says more of; the last restart."""
FEATURES = feature_set(ALL_GROUPS)
FROM_EXCHANGES = ("funding", "premium_1h", "btc_implied_volatility")


class At:
    """A clock that stands."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def seconds(self) -> float:
        return self.at_ms / 1000.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    return load({"database_url": url, "inputs": {"folder": tmp_path / "inputs"}})


async def fetched(sim: Sim, settings: Settings) -> None:
    """Two weeks of what exchanges publish, by the clock of the simulated one."""
    sources = [Source(INPUTS.get(name), sim.url, "") for name in ("binance_futures", "deribit")]
    waiting = Waiting(20.0, At(T0), lambda _: False)
    inputs = Inputs(settings.inputs.folder, sources, waiting)
    inputs.history_ms = T0
    await asyncio.to_thread(inputs.refresh, [COIN], FROM_EXCHANGES)


async def stored(sim: Sim, settings: Settings) -> dict[str, list[Candle]]:
    """The candles of both coins, archived as an engine does, in two runs of the program."""
    found = {}
    for symbol in (COIN, LEADER):
        rows = await sim.feed.candles(symbol, T0 - BARS * TF.ms, T0 - TF.ms)
        found[symbol] = [row for at, row in enumerate(rows) if at != GAP]
    for part in (slice(0, 600), slice(600, BARS)):
        with closing(Database.open(settings.database_url, settings.engine_key)) as database:
            archive = SqlCandleArchive(database, TF)
            archive.add({s: _before(rows[part]) for s, rows in found.items()})
            archive.add({s: rows[-3:] for s, rows in found.items() if part.start})
    return found


def _before(rows: Sequence[Candle]) -> list[Candle]:
    """Those before NEW as another source has them, which says nothing of their trading."""
    since_ms = T0 - (BARS - NEW) * TF.ms
    return [row if row.open_ms >= since_ms else Candle(*row) for row in rows]


@pytest.mark.slow
async def test_live_after_restarts_and_gaps_the_bits_are_those_of_training(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crypto_bot.adapters.series.binance_futures._FIRST_MS", T0 - 40 * DAY_MS)
    async with simulated(speed=1.0) as sim:
        candles = await stored(sim, settings)
        await fetched(sim, settings)
    held = training_candles(None, settings, None, FEATURES.series)
    coin, leader = (held.read(symbol).table for symbol in (COIN, LEADER))
    whole = batch(FEATURES, TF, coin, leader, symbol=COIN, dtype=np.float32)
    groups = dict(zip(FEATURES.optional, whole.known.T, strict=True))
    traded = groups["the mean size of a trade"]
    assert not traded[: NEW - 1].any()
    assert traded[NEW - 1 :].all()
    for words in (
        "the funding rate of the perpetual contract",
        "the implied volatility of bitcoin",
    ):
        assert groups[words].all()
    rows = whole.rows[whole.valid]
    assert (np.ptp(rows, axis=0) > 0).sum() > 100

    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        archive = SqlCandleArchive(database, TF)
        series = {**open_series(settings), **archive.series}
        for since in (GAP + 850, LIVE):
            windows = FeatureWindows(FEATURES, TF, (COIN, LEADER), 4, archive.read, series=series)
            at_ms = candles[COIN][since].open_ms
            windows.follow(COIN, at_ms, at_ms)
            for at in range(since + 1, since + 12):
                now = {symbol: rows[at] for symbol, rows in candles.items()}
                windows.update(Bar(now[COIN].open_ms, now))
                window = windows.window(COIN, 4)
                assert window is not None
                assert window.rows.tobytes() == whole.rows[at - 3 : at + 1].tobytes()
            masked = windows.masked(COIN, 4)
            assert masked == tuple(
                g for g, known in groups.items() if not known[at - 3 : at + 1].all()
            )


async def test_how_candles_were_traded_is_kept_as_the_exchange_has_it(settings: Settings) -> None:
    """The twelve fields of a kline, spot and contracts, through ccxt; once stored it stays."""
    for market_type in ("spot", "swap"):
        async with simulated(market_type=market_type) as sim:
            found = await sim.feed.candles(COIN, T0 - 40 * TF.ms, T0 - TF.ms)
        rows = [row for row in found if isinstance(row, TradedCandle)]
        assert rows == found
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        archive = SqlCandleArchive(database, TF)
        archive.add({COIN: rows[:30]})
        doubled = [TradedCandle.of(row, row.trading._replace(trades=1)) for row in rows]
        archive.add({COIN: doubled})
        share, size = (archive.series[name] for name in ("taker_share", "trade_size"))
        assert [at for at, _ in share.read(COIN, 0, 2**60)] == [row.open_ms + TF.ms for row in rows]
        assert size.read(COIN, T0, T0)[0].value == rows[-1].trading.quote_volume
        values = [value for _, value in size.read(COIN, 0, T0 - 10 * TF.ms)]
        assert values == [row.trading.quote_volume / row.trading.trades for row in rows[:30]]
        assert share.read(LEADER, 0, 2**60) == []
        archive.remove(COIN, [row.open_ms for row in rows])
        assert share.read(COIN, 0, 2**60) == []
