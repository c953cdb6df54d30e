"""The market that the engine runs on: a live exchange, or the simulated one with its own clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import urlopen

import structlog

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.adapters.exchange.simulated import SimulatedExchange
from crypto_bot.adapters.exchange.stream import StreamedPrices
from crypto_bot.app.market_settings import SimSettings
from crypto_bot.app.settings import Settings
from crypto_bot.domain.clock_trust import ClockTrust
from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable
from crypto_bot.domain.timeframe import Timeframe

_SPOKEN_BY_SIM = "binance"
_ATTACH_TIMEOUT_S = 5.0

_log = structlog.get_logger()


@dataclass(slots=True)
class Market:
    """Clock, candles and prices of one market; a simulated market has its own time."""

    clock: SystemClock | AcceleratedClock
    feed: CcxtFeed
    prices: CcxtPrices
    trust: ClockTrust
    process: SimulatedExchange | None = None

    async def correct_clock(self) -> None:
        """Sets the clock to that of the exchange as far as it is trusted. Raises MarketDataError.

        One event when it is not trusted any more, and one when it is again.
        """
        if isinstance(self.clock, AcceleratedClock):
            return
        was_trusted = self.trust.problem is None
        moved_ms = self.trust.weigh(await self.feed.time_evidence())
        self.clock.correct(moved_ms)
        self.feed.line.doubt_ms = self.trust.doubt_ms
        known = {"moved_ms": moved_ms, "offset_ms": self.trust.offset_ms}
        if self.trust.problem is not None and was_trusted:
            _log.warning("clock.doubted", reason=self.trust.problem, **known)
        elif self.trust.problem is None and not was_trusted:
            _log.info("clock.trusted", **known)

    def require_exchange(self) -> None:
        """Raises where a simulated exchange that was started here ended, see `require_running`."""
        if self.process is not None:
            self.process.require_running()

    async def close(self) -> None:
        """Closes connections, and ends the simulated exchange if it was started here."""
        if isinstance(self.prices, StreamedPrices):
            await self.prices.close()
        await self.feed.close()
        if self.process is not None:
            self.process.stop()


def open_market(settings: Settings, symbols: Sequence[str], resume_ms: int | None) -> Market:
    """A market with nothing requested yet; may start a child process and so take seconds.

    `resume_ms` is where the stored candles end: a simulated market continues there. Raises
    ConfigError, or ExchangeUnavailable where the simulated exchange does not start.
    """
    exchange, timeframe = settings.exchange, settings.timeframe
    exchange_id, url, process = exchange.id, exchange.url, None
    clock: SystemClock | AcceleratedClock = SystemClock()
    if settings.simulated:
        if url is None:
            process = SimulatedExchange.start(_flags(settings.sim, symbols, timeframe, resume_ms))
            url = process.url
        exchange_id, clock = _SPOKEN_BY_SIM, clock_of(url)
    line = Line(
        *(exchange_id, clock),
        url=url,
        timeout_s=exchange.timeout_s,
        market_type=exchange.market_type,
        streams=exchange.stream_prices,
    )
    prices = StreamedPrices(line) if exchange.stream_prices else CcxtPrices(line)
    return Market(clock, CcxtFeed(line, timeframe), prices, ClockTrust(timeframe), process)


def clock_of(url: str) -> AcceleratedClock:
    """The clock of the simulated exchange at `url`. Raises ConfigError, ExchangeUnavailable."""
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"exchange url '{url}' is no http address")
    try:
        with urlopen(f"{url.rstrip('/')}/sim/clock", timeout=_ATTACH_TIMEOUT_S) as reply:  # noqa: S310 - checked above
            numbers = json.load(reply)
        return AcceleratedClock(numbers["origin_ms"], numbers["anchor_ms"], numbers["speed"])
    except (URLError, OSError) as error:
        raise ExchangeUnavailable(f"no simulated exchange at {url}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the server at {url} is not the simulated exchange") from error


def _flags(
    sim: SimSettings, symbols: Sequence[str], timeframe: Timeframe, resume_ms: int | None
) -> list[str]:
    """The command line of a simulated exchange that continues at `resume_ms`, where it is given."""
    start = sim.start
    if resume_ms is not None:
        floor_ms = SystemClock().now_ms() if sim.candles is None and start is None else 0
        start = str(max(resume_ms, timeframe.open_of(floor_ms)))
    given = {
        "symbols": ",".join(symbols),
        "tf": timeframe.name,
        "speed": sim.speed,
        "start": start,
        "seed": sim.seed,
        "candles": sim.candles,
        "fault_rate": sim.fault_rate,
    }
    return [f"--{name}={value}" for name, value in given.items() if value is not None]
