"""The demo: real candles of August 2025, whose first weeks are settled before the engine starts."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from crypto_bot.adapters.store.backup import back_up
from crypto_bot.adapters.store.call_files import read_calls
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.candle_files import read_candles
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.commands.backtest import replay_into
from crypto_bot.app.paper import trading
from crypto_bot.app.settings import Settings
from crypto_bot.app.shipped import shipped
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Source
from crypto_bot.ports import StoredSignal
from crypto_bot.serving.stored_calls import StoredCalls

CANDLES = Path("data/demo/candles_15m")
CALLS = Path("data/demo/calls.parquet")
"""What the demo's model answered for each candle of the settled past."""
MODELS = Path("models/demo")


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


HISTORY_MS = _ms("2025-05-30")
"""The first candle: nine weeks before the first signal, as the rules of 15m measure."""
SINCE_MS = _ms("2025-08-01")
"""The first signal."""
START_MS = _ms("2025-08-25T07:15")
"""Where the settled past ends and the exchange opens: an hour in which calls are open."""
UNTIL_MS = _ms("2025-09-01")
"""After the last candle."""


class Settling:
    """Writes what an engine would have stored, had it run from `since_ms` to `until_ms`.

    The signals and outcomes are those of a replay, the paper accounts are filled at candles.
    `counts` are set to the coins with their history and the candles with signals of all coins.
    """

    def __init__(
        self,
        settings: Settings,
        symbols: Sequence[str],
        counts: MutableSequence[int],
        since_ms: int = SINCE_MS,
        until_ms: int = START_MS,
    ) -> None:
        self._settings = settings
        self._symbols = symbols
        self._counts = counts
        self._since_ms, self._until_ms = since_ms, until_ms

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002 - a sink
        """Counts the signals of the replay."""
        self._counts[1] += len(signals)

    def into(self, database: Database, kept: Path) -> None:
        """Fills an empty `database`, and leaves a copy at `kept`. Raises StoreError, BadCandles."""
        settings, timeframe = self._settings, self._settings.timeframe
        archive = SqlCandleArchive(database, timeframe)
        for symbol in self._symbols:
            columns = read_candles(shipped(CANDLES) / f"{symbol}.parquet")
            before = columns.at(np.flatnonzero(columns.open_ms < self._until_ms))
            archive.add({symbol: before.candles()})
            self._counts[0] += 1
        SqlPredictionStore(database, timeframe).first_bar(self._since_ms)
        replay_into(
            *(settings, self._symbols, archive, database),
            since_ms=self._since_ms,
            until_ms=self._until_ms - timeframe.ms,
            models=self._models(),
            sinks=(self,),
        )
        self._trade(database)
        kept.unlink(missing_ok=True)
        back_up(settings.database_url, kept)

    def _models(self) -> StoredCalls | None:
        """The network's calls, which would take over a minute to compute again."""
        if not self._settings.use_ml:
            return None
        return StoredCalls(read_calls(shipped(CALLS)), Source.ML_PER_COIN_V1)

    def _trade(self, database: Database) -> None:
        """Runs the accounts from the first signal on, as one without the rule of lateness does."""
        paper = self._settings.paper
        accounts = tuple(each.model_copy(update={"late": False}) for each in paper.accounts)
        since_first = {"paper": paper.model_copy(update={"accounts": accounts})}
        settings = self._settings.model_copy(update=since_first)
        trades = trading(settings, self._symbols, database, lambda: self._until_ms)
        trades.recover(at_open=True, instruments={})
        trades.advance()
