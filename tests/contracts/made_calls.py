"""Predictions and outcomes for the stores, and a database without rows."""

from __future__ import annotations

from typing import Any

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.tables import engines, markets, metadata
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import Declined, Levels, Pred, Probabilities, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import StoredSignal

M15 = Timeframe.parse("15m")
H1 = Timeframe.parse("1h")
T0 = 1_764_547_200_000  # midnight UTC


def empty(database: Database) -> None:
    """Deletes all rows but the ids of engines and markets, which `database` remembers."""
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            if table not in (engines, markets):
                connection.execute(table.delete())


def stored(
    symbol: str = "BTCUSDT",
    bar: int = 0,
    *,
    late: bool = False,
    timeframe: Timeframe = M15,
    **changed: Any,
) -> StoredSignal:
    """A LONG of a rule; `changed` are fields of its signal."""
    open_ms = T0 + bar * timeframe.ms
    signal = Signal(
        symbol=symbol,
        tf=timeframe.name,
        candle_open_ms=open_ms,
        pred=Pred.LONG,
        confidence=0.37,
        distribution=Probabilities(0.22, 0.41, 0.37).distribution,
        source=Source.RSI_MA,
        levels=Levels(100.0, 98.0, (102.0, 103.0, 104.0)),
        atr=1.0,
        horizon_bars=24,
        reasons=("RSI 28.1 below 30",),
        declined=(Declined(Source.ML_PER_COIN_V1, "no model"),),
        cost_bps=10.0,
    )
    return StoredSignal(signal._replace(**changed), open_ms + timeframe.ms + 2113, late)


def outcome(
    of: StoredSignal,
    label: Pred | None = Pred.LONG,
    return_bps: float = 12.5,
    status: Status = Status.TP1,
) -> Outcome:
    """Settled two bars after it opened."""
    return Outcome(
        prediction_id=of.signal.id,
        settled_ms=of.signal.candle_open_ms + 2 * M15.ms,
        status=status,
        exit_price=102.0,
        return_bps=return_bps,
        mfe_bps=210.0,
        mae_bps=-35.0,
        label=label,
        side=label,
        correct=None if label is None else label is of.signal.pred,
    )
