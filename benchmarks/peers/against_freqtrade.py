"""freqtrade's backtest and ours on the same candles, pairs and entries, in processor time.

`python -m benchmarks.peers.against_freqtrade --peer_python PATH --candles FOLDER`: PATH is the
Python of an environment with `pip install freqtrade`. Both enter where RSI(14) rises above 60 with
the close above EMA 20. Exits differ: 2 % either way there; here stop, three targets and a trailing
stop in ATR, or the horizon.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.backtest import timed
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.backtests import past_in_files
from crypto_bot.app.commands.flags import instant_of
from crypto_bot.app.settings import load
from crypto_bot.app.wiring import column_engine
from crypto_bot.backtesting.backtest import Backtest, Past
from crypto_bot.domain.signal import Source
from crypto_bot.features.views import ViewColumns
from crypto_bot.market_data.observations import Integers
from crypto_bot.signals.readiness import sides_of

RUNS = 2
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT", "ADAUSDT", "LINKUSDT")
ACCOUNT = {
    "name": "spot",
    "within_costs": False,
    "max_positions": 8,
    "coin_exposure": 0.1,
    "correlated_positions": 0,
    "cooldown_bars": 0,
    "daily_loss": 0,
    "drawdown": 0,
}
"""With the rules that the peer has: eight positions of a tenth of the equity."""
_READY_BARS = 100


class RisingRsi:
    """The entry of `freqtrade_run`."""

    source = Source.RSI_MA

    def sides(self, views: ViewColumns) -> Integers:
        """1 LONG, 0 nothing."""
        before = np.concatenate(([np.nan], views.rsi[:-1]))
        risen = (views.rsi > 60.0) & (before <= 60.0) & (views.close > views.ema_20)
        return sides_of(views, _READY_BARS, risen, np.zeros(risen.size, np.bool_))


def written(past: Past, folder: Path) -> list[str]:
    """The candles as freqtrade reads them; the names of its pairs."""
    pairs = []
    for symbol, table in past.tables.items():
        base = symbol.removesuffix("USDT")
        names = ("open", "high", "low", "close", "volume")
        frame = pd.DataFrame(table.candles, columns=list(names))
        frame.insert(0, "date", pd.to_datetime(table.open_ms, unit="ms", utc=True))
        frame.to_feather(folder / f"{base}_USDT-15m.feather")
        pairs.append(f"{base}/USDT")
    return pairs


def ours(past: Past) -> dict[str, Any]:
    """The faster of the runs, after one that compiles."""
    settings = load({"use_ml": False, "paper": {"accounts": [ACCOUNT]}})
    engine = column_engine(settings)
    object.__setattr__(engine, "rules", (RisingRsi(),))
    since_ms = min(int(table.open_ms[0]) for table in past.tables.values())
    plans = settings.paper.plans()
    Backtest.run(engine, past, since_ms)
    best: dict[str, Any] = {}
    for _ in range(RUNS):
        done, signals_s = timed(lambda: Backtest.run(engine, past, since_ms))
        ledgers, ledgers_s = timed(lambda done=done: done.ledgers(plans))  # type: ignore[misc]
        found = {
            "candles": done.candles,
            "signals": sum(int((each.side > 0).sum()) for each in done.calls.values()),
            "signals_s": signals_s,
            "ran_s": signals_s + ledgers_s,
            "trades": len(ledgers.traders[0].book.closed),
        }
        best = found if not best or found["ran_s"] < best["ran_s"] else best
    return best


def main() -> None:
    """Prints both rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer_python", type=Path, required=True)
    parser.add_argument("--candles", type=Path, required=True)
    parser.add_argument("--since", type=instant_of, default=instant_of("2024-09-01"))
    parser.add_argument("--until", type=instant_of, default=instant_of("2025-08-31"))
    flags = parser.parse_args()
    if not flags.peer_python.exists():
        raise SystemExit(f"{flags.peer_python}: no such Python, nothing to compare")
    span = flags.since, flags.until
    database = Database.open("sqlite://")
    past = past_in_files(load({"use_ml": False}), COINS, database, flags.candles, span)
    here = ours(past)
    with tempfile.TemporaryDirectory() as name:
        pairs = written(past, Path(name))
        script = Path(__file__).with_name("freqtrade_run.py")
        command = [str(flags.peer_python), str(script), name, ",".join(pairs)]
        peer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    there = json.loads(peer.stdout.splitlines()[-1])
    print(f"{time.strftime('%Y-%m-%d')}: {len(past.tables)} pairs, {here['candles']:,} candles")
    rows = (
        ("freqtrade, indicators and trades", there["candles"] / there["ran_s"], there["trades"]),
        ("crypto-bot, signals and one account", here["candles"] / here["ran_s"], here["trades"]),
        ("crypto-bot, signals and outcomes", here["candles"] / here["signals_s"], here["signals"]),
    )
    for what, rate, trades in rows:
        print(f"{what:40} {rate:>10,.0f} candles/s {trades:>8,} trades or signals")


if __name__ == "__main__":
    main()
