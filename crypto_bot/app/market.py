"""The market that the engine runs on: a live exchange, or the simulated one with its own clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.error import URLError
from urllib.request import urlopen

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.adapters.exchange.sim.config import ClockNumbers, SimConfig
from crypto_bot.adapters.exchange.sim.process import SimProcess
from crypto_bot.adapters.exchange.stream import StreamedPrices
from crypto_bot.app.settings import ExchangeSettings, Settings, SimSettings
from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable
from crypto_bot.domain.timeframe import Timeframe

SIM = "sim"
_SPOKEN_BY_SIM = "binance"
_ATTACH_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Market:
    """Clock, candles and prices belong together: a simulated market's time is its own."""

    clock: SystemClock | AcceleratedClock
    feed: CcxtFeed
    prices: CcxtPrices | StreamedPrices
    process: SimProcess | None = None

    async def correct_clock(self) -> int | None:
        """Sets the clock by the exchange's; the correction in ms, None where there is none to make.

        Raises MarketDataError.
        """
        if isinstance(self.clock, AcceleratedClock):
            return None
        offset_ms = await self.feed.measure_offset()
        self.clock.correct(offset_ms)
        return offset_ms

    async def close(self) -> None:
        """Gives back connections, and ends the simulated exchange if it was started here."""
        if isinstance(self.prices, StreamedPrices):
            await self.prices.close()
        await self.feed.close()
        if self.process is not None:
            self.process.stop()


def open_market(settings: Settings, symbols: Sequence[str], resume_ms: int | None) -> Market:
    """A market with nothing requested yet; may start a child process and so take seconds.

    `resume_ms` is where the stored candles end: a simulated market goes on from there. Raises
    ConfigError, or ExchangeUnavailable where the simulated exchange does not start.
    """
    exchange = settings.exchange
    if exchange.id != SIM:
        clock = SystemClock()
        feed = _feed(exchange, exchange.id, settings.timeframe, clock, exchange.url)
        return Market(clock, feed, _prices(exchange, feed))
    process = None
    if exchange.url is None:
        config = _sim_config(settings.sim, symbols, settings.timeframe, resume_ms)
        process = SimProcess.start(config)
    url = exchange.url if process is None else process.url
    assert url is not None
    numbers = clock_of(url) if process is None else process.clock
    sim_clock = AcceleratedClock(*numbers)
    feed = _feed(exchange, _SPOKEN_BY_SIM, settings.timeframe, sim_clock, url)
    return Market(sim_clock, feed, _prices(exchange, feed), process)


def clock_of(url: str) -> ClockNumbers:
    """The clock of the simulated exchange at `url`. Raises ConfigError, ExchangeUnavailable."""
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"exchange url '{url}' is no http address")
    try:
        with urlopen(f"{url.rstrip('/')}/sim/clock", timeout=_ATTACH_TIMEOUT_S) as reply:  # noqa: S310 - checked above
            numbers = json.load(reply)
        return ClockNumbers(numbers["origin_ms"], numbers["anchor_ms"], numbers["speed"])
    except (URLError, OSError) as error:
        raise ExchangeUnavailable(f"no simulated exchange at {url}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"what answers at {url} is not the simulated exchange") from error


def _feed(
    exchange: ExchangeSettings,
    exchange_id: str,
    timeframe: Timeframe,
    clock: SystemClock | AcceleratedClock,
    url: str | None,
) -> CcxtFeed:
    return CcxtFeed(
        exchange_id,
        timeframe,
        clock,
        url=url,
        timeout_s=exchange.timeout_s,
        market_type=exchange.market_type,
        streams=exchange.stream_prices,
    )


def _prices(exchange: ExchangeSettings, feed: CcxtFeed) -> CcxtPrices | StreamedPrices:
    return StreamedPrices(feed.line) if exchange.stream_prices else CcxtPrices(feed.line)


def _sim_config(
    sim: SimSettings, symbols: Sequence[str], timeframe: Timeframe, resume_ms: int | None
) -> SimConfig:
    start_ms = _instant(sim.start)
    if resume_ms is not None:
        floor_ms = SystemClock().now_ms() if sim.candles is None and start_ms is None else 0
        start_ms = max(resume_ms, timeframe.open_of(floor_ms))
    return SimConfig(
        symbols=tuple(symbols),
        timeframe=timeframe.name,
        speed=sim.speed,
        start_ms=start_ms,
        seed=sim.seed,
        candles=None if sim.candles is None else str(sim.candles),
        fault_rate=sim.fault_rate,
    )


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"sim.start = '{text}' is no time such as 2025-01-01T00:00") from error
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(zoned.timestamp() * 1000)
