"""Logging: readable on a terminal, JSON on a pipe."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Literal

import structlog

from crypto_bot.app.console_log import sentence
from crypto_bot.app.recent_log import RECENT
from crypto_bot.domain.instant import instant
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Pred
from crypto_bot.ports import StoredSignal


def configure(level: str, style: Literal["auto", "console", "json"]) -> None:
    """Sets up structlog on standard output, and sends the libraries' warnings there too."""
    console = style == "console" or (style == "auto" and sys.stdout.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    flood = Flood()
    last: structlog.typing.Processor
    if console:
        last = sentence
    else:
        shared += [structlog.processors.format_exc_info, _ordered]
        last = structlog.processors.JSONRenderer()
    kept = (RECENT.keep, last)
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared[:2], flood.of_events, *shared[2:], *kept],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _Printed()
    formatter = structlog.stdlib.ProcessorFormatter
    processors = [formatter.remove_processors_meta, *kept]
    handler.addFilter(flood.of_libraries)
    handler.setFormatter(formatter(processors=processors, foreign_pre_chain=shared))
    logging.basicConfig(level=max(numeric, logging.WARNING), handlers=[handler], force=True)


class _Printed(logging.Handler):
    """Prints as structlog does, under its lock: lines of two threads would mix otherwise."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            structlog.PrintLogger().msg(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler: logging must not raise
            self.handleError(record)


class Flood:
    """Lets so many warnings and errors of a kind pass in a minute; the next line counts the rest.

    A kind is the name of an event, or the library that logs. News, such as signals, all pass.
    """

    def __init__(self, most: int = 60) -> None:
        self._most = most
        self._seen: dict[str, tuple[str, int]] = {}

    def admits(self, kind: str, minute: str) -> tuple[bool, int]:
        """Whether a line may pass, and how many did not in the minute with the line before."""
        known, count = self._seen.get(kind, (minute, 0))
        before = 0 if known == minute else max(0, count - self._most)
        count = count + 1 if known == minute else 1
        self._seen[kind] = minute, count
        return count <= self._most, before

    def of_events(
        self, _: object, level: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        """For structlog, after the timestamp. Raises DropEvent."""
        if level in {"debug", "info"}:
            return event
        passes, dropped = self.admits(str(event.get("event")), str(event["timestamp"])[:16])
        if not passes:
            raise structlog.DropEvent
        return {**event, "not_logged": dropped} if dropped else event

    def of_libraries(self, record: logging.LogRecord) -> bool:
        """For the standard library's handlers."""
        return self.admits(record.name, str(record.created // 60))[0]


def _ordered(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Puts timestamp, level and event before the other fields."""
    first = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}


class SignalLog:
    """Logs each live signal when it is committed, NO_TRADE at debug.

    `cycle.finished` counts all of them, late ones too, and the outcomes.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger()

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002 - a sink
        """One event for each live signal."""
        for signal in (stored.signal for stored in signals if not stored.late):
            no_trade = signal.pred is Pred.NO_TRADE
            targets = signal.levels.take_profits
            (self._log.debug if no_trade else self._log.info)(
                "signal.emitted",
                symbol=signal.symbol,
                pred=signal.pred.value,
                confidence=round(signal.confidence, 3),
                source=signal.source.value,
                horizon=signal.horizon,
                candle=instant(signal.candle_open_ms),
                entry=signal.levels.entry,
                stop_loss=signal.levels.stop_loss,
                target=targets[0] if targets else None,
                reason=signal.reasons[0] if signal.reasons else "",
            )
