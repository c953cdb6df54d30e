"""A log as an engine leaves it: made-up candles, calls of rules and of a model, settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.outcome import settle
from crypto_bot.domain.signal import Declined, Levels, Pred, Probabilities, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.registered import class_after
from crypto_bot.ports import StoredSignal
from tests.domain.paper_accounts import signal

QUARTER = Timeframe.parse("15m")
NEWEST_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z: open of the newest candle
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
HORIZON = 16


def candles_of(symbol: str, bars: int, newest_ms: int = NEWEST_MS) -> list[Candle]:
    """A random walk in steps of a cent; the same for a symbol every time."""
    random = Random(symbol)
    price, made = 100.0, []
    for bar in range(bars):
        close = round(price * (1.0 + random.gauss(0.0, 0.004)), 2)
        high = round(max(price, close) * (1.0 + abs(random.gauss(0.0, 0.001))), 2)
        low = round(min(price, close) * (1.0 - abs(random.gauss(0.0, 0.001))), 2)
        open_ms = newest_ms - (bars - 1 - bar) * QUARTER.ms
        made.append(Candle(open_ms, price, high, low, close, round(random.uniform(5, 50), 1)))
        price = close
    return made


def signal_of(
    symbol: str, candle: Candle, random: Random, share_of_models: float, atr: float = 0.8
) -> StoredSignal:
    by_model = random.random() < share_of_models
    pred = random.choices(list(Pred), [0.06, 0.88, 0.06])[0]
    source = Source.HOLD if pred is Pred.NO_TRADE else Source.PROFESSIONAL_ANALYZER
    if by_model:
        source = Source.ML_PER_COIN_V1
    made = signal(
        symbol,
        pred=pred,
        entry=candle.close,
        atr=atr,
        probabilities=_shares(pred, random),
        candle_open_ms=candle.open_ms,
        source=source,
        reasons=_REASONS[source],
        declined=() if by_model else (Declined(Source.ML_PER_COIN_V1, "no model is published"),),
        expected_bps=14.2 if by_model and pred is not Pred.NO_TRADE else None,
        cost_bps=10.0,
        model_version="cnn_lstm_v1+3f9c2a1d" if by_model else None,
    )
    return StoredSignal(made, QUARTER.close_of(candle.open_ms) + 2113, late=False)


_REASONS = {
    Source.ML_PER_COIN_V1: ("expected +14.2 bp beyond the cost of 10.0 bp",),
    Source.PROFESSIONAL_ANALYZER: (
        "score +0.52 beyond ±0.4",
        "trend +0.31: base +0.10, 1h +0.40",
        "structure +1.0: higher highs and higher lows",
        "momentum -0.20: RSI 45, MACD histogram -0.02 ATR",
        "volatility 0.90 times the usual",
    ),
    Source.HOLD: ("no source sees a trade",),
}


def _shares(pred: Pred, random: Random) -> Probabilities:
    """0.42 for what is called."""
    others = [each for each in Pred if each is not pred]
    first = random.uniform(0.2, 0.38)
    shares = {pred: 0.42, others[0]: first, others[1]: 1.0 - 0.42 - first}
    return Probabilities(shares[Pred.SHORT], shares[Pred.NO_TRADE], shares[Pred.LONG])


def fill(
    database: Database,
    *,
    symbols: Sequence[str] = SYMBOLS,
    bars: int = 60,
    newest_ms: int = NEWEST_MS,
    share_of_models: float = 0.5,
    candles_by_symbol: Mapping[str, Sequence[Candle]] | None = None,
) -> None:
    """Stores candles, a signal for each, and the outcomes of those that have one.

    `candles_by_symbol`: real ones in place of random walks around 100.
    """
    store = SqlPredictionStore(database, QUARTER)
    archive = SqlCandleArchive(database, QUARTER)
    for symbol in symbols:
        random = Random(f"{symbol} signals")
        if candles_by_symbol is None:
            candles: Sequence[Candle] = candles_of(symbol, bars, newest_ms)
            atr = 0.8
        else:
            candles = candles_by_symbol[symbol]
            atr = 0.008 * candles[0].close
        archive.add({symbol: candles})
        signals = [signal_of(symbol, each, random, share_of_models, atr) for each in candles]
        settled = (
            settle(stored.signal, candles[bar : bar + HORIZON], QUARTER, class_after)
            for bar, stored in enumerate(signals, 1)
        )
        store.commit(signals, [outcome for outcome in settled if outcome is not None])


def call(
    database: Database,
    pred: Pred = Pred.LONG,
    reach: float = 20.0,
    *,
    horizon_bars: int = HORIZON,
    bars_ago: int = 2,
) -> float:
    """BTCUSDT with one call of a rule that risks `reach`; its entry."""
    candles = candles_of("BTCUSDT", 40)
    SqlCandleArchive(database, QUARTER).add({"BTCUSDT": candles})
    made = signal_of("BTCUSDT", candles[-1 - bars_ago], Random(1), 0.0)
    entry, side = made.signal.levels.entry, 1 if pred is Pred.LONG else -1
    targets = (entry + side * 2 * reach, entry + side * 3 * reach, entry + side * 4 * reach)
    signal = made.signal._replace(
        pred=pred,
        source=Source.RSI_MA,
        horizon_bars=horizon_bars,
        levels=Levels(entry, entry - side * reach, targets),
        reasons=("RSI <b>9</b>",),
    )
    SqlPredictionStore(database, QUARTER).commit([made._replace(signal=signal)], [])
    return entry
