"""`crypto-bot sim`: the simulated exchange as a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.sim.coins import COINS
from crypto_bot.adapters.exchange.sim.config import ClockNumbers, SimConfig
from crypto_bot.adapters.exchange.sim.opening import open_market
from crypto_bot.adapters.exchange.sim.server import serving
from crypto_bot.app.commands.flags import Parser, instant_of
from crypto_bot.app.settings import load_symbols
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import TRADED

FOR_PARENT = "--for_parent"
"""As the only argument: stdin begins with the configuration, and its end ends the exchange."""


@asynccontextmanager
async def simulated_exchange(config: SimConfig) -> AsyncIterator[tuple[str, ClockNumbers]]:
    """The exchange of `config` in this event loop: its URL and clock. Raises ConfigError."""
    machine_ms = SystemClock().now_ms()
    market, start_ms = open_market(config, machine_ms)
    numbers = ClockNumbers(start_ms, machine_ms, config.speed)
    async with serving(config, market, AcceleratedClock(*numbers), numbers) as url:
        yield url, numbers


def main(argv: Sequence[str]) -> int:
    """Serves until a signal comes; 0, or 2 where `argv` asks for what cannot be."""
    try:
        for_parent = list(argv) == [FOR_PARENT]
        config = SimConfig.from_json(sys.stdin.readline()) if for_parent else _parsed(argv)
        asyncio.run(_serve(config, for_parent=for_parent))
    except ConfigError as e:
        sys.stderr.write(f"{e}\n")
        return 2
    return 0


async def _serve(config: SimConfig, *, for_parent: bool) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if for_parent:
        await loop.connect_read_pipe(lambda: _UntilEof(ended), sys.stdin)
    async with simulated_exchange(config) as (url, numbers):
        ready = {"event": "sim.ready", "url": url, **numbers._asdict()}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await ended.wait()


class _UntilEof(asyncio.Protocol):
    """Sets `ended` when the other end of the pipe is gone, however it went."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- a protocol's
        self._ended.set()


def _parsed(argv: Sequence[str]) -> SimConfig:
    defaults = SimConfig(symbols=tuple(COINS))
    parser = Parser(
        prog="crypto-bot sim",
        description="A simulated exchange for this machine that speaks Binance's public REST.",
    )
    add = parser.add_argument
    add("--port", type=int, default=defaults.port, help="0 takes a free one (default)")
    add("--speed", type=float, default=120.0, help="simulated seconds in one (default 120)")
    add("--seed", type=int, default=defaults.seed, help="of the generated market (default 7)")
    add("--candles", help="replay this folder of <SYMBOL>.parquet or .csv instead")
    add("--start", type=_instant, help="simulated time of the opening: ISO 8601 or UTC ms")
    add("--tf", choices=TRADED, default=defaults.timeframe, help="shortest interval (default 15m)")
    add("--symbols_file", type=Path, help="JSON list of symbols (default: 32 coins)")
    add("--fault_rate", type=float, default=0.0, help="0..1, of every kind of fault (default 0)")
    add("--fault_seed", type=int, default=defaults.fault_seed, help="of the faults (default 0)")
    flags = parser.parse_args(argv)
    return SimConfig(
        symbols=defaults.symbols
        if flags.symbols_file is None
        else load_symbols(flags.symbols_file),
        timeframe=flags.tf,
        speed=flags.speed,
        start_ms=flags.start,
        seed=flags.seed,
        candles=flags.candles,
        fault_rate=flags.fault_rate,
        fault_seed=flags.fault_seed,
        port=flags.port,
    )


def _instant(text: str) -> int:
    """Milliseconds as such, or ISO 8601, UTC where it names no zone."""
    return int(text) if text.isdecimal() else instant_of(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
