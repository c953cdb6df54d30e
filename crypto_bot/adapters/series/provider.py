"""What differs between the providers of figures, and what may be believed of a reply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, NamedTuple

from crypto_bot.adapters.series.cache import PUBLISHED_MS
from crypto_bot.adapters.series.server import InputFailed, Server, Trouble
from crypto_bot.domain.instant import DAY_MS

_QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "EUR", "BTC", "ETH")

Rows = Sequence[tuple[Any, Any]]
"""Of a reply: the first second of a period, and its figure; None: there is none."""


class Limits(NamedTuple):
    """The values that a series can have, `low` and `high` among them."""

    low: float = -inf
    high: float = inf

    @property
    def words(self) -> str:
        """Such as `from 0 to 100`."""
        return f"from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Provider:
    """One source of figures, one for each period of `step_ms`, of coins or of the whole market.

    `variable`: the environment variable of its key, if it has one. `series`: the names of what it
    brings, with their limits; one reply has all of them where they come `together`. `pace_s`:
    seconds between requests. `header(key)`: what proves the key. `published_ms`: so long after the
    end of a period its figure is taken to be there. `market`: the one coin that is asked for, where
    its series are of the whole market. `fetch(server, coin, names, since_s, until_s)` asks for the
    periods that begin in `[since_s, until_s]` of a coin such as `BTC`, and gives rows for each of
    the series `names`; more rows do no harm. It raises InputFailed.
    """

    name: str
    url: str
    variable: str
    pace_s: float
    together: bool
    series: Mapping[str, Limits]
    header: Callable[[str], Mapping[str, str]]
    fetch: Callable[[Server, str, Sequence[str], int, int], Mapping[str, Rows]]
    step_ms: int = DAY_MS
    published_ms: int = PUBLISHED_MS
    market: str | None = None


class Observed(NamedTuple):
    """Periods by their first instant (UTC ms), ascending, with values; and what was refused."""

    figures: dict[int, float]
    refused: tuple[str, ...]


def coin_and_quote(symbol: str) -> tuple[str, str]:
    """`BTC` and `USDT` of `BTCUSDT`. Raises InputFailed where no known quote ends it."""
    for quote in _QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote), quote
    raise InputFailed(Trouble.COIN, f"{symbol} ends with no known quote currency")


def observed(name: str, limits: Limits, rows: Rows, now_ms: int, step_ms: int = DAY_MS) -> Observed:
    """What of `rows` can be true at `now_ms`; a period that has not ended is left out.

    One that is given twice is refused whatever it says, and so is a stamp that is not a period's
    beginning or lies in the future, and a value that is no number or outside `limits`.
    """
    given = Counter(stamp for stamp, _ in rows if isinstance(stamp, int))
    figures: dict[int, float] = {}
    refused: list[str] = []
    for stamp, value in rows:
        if value is None:
            continue
        fault = _stamp_fault(stamp, given, now_ms, step_ms) or _value_fault(value, limits)
        if fault is not None:
            refused.append(f"{name}: {fault}")
        elif stamp * 1000 + step_ms <= now_ms:
            figures[stamp * 1000] = float(value)
    return Observed(dict(sorted(figures.items())), tuple(refused))


def rows_of(records: Any, stamp: str, *values: str) -> list[tuple[Any, ...]]:
    """The fields of each of `records`, JSON objects. Raises InputFailed for anything else."""
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise InputFailed(Trouble.REPLY, "a reply without the rows that its documentation names")
    return [tuple(each.get(name) for name in (stamp, *values)) for each in records]


def first_words(refused: Iterable[str]) -> str:
    """The first of what was refused, and how many more there are."""
    first, *others = refused
    return f"{first} (and {len(others):,} more)" if others else first


def _stamp_fault(stamp: Any, given: Counter[int], now_ms: int, step_ms: int) -> str | None:
    period = "day" if step_ms == DAY_MS else "hour"
    if isinstance(stamp, bool) or not isinstance(stamp, int) or stamp * 1000 % step_ms:
        return f"the stamp {stamp!r:.40} is not the beginning of a {period}"
    if stamp < 0 or stamp * 1000 > now_ms:
        return f"the stamp {stamp} lies in the future" if stamp > 0 else f"the stamp {stamp}"
    return f"the {period} {stamp} is given twice" if given[stamp] > 1 else None


def _value_fault(value: Any, limits: Limits) -> str | None:
    try:
        number = not isinstance(value, bool | str) and isfinite(value)
    except (OverflowError, TypeError):
        number = False
    if not number:
        return f"{value!r:.40} is no number"
    if not limits.low <= value <= limits.high:
        return f"{value:g} is not {limits.words}"
    return None
