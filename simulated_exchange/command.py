"""The command line: prints one line of JSON when the exchange is ready, then serves."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from simulated_exchange.clock import ScaledClock, machine_ms
from simulated_exchange.coins import COINS
from simulated_exchange.config import ConfigError, SimConfig
from simulated_exchange.history import HistoryMarket
from simulated_exchange.intervals import INTERVALS
from simulated_exchange.opening import open_market
from simulated_exchange.server import serving


def main(argv: Sequence[str]) -> int:
    """Serves until SIGINT, SIGTERM or the end of replayed candles.

    Returns 0, or 2 with one line where `argv` cannot be served.
    """
    try:
        flags = vars(_parser().parse_args(argv))
        until_eof = flags.pop("until_eof")
        asyncio.run(_serve(SimConfig(**flags), until_eof=until_eof))
    except ConfigError as e:
        sys.stderr.write(f"{e}\n")
        return 2
    return 0


async def _serve(config: SimConfig, *, until_eof: bool) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if until_eof:
        await loop.connect_read_pipe(lambda: _UntilEof(ended), sys.stdin)
    now_ms = machine_ms()
    market, start_ms = open_market(config, now_ms)
    clock = ScaledClock(start_ms, now_ms, config.speed)
    if isinstance(market, HistoryMarket):
        # One interval more, in which the last candle can be fetched.
        end_ms = market.shared_span[1] + 2 * config.step_ms
        loop.call_later(max(0.0, clock.real_seconds(end_ms - start_ms)), ended.set)
    async with serving(config, market, clock, clock) as url:
        ready = {"event": "sim.ready", "url": url, **clock._asdict()}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await ended.wait()


class _UntilEof(asyncio.Protocol):
    """Sets `ended` when the other end of the pipe is closed, also by the death of its process."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - named by asyncio
        self._ended.set()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")


def _parser() -> _Parser:
    parser = _Parser(
        prog="simulated_exchange",
        description="A simulated exchange for this machine that speaks Binance's public REST.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes a free one (default)")
    add("--speed", type=float, default=120.0, help="simulated seconds in one (default 120)")
    add("--seed", type=int, default=7, help="of the generated market (default 7)")
    add("--candles", help="replay this folder of <SYMBOL>.parquet or .csv instead")
    add(
        "--start",
        type=_instant,
        dest="start_ms",
        help="simulated time of the opening: ISO 8601 or UTC ms",
    )
    add(
        "--tf",
        dest="timeframe",
        choices=INTERVALS,
        default="15m",
        help="shortest interval (default 15m)",
    )
    symbols = parser.add_mutually_exclusive_group()
    parser.set_defaults(symbols=tuple(COINS))
    symbols.add_argument(
        "--symbols",
        type=lambda text: tuple(text.split(",")),
        default=argparse.SUPPRESS,
        help="such as BTCUSDT,ETHUSDT (default: 32 coins)",
    )
    symbols.add_argument(
        "--symbols_file",
        type=_listed,
        dest="symbols",
        default=argparse.SUPPRESS,
        help="JSON list of symbols",
    )
    add("--fault_rate", type=float, default=0.0, help="0..1, of every kind of fault (default 0)")
    add("--fault_seed", type=int, default=0, help="of the faults (default 0)")
    add("--until_eof", action="store_true", help="end when standard input does")
    return parser


def _listed(path: str) -> tuple[str, ...]:
    """The symbols of a JSON list, or of `{"symbols": [...]}`."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as e:
        raise argparse.ArgumentTypeError(f"{path} cannot be read as JSON: {e}") from e
    symbols = content.get("symbols") if isinstance(content, dict) else content
    if not isinstance(symbols, list) or not all(isinstance(each, str) for each in symbols):
        raise argparse.ArgumentTypeError(f'{path}: expected a list such as ["BTCUSDT"]')
    return tuple(symbols)


def _instant(text: str) -> int:
    """UTC milliseconds of milliseconds as such, or of ISO 8601, UTC where it names no zone."""
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2025-01-01") from e
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(zoned.timestamp() * 1000)
