"""What the chart of a coin is drawn from: candles of a span, indicators, calls and paper fills.

The browser asks for one span at a time, the newest first, and for older ones as it is scrolled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.rows import CoinState
from crypto_bot.adapters.web.page.trade import ENDINGS, SOURCES, calibrated, result_r
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.paper_report import AccountReport
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.analyzer_lines import analyzer_lines
from crypto_bot.features.memory import BASE_WINDOW
from crypto_bot.market_data.candle_table import CandleTable, candle_table
from crypto_bot.market_data.observations import Floats
from crypto_bot.market_data.whole_bars import whole_bars
from crypto_bot.ports import LoggedSignal

Json = dict[str, Any]

_MOST_BARS, _MOST_CANDLES = 400, 12_000
"""Of a page, in front of which the indicators need `BASE_WINDOW` bars more."""
_MOST_PARTS = 96
_MOST_CALLS = 2_000


def timeframes(base: Timeframe) -> tuple[Timeframe, ...]:
    """Those of the chart: the engine's own and the longer ones, up to a day or to 96 candles."""
    longest = min(DAY_MS, _MOST_PARTS * base.ms)
    return (base, *(each for each in base.higher() if each.ms <= longest))


def span_ms(base: Timeframe, shown: Timeframe) -> int:
    """How much time a page covers."""
    return min(_MOST_BARS, _MOST_CANDLES * base.ms // shown.ms) * shown.ms


class _Span(NamedTuple):
    """The candles of `base` that a page needs, which shows `[since_ms, until_ms)` as `shown`."""

    base: Timeframe
    shown: Timeframe
    since_ms: int
    until_ms: int
    candles: CandleTable

    def bar(self, at_ms: int) -> int:
        """The open of the bar that is going on at `at_ms`, in seconds."""
        return self.shown.open_of(at_ms) // 1000


def chart_page(board: Board, state: CoinState, shown: Timeframe, until_ms: int | None) -> Json:
    """The bars that open before `until_ms`, or the newest; plain JSON, times in seconds.

    `first` and `edge` say how far there are others on either side. Raises StoreError.
    """
    symbol, base, stored = state.reading.symbol, board.timeframe, state.reading.candles
    if not stored:
        return {}
    closed_ms = base.close_of(stored[-1].open_ms)
    edge_ms = shown.open_of(closed_ms)
    until_ms = edge_ms if until_ms is None else min(edge_ms, shown.open_of(until_ms))
    since_ms = until_ms - span_ms(base, shown)
    # calls of the bar that goes on belong to the newest page
    ends_ms = closed_ms if until_ms == edge_ms else until_ms
    lines = _lines(board, symbol, shown, since_ms - base.ms, ends_ms)
    settled = [line.outcome.settled_ms for line in lines if line.outcome]
    candles = board.queries.candles_between(
        symbol, since_ms - (BASE_WINDOW - 1) * shown.ms, max([ends_ms, *settled])
    )
    span = _Span(base, shown, since_ms, until_ms, candle_table(candles))
    oldest_ms = board.queries.oldest_candle(symbol)
    accounts = board.paper.accounts() if board.paper else ()
    return {
        "since": since_ms // 1000,
        "until": until_ms // 1000,
        "edge": edge_ms // 1000,
        "first": None if oldest_ms is None else oldest_ms // 1000,
        "decimals": state.decimals,
        **_bars(span),
        "odds": _odds(lines) if shown == base else [],
        "calls": _calls(lines, span),
        "fills": [fill for each in accounts for fill in _fills(each, symbol, span)],
        "open": _open(state) if until_ms == edge_ms else None,
    }


def _lines(
    board: Board, symbol: str, shown: Timeframe, since_ms: int, until_ms: int
) -> list[LoggedSignal]:
    """Every line where each bar has its own, else the calls alone; the newest first."""
    wanted = LogFilter(symbol, since_ms=since_ms, until_ms=until_ms)
    page = board.queries.log_page
    if shown == board.timeframe:
        return page(wanted, None, _MOST_CALLS)
    kinds = (wanted._replace(ended=each) for each in (Ended.OPEN, Ended.TRADE))
    found = [line for kind in kinds for line in page(kind, None, _MOST_CALLS)]
    return sorted(found, key=lambda line: -line.stored.signal.candle_open_ms)


def _bars(span: _Span) -> Json:
    """Rows `[time, open, high, low, close, volume, *lines]`, and the spans of the averages."""
    table = span.candles.before(span.until_ms)
    if span.shown != span.base:
        table = whole_bars(table, span.base, span.shown)
    first = int(np.searchsorted(table.open_ms, span.since_ms))
    spans, *lines = analyzer_lines(table, span.shown, span.base, first)
    times = (table.open_ms[first:] // 1000).tolist()
    rows = zip(times, *table.candles[first:].T.tolist(), *map(_known, lines), strict=True)
    return {"bars": list(rows), "spans": spans}


def _known(values: Floats) -> list[float | None]:
    """To eight digits, NaN as null."""
    return [None if isnan(value) else float(f"{value:.8g}") for value in values.tolist()]


def _odds(lines: Sequence[LoggedSignal]) -> list[list[float]]:
    """`[time, P(long), P(short)]` of calibrated models; a rule has no probability to draw."""
    return [
        [each.candle_open_ms // 1000, round(each.probabilities.long, 4), round(short, 4)]
        for each in (line.stored.signal for line in lines)
        if calibrated(each)
        for short in [each.probabilities.short]
    ]


def _calls(lines: Sequence[LoggedSignal], span: _Span) -> list[Json]:
    """Each LONG or SHORT; `first` where it does not repeat the call of the candle before."""
    called = {line.stored.signal.candle_open_ms: line.stored.signal.pred for line in lines}
    made = []
    for line in lines:
        signal, outcome = line.stored.signal, line.outcome
        if signal.pred is Pred.NO_TRADE or signal.candle_open_ms < span.since_ms:
            continue
        end = None
        if outcome is not None:
            end = [span.bar(_exit_at(signal, outcome, span)), outcome.exit_price]
        before = called.get(signal.candle_open_ms - span.base.ms)
        made.append(
            {
                "time": span.bar(signal.candle_open_ms),
                "at": signal.candle_open_ms,
                "long": signal.pred is Pred.LONG,
                "entry": signal.levels.entry,
                "end": end,
                "how": outcome and ENDINGS[outcome.status][0],
                "first": before is not signal.pred,
                "words": _words(signal, outcome),
            }
        )
    return made


def _words(signal: Signal, outcome: Outcome | None) -> str:
    """`▲ LONG by analyzer: target +1.0R`."""
    arrow = "▲" if signal.pred is Pred.LONG else "▼"
    how = "open"
    if outcome is not None:
        how = f"{ENDINGS[outcome.status][1]} {formats.result(result_r(signal, outcome))}"
    return f"{arrow} {signal.pred.value} by {SOURCES[signal.source]}: {how}"


def _exit_at(signal: Signal, outcome: Outcome, span: _Span) -> int:
    """The candle that ended the trade: a model's call is settled later, with its horizon."""
    settled = outcome.settled_ms - span.base.ms
    if signal.label is None or outcome.status is Status.EXPIRED:
        return settled
    opens, (_, high, low, _, _) = span.candles.open_ms, span.candles.candles.T
    first, last = np.searchsorted(opens, [signal.candle_open_ms, settled], side="right")
    touched = (low[first:last] <= outcome.exit_price) & (outcome.exit_price <= high[first:last])
    return int(opens[first + touched.argmax()]) if touched.any() else settled


def _fills(account: AccountReport, symbol: str, span: _Span) -> Iterator[Json]:
    """Where positions in `symbol` were opened and closed."""
    closed = [each for each in account.closed_trades if each.symbol == symbol]
    held = [each for each in account.open_positions if each.symbol == symbol]
    fills = [(each.side, "opened", each.entry_ms, each.entry) for each in closed]
    fills += [(each.side, "opened", each.entry_ms, each.entry) for each in held]
    fills += [(each.side, "closed", each.exit_ms, each.exit) for each in closed]
    for side, done, at_ms, price in fills:
        yield {
            "time": span.bar(at_ms),
            "price": float(price),
            "long": side is Pred.LONG,
            "opened": done == "opened",
            "words": f"{account.name} {done} {side.value.lower()}",
        }


def _open(state: CoinState) -> Json | None:
    """Reward and risk of the open call, until it expires."""
    signal, trade = state.signal, state.trade
    if signal is None or trade is None:
        return None
    return {
        "time": signal.candle_open_ms // 1000,
        "expires": trade.expires_ms // 1000,
        "entry": trade.entry,
        "stop": trade.stop,
        "target": trade.target,
    }
