"""Runs in freqtrade's own environment: its backtest of the candles in a folder, timed, as JSON.

`python freqtrade_run.py FOLDER PAIRS`. Nothing is asked of an exchange: the markets are given.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import talib.abstract as ta
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.resolvers import ExchangeResolver
from freqtrade.strategy import IStrategy

RUNS = 2


class RsiAboveAverage(IStrategy):  # type: ignore[misc]
    """LONG where RSI(14) rises above 60 with the close above EMA 20; leaves at 2 % either way."""

    INTERFACE_VERSION = 3
    timeframe = "15m"
    stoploss = -0.02
    minimal_roi = {"0": 0.02}  # noqa: RUF012 - as freqtrade declares it
    startup_candle_count = 100

    def populate_indicators(self, dataframe: Any, metadata: Any) -> Any:
        """What the entry reads."""
        del metadata
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod=14)
        dataframe["ema"] = ta.EMA(dataframe, timeperiod=20)
        return dataframe

    def populate_entry_trend(self, dataframe: Any, metadata: Any) -> Any:
        """1 where it enters."""
        del metadata
        risen = (dataframe["rsi"] > 60) & (dataframe["rsi"].shift(1) <= 60)
        dataframe.loc[risen & (dataframe["close"] > dataframe["ema"]), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: Any, metadata: Any) -> Any:
        """No exit but those of price."""
        del metadata
        return dataframe


def config_of(folder: Path, pairs: list[str]) -> dict[str, Any]:
    """The settings of the backtest."""
    given = {
        "exchange": {"name": "binance", "pair_whitelist": pairs, "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}],
        "stake_currency": "USDT",
        "stake_amount": 1000,
        "dry_run": True,
        "dry_run_wallet": 10_000,
        "max_open_trades": 8,
        "fee": 0.001,
        "timeframe": "15m",
        "dataformat_ohlcv": "feather",
        "export": "none",
        "entry_pricing": {"price_side": "same", "use_order_book": False},
        "exit_pricing": {"price_side": "same", "use_order_book": False},
    }
    path = folder / "config.json"
    path.write_text(json.dumps(given))
    words = {
        "config": [str(path)],
        "datadir": str(folder),
        "user_data_dir": str(folder),
        "strategy": RsiAboveAverage.__name__,
        "strategy_path": str(Path(__file__).parent),
        "backtest_cache": "none",
    }
    return dict(Configuration(words, RunMode.BACKTEST).get_config())


def markets_of(pairs: list[str]) -> dict[str, Any]:
    """Of ccxt's shape, with ticks and lots of a 10,000th."""
    return {
        pair: {
            "id": pair.replace("/", ""),
            "symbol": pair,
            "base": pair.split("/")[0],
            "quote": "USDT",
            "spot": True,
            "active": True,
            "type": "spot",
            "swap": False,
            "precision": {"price": 1e-4, "amount": 1e-4},
            "limits": {
                "amount": {"min": 1e-4, "max": None},
                "cost": {"min": 1.0, "max": None},
                "price": {"min": None, "max": None},
            },
        }
        for pair in pairs
    }


def main(folder: Path, pairs: list[str]) -> None:
    """Prints processor times of the parts and the number of signals and trades."""
    logging.disable(logging.CRITICAL)
    config = config_of(folder, pairs)
    exchange = ExchangeResolver.load_exchange(config, validate=False)
    exchange._markets = markets_of(pairs)  # noqa: SLF001 - no network is needed for these
    exchange._api.markets = exchange._markets  # noqa: SLF001 - as above
    best: dict[str, Any] = {}
    for _ in range(RUNS):
        run = Backtesting(config, exchange)
        began_s = time.process_time()
        data, span = run.load_bt_data()
        read_s = time.process_time() - began_s
        began_s = time.process_time()
        run.backtest_one_strategy(run.strategylist[0], data, span)
        ran_s = time.process_time() - began_s
        (done,) = run.all_bt_content.values()
        found = {
            "candles": sum(len(each) for each in data.values()),
            "read_s": read_s,
            "ran_s": ran_s,
            "trades": len(done["results"]),
        }
        best = found if not best or ran_s < best["ran_s"] else best
    sys.stdout.write(json.dumps(best) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2].split(","))
