"""Data series and their providers, opened as the settings say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import cache, cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import structlog

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.series.joined import Joined
from crypto_bot.adapters.series.registered import FETCHED, INPUTS, OPTIONAL, SERIES
from crypto_bot.adapters.series.releases import release_series
from crypto_bot.app.market_settings import InputSettings
from crypto_bot.app.settings import Settings
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.stamp import LAST_S
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.observations import SeriesColumn
from crypto_bot.ports.market_data import Observation, Series

if TYPE_CHECKING:
    from crypto_bot.adapters.series.inputs import Inputs, Source  # httpx, which few engines need

_log = structlog.get_logger()


def open_series(settings: Settings) -> dict[str, Series]:
    """The series by name: scheduled, fetched, and in files below `series_dir` if that is set.

    What was fetched is of the real market: the simulated one has none of it. Raises ConfigError.
    """
    folder = settings.series_dir
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"series_dir: {folder} is no folder")
    held: dict[str, Series] = release_series()
    if folder is not None:
        from crypto_bot.adapters.series.context import trading_files  # noqa: PLC0415 - pyarrow

        held |= trading_files(folder, settings.timeframe)
        held |= {name: SERIES.get(name)(folder) for name in SERIES.names()}
    if not settings.simulated:
        for name in FETCHED.names():
            fetched = _Fetched(name, settings.inputs.folder)
            held[name] = Joined(held[name], fetched) if name in held else fetched
    return held


class _Fetched:
    """A fetched series that is opened when it is read: few features do, and it takes pyarrow."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder

    def read(self, symbol: str, since_ms: int, until_ms: int) -> Sequence[Observation]:
        """See the port."""
        return self._opened.read(symbol, since_ms, until_ms)

    @cached_property
    def _opened(self) -> Series:
        return FETCHED.get(self.name)(self._folder)


def wanted_series(
    settings: Settings, wanted: Iterable[SeriesColumn], stored: Mapping[str, Series]
) -> dict[str, Series]:
    """The series that features read; optional ones that are not there are masked, in one line.

    Those `stored` with the candles come before any in files. Raises ConfigError where others are
    wanted and no folder of them is set.
    """
    names = [each.series for each in wanted]
    if not names:
        return {}
    missing = [name for name in names if name not in OPTIONAL]
    if missing and settings.series_dir is None:
        raise ConfigError(
            f"the features read {', '.join(missing)}: set series_dir to the folder of them"
        )
    held = {**open_series(settings), **stored}
    absent = ", ".join(name for name in names if name not in held)
    if absent:
        _log.warning("features.masked", series=absent, reason="there is no source of them")
    return held


def open_inputs(
    settings: Settings, clock: SystemClock, wait: Callable[[float], bool] | None = None
) -> Inputs:
    """The providers of all series that can be fetched.

    `wait(seconds)` returns whether to stop waiting for good; without it nothing ends a wait.
    """
    from crypto_bot.adapters.series.inputs import Inputs, Waiting  # noqa: PLC0415 - httpx

    waiting = Waiting(settings.inputs.timeout_s, clock, wait or Event().wait)
    sources = [_source(settings.inputs, name) for name in INPUTS.names()]
    return Inputs(settings.inputs.folder, sources, waiting)


def fetch_series(settings: Settings, symbols: Iterable[str], wanted: Iterable[str]) -> None:
    """Brings the series `wanted` of the coins up to date, as far as their providers give them.

    Never raises for what a provider does: what is missing stays masked, which is logged.
    """
    names = set(wanted).intersection(FETCHED.names())
    if names and not settings.simulated:
        keys = tuple(os.environ.get(INPUTS.get(name).variable) for name in INPUTS.names())
        _opened(settings, keys).refresh(symbols, names)


@cache
def _opened(settings: Settings, keys: tuple[str | None, ...]) -> Inputs:
    """The same for all runs of a command: a recipe has several, and one line is enough."""
    del keys  # read again by `open_inputs`, and other keys are another state
    return open_inputs(settings, SystemClock())


def newest_possible_ms(settings: Settings) -> int:
    """No candle opens after it: now, or 2100 where a simulated market has a time of its own."""
    return LAST_S * 1000 if settings.simulated else SystemClock().now_ms()


def read_daily_candles(
    settings: Settings, symbol: str, since_ms: int, until_ms: int
) -> list[Candle]:
    """Daily candles of CryptoCompare that open in `[since_ms, until_ms]` and have closed.

    Days without trade, as before the listing, are left out. Raises MarketDataError.
    """
    from crypto_bot.adapters.series.cryptocompare import read_candles  # noqa: PLC0415 - httpx
    from crypto_bot.adapters.series.inputs import Waiting  # noqa: PLC0415 - httpx

    clock, timeframe = SystemClock(), Timeframe.parse("1d")
    closed_ms = min(until_ms, timeframe.last_closed(clock.now_ms()))
    waiting = Waiting(settings.inputs.timeout_s, clock, Event().wait)
    with closing(_source(settings.inputs, "cryptocompare").open(waiting)) as server:
        return read_candles(server, symbol, timeframe, since_ms, closed_ms)


def _source(inputs: InputSettings, name: str) -> Source:
    from crypto_bot.adapters.series.inputs import Source  # noqa: PLC0415 - httpx

    provider = INPUTS.get(name)
    url = getattr(inputs, f"{name}_url") or provider.url
    return Source(provider, url, os.environ.get(provider.variable, "").strip())
