"""The positions of a ledger as orders of an independent library, backtesting.py."""

import warnings
from collections.abc import Sequence

import pandas as pd

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.quote import Instrument
from crypto_bot.domain.signal import Pred
from tests.domain.paper_accounts import T0, TF_MS, D

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # warnings of the library on import
    from backtesting import Backtest, Strategy

SYMBOL, RATE, CASH = "AUSDT", 0.001, 1_000_000
FIRST = 2
"""The library has no step on its first bar."""
WHOLE = Instrument(SYMBOL, D("0.01"), D(1), D(1), D(5))
"""The library trades whole coins only."""


def replayed(
    candles: Sequence[Candle], opened: Sequence[Event], *, closes_the_last: bool
) -> pd.Series:
    """What it makes of the entries: each is one order per target, all with the same stop."""
    orders = {(event.at_ms - T0) // TF_MS - 1: event for event in opened}

    class Followed(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            pass

        def next(self) -> None:
            event = orders.get(len(self.data) - 1)
            if event is None:
                return
            assert event.terms is not None
            enter = self.buy if event.side is Pred.LONG else self.sell
            for target in event.terms.targets:
                levels = {"sl": float(event.terms.stop), "tp": float(target.price)}
                enter(size=int(target.amount), tag=event.prediction_id, **levels)

    columns = ["at", "Open", "High", "Low", "Close", "Volume"]
    frame = pd.DataFrame(candles, columns=columns).set_index("at")
    frame.index = pd.to_datetime(frame.index, unit="ms")
    words = {"cash": CASH, "commission": RATE, "finalize_trades": closes_the_last}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a trade that is open at the end may be meant
        found: pd.Series = Backtest(frame, Followed, hedging=True, **words).run()
    return found
