"""Resolved calls made for the tests."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Source
from crypto_bot.ports import ResolvedCall

T0 = 1_764_547_200_000  # 2025-12-01, midnight UTC
BAR_MS = 900_000
NAMES = ("SHORT", "NO_TRADE", "LONG")


def call(
    at: int = 0,
    *,
    source: Source = Source.RSI_MA,
    symbol: str = "BTCUSDT",
    pred: str = "LONG",
    label: str = "LONG",
    begins: bool = True,
    p: tuple[float, float, float] = (0.2, 0.4, 0.4),
    return_bps: float = 100.0,
    cost_bps: float = 10.0,
    stop_loss: float | None = 99.0,
    atr: float | None = 0.5,
    version: str | None = None,
    horizon_bars: int = 1,
) -> ResolvedCall:
    """A call of the `at`-th quarter of an hour, at 100.0; its stop risks 100 bp."""
    open_ms, horizon_ms = T0 + at * BAR_MS, horizon_bars * BAR_MS
    return ResolvedCall(
        *(source.value, symbol, version, open_ms, horizon_ms, pred, label, begins, *p),
        *(return_bps, cost_bps, 100.0, stop_loss, atr),
    )


def market(
    days: int,
    *,
    coins: int = 4,
    bars: int = 24,
    seed: int = 0,
    stretch: float = 1.0,
    version: str | None = "v1",
) -> list[ResolvedCall]:
    """Calls whose labels are drawn from their probabilities, after `stretch` was taken out of them.

    With a stretch of 1 they are perfectly calibrated, above 1 too confident.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for at in range(days * bars):
        for coin in range(coins):
            truth = rng.dirichlet((6.0, 12.0, 6.0))
            predicted = truth**stretch / (truth**stretch).sum()
            label = NAMES[rng.choice(3, p=truth)]
            pred = "LONG" if predicted[2] > predicted[0] else "SHORT"
            right = pred == label
            rows.append(
                call(
                    at * (DAY_MS // BAR_MS // bars),
                    source=Source.ML_PER_COIN_V1,
                    symbol=f"C{coin}USDT",
                    pred=pred,
                    label=label,
                    p=tuple(predicted.tolist()),
                    return_bps=100.0 if right else -60.0,
                    atr=0.2 + 0.1 * coin,
                    version=version,
                )
            )
    return rows
