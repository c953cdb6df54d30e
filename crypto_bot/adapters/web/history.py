"""Routes of the prediction log, live performance and candles."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, status

from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.filters import (
    CandleFilters,
    LogFilters,
    RecordFilters,
    position_text,
)
from crypto_bot.adapters.web.schemas import (
    REFUSALS,
    Candles,
    LogLine,
    PerformanceBody,
    PerformanceReport,
    SignalLog,
)
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.signal import Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import LogPosition, PredictionQueries
from crypto_bot.statistics.performance import longest_block, review


def serve_history(app: FastAPI, queries: PredictionQueries, coverage: Coverage) -> None:
    """Adds `/api/signals`, `/api/performance` and `/api/candles/{symbol}`."""

    def known(symbol: str | None) -> str | None:
        return None if symbol is None else coverage.symbol(symbol)

    @app.get("/api/signals", tags=["signals"], responses=REFUSALS)
    def signals(filters: Annotated[LogFilters, Query()]) -> SignalLog:
        """The prediction log, newest first, each line with its outcome or null."""
        log, _ = _log_of(filters, queries, coverage)
        wanted = LogFilter(known(filters.symbol), filters.source, filters.since)
        lines = log.log_page(wanted, filters.before, filters.limit + 1)
        page = lines[: filters.limit]
        following = None
        if len(lines) > len(page):
            last = page[-1].stored.signal
            following = position_text(LogPosition(last.candle_open_ms, last.symbol))
        return SignalLog(
            count=len(page),
            signals=[LogLine.of_line(line) for line in page],
            next_cursor=following,
        )

    @app.get("/api/performance", tags=["record"], responses=REFUSALS)
    def performance(filters: Annotated[RecordFilters, Query()]) -> PerformanceReport:
        """Hit rates, returns and calibration of what was settled, with 95 % intervals.

        In all, by source and by coin; late signals are left out. `episodes` are what page, review
        and backtest show: decisions, after costs. The other figures are of single calls, gross.
        Intervals count days, not calls: calls of one day share the market's moves.
        """
        log, timeframe = _log_of(filters, queries, coverage)
        rows = log.performance_rows(known(filters.symbol), filters.source, filters.since)
        record = review(rows, longest_block(log.latest_predictions(), timeframe))
        body = PerformanceBody.of
        return PerformanceReport(
            overall=body(record.overall),
            by_source={source: body(each) for source, each in record.by_source.items()},
            by_symbol={symbol: body(each) for symbol, each in sorted(record.by_symbol.items())},
        )

    @app.get("/api/candles/{symbol}", tags=["market"], responses=REFUSALS)
    def candles(symbol: str, filters: Annotated[CandleFilters, Query()]) -> Candles:
        """The newest closed candles of one symbol, ascending."""
        tf = filters.tf or coverage.timeframe.name
        found = coverage.symbol(symbol)
        newest = _with_candles(tf, queries, coverage).candles(found, filters.limit)
        return Candles(symbol=found, tf=tf, count=len(newest), candles=newest)


def _log_of(
    filters: RecordFilters, queries: PredictionQueries, coverage: Coverage
) -> tuple[PredictionQueries, Timeframe]:
    """The log that is asked for, and the timeframe of its candles. 404, or 422 for no horizon."""
    if filters.horizon is not None:
        outlook = coverage.log_of(filters.horizon)
        return outlook.queries, outlook.timeframe
    if filters.source is Source.DAILY_OUTLOOK and coverage.outlook:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            f"name the horizon of the {filters.source}, such as "
            f"horizon={next(iter(coverage.outlook))}",
        )
    return queries, coverage.timeframe


def _with_candles(tf: str, queries: PredictionQueries, coverage: Coverage) -> PredictionQueries:
    """The log whose candles are those of `tf`. 404 or 422 where there is none."""
    if tf != coverage.timeframe.name:
        for outlook in coverage.outlook.values():
            if outlook.timeframe.name == tf:
                return outlook.queries
    coverage.require(tf)
    return queries
