"""Notices about signals, the engine, the exchange and the models."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from crypto_bot.domain.instant import instant
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.notice import Level, Notice, Topic
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.engine.health import HealthReport, Status
from crypto_bot.ports import StoredSignal

SETTLES_MS = 60_000
"""Minimum time of degradation before a notice; it is normal shortly after an outage."""


def of_signals(signals: Sequence[StoredSignal]) -> list[Notice]:
    """Notices of tradeable signals: LONG and SHORT that were not late."""
    return [
        Notice(Topic.SIGNAL, Level.INFO, _text(stored.signal))
        for stored in signals
        if not stored.late and stored.signal.pred is not Pred.NO_TRADE
    ]


def started(*, coins: int, timeframe: str, url: str) -> Notice:
    """The API is up at `url`; the first signals follow when the engine has caught up."""
    return Notice(
        Topic.ENGINE, Level.INFO, f"the engine has started: {coins} coins, {timeframe}, {url}"
    )


def stopped(failure: str | None) -> Notice:
    """The engine ends, on request or by a `failure`."""
    if failure is None:
        return Notice(Topic.ENGINE, Level.INFO, "the engine has been stopped")
    return Notice(Topic.ENGINE, Level.ALARM, f"the engine has failed: {failure}")


class HealthChanges:
    """Turns successive health reports into notices, one for each change of state."""

    def __init__(self) -> None:
        self._down_since_ms: int | None = None
        self._degraded_since_ms: int | None = None
        self._notified_degraded = False

    def seen(self, report: HealthReport, now_ms: int) -> list[Notice]:
        """Notices of changes at `now_ms`, the time of the engine's clock.

        While the exchange is down there are no others: it is the cause of late signals.
        """
        down_ms = report.health.exchange_down_since_ms
        if down_ms is not None:
            self._degraded_since_ms = None
            if self._down_since_ms is not None:
                return []
            self._down_since_ms = down_ms
            return [_warning(Topic.EXCHANGE, f"the exchange is down since {instant(down_ms)}")]
        notices = []
        if self._down_since_ms is not None:
            lasted = _duration(now_ms - self._down_since_ms)
            notices.append(_warning(Topic.EXCHANGE, f"the exchange is up again after {lasted}"))
            self._down_since_ms = None
        return notices + self._degradation(report, now_ms)

    def _degradation(self, report: HealthReport, now_ms: int) -> list[Notice]:
        if report.status is Status.DEGRADED:
            since_ms = self._degraded_since_ms or now_ms
            self._degraded_since_ms = since_ms
            if self._notified_degraded or now_ms - since_ms < SETTLES_MS:
                return []
            self._notified_degraded = True
            text = f"the engine is degraded: {'; '.join(report.reasons)}"
            return [_warning(Topic.ENGINE, text)]
        self._degraded_since_ms = None
        if not self._notified_degraded:
            return []
        self._notified_degraded = False
        return [_warning(Topic.ENGINE, "the engine is running again")]


class ModelChanges:
    """Turns successive catalogues into notices of models refused and served again.

    A coin for which no model was ever published makes no notice.
    """

    def __init__(self) -> None:
        self._refused: dict[str, str] = {}
        self._served: set[str] = set()

    def seen(self, entries: Sequence[ModelEntry]) -> list[Notice]:
        """Notices of changes: each refusal once, and again if its reason changes."""
        changes = []
        for entry in entries:
            symbol = entry.symbol
            if entry.served:
                self._served.add(symbol)
                if self._refused.pop(symbol, None) is not None:
                    changes.append(f"the model of {symbol} is served again: {entry.reason}")
            elif entry.missing and symbol not in self._served and symbol not in self._refused:
                continue
            elif self._refused.get(symbol) != entry.reason:
                self._refused[symbol] = entry.reason
                changes.append(f"the model of {symbol} is refused: {entry.reason}")
        return [_warning(Topic.MODEL, text) for text in changes]


def _warning(topic: Topic, text: str) -> Notice:
    return Notice(topic, Level.WARNING, text)


def _text(signal: Signal) -> str:
    levels = signal.levels
    parts = [f"{signal.symbol} {signal.tf} {signal.pred} at {price_text(levels.entry)}"]
    if levels.stop_loss is not None:
        parts.append(f"stop {price_text(levels.stop_loss)}")
    if levels.take_profits is not None:
        parts.append(f"targets {', '.join(map(price_text, levels.take_profits))}")
    parts.append(f"confidence {signal.confidence:.0%}")
    if signal.expected_bps is not None:
        parts.append(f"expected {signal.expected_bps:+.1f} bp before costs")
    return f"{'; '.join(parts)} ({signal.source})"


def price_text(price: float) -> str:
    """A price with seven digits, never in scientific notation."""
    return f"{Decimal(f'{price:.7g}'):f}"


def _duration(lasted_ms: int) -> str:
    minutes, seconds = divmod(max(0, lasted_ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
