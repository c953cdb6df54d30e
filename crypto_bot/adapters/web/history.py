"""Routes of the prediction log, live performance and candles."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query

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
from crypto_bot.ports import LogPosition, PredictionQueries
from crypto_bot.statistics.performance import longest_block, review


def serve_history(app: FastAPI, queries: PredictionQueries, coverage: Coverage) -> None:
    """Adds `/api/signals`, `/api/performance` and `/api/candles/{symbol}`."""

    def known(symbol: str | None) -> str | None:
        return None if symbol is None else coverage.symbol(symbol)

    @app.get("/api/signals", tags=["signals"], responses=REFUSALS)
    def signals(filters: Annotated[LogFilters, Query()]) -> SignalLog:
        """The prediction log, newest first, each line with its outcome or null."""
        lines = queries.prediction_log(
            known(filters.symbol), filters.source, filters.since, filters.before, filters.limit + 1
        )
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
        """Hit rates, returns and calibration of the settled calls, with 95 % intervals.

        In all, by source and by coin; late signals are left out; returns are gross of costs.
        Intervals count days, not calls: calls of one day share the market's moves.
        """
        rows = queries.performance_rows(known(filters.symbol), filters.source, filters.since)
        record = review(rows, longest_block(queries.latest_predictions(), coverage.timeframe))
        body = PerformanceBody.of
        return PerformanceReport(
            overall=body(record.overall),
            by_source={source: body(each) for source, each in record.by_source.items()},
            by_symbol={symbol: body(each) for symbol, each in sorted(record.by_symbol.items())},
        )

    @app.get("/api/candles/{symbol}", tags=["market"], responses=REFUSALS)
    def candles(symbol: str, filters: Annotated[CandleFilters, Query()]) -> Candles:
        """The newest closed candles of one symbol, ascending."""
        if filters.tf is not None:
            coverage.require(filters.tf)
        found = coverage.symbol(symbol)
        newest = queries.candles(found, filters.limit)
        return Candles(symbol=found, tf=coverage.timeframe.name, count=len(newest), candles=newest)
