"""What needs a person, the most pressing first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.readings import CoinReading, Readings
from crypto_bot.adapters.web.page.rows import CoinState
from crypto_bot.adapters.web.page.training_table import RUNNING, RunLine
from crypto_bot.domain.instant import instant
from crypto_bot.engine import health as engine

_AFTER_OUTAGE = (
    "It is asked again every few seconds. Then all missed candles are fetched, and their signals "
    "are marked late."
)


class Notice(NamedTuple):
    """Something that needs a person, and what to expect next.

    `command` is one to copy; `trains` where a button may start the same.
    """

    is_critical: bool
    what: str
    next: str
    command: str = ""
    trains: bool = False


def notices(readings: Readings, found: Sequence[CoinState]) -> list[Notice]:
    """All of them: stale models, then what is critical, then coins that are behind."""
    is_down = readings.health.health.exchange_down_since_ms is not None
    then = _AFTER_OUTAGE if is_down else "The engine tries again by itself; signals follow."
    critical = [
        Notice(True, reason[:1].upper() + reason[1:], then)
        for reason in readings.health.reasons
        if readings.health.status is not engine.Status.STARTING or "down" in reason
    ]
    if readings.kill_switch.on:
        why = readings.kill_switch.reason or "no reason given"
        critical.append(Notice(True, "Paper trading is stopped", f"{why}; resume it under Paper."))
    blocked = [
        Notice(
            True,
            f"{formats.coin(coin.symbol)} model {coin.model.card.verdict}",
            f"{coin.model.reason}; the rules answer until it is trained again.",
        )
        for coin in readings.coins
        if coin.model and coin.model.card and coin.model.card.verdict == "BLOCKED"
    ]
    behind = [] if is_down else _behind(found)
    return [*_stale(readings), *critical, *blocked, *behind]


def _stale(readings: Readings) -> list[Notice]:
    stale = [coin for coin in readings.coins if coin.model and coin.model.stale]
    if not stale:
        return []
    whose = "Every model" if len(stale) == len(readings.coins) else _names(stale)
    what = f"{whose} is STALE: {_ages(stale)}"
    running = next((run for run in readings.runs if run.state == RUNNING), None)
    if running is not None:
        then = f"It declines and the rules answer. {_progress(running, readings.now_ms)}"
        return [Notice(False, what, then)]
    then = "It declines and the rules answer until it is trained on newer candles."
    return [Notice(False, what, then, readings.train_command, trains=True)]


def _names(stale: Sequence[CoinReading]) -> str:
    first = formats.coin(stale[0].symbol)
    return f"The model of {first}" if len(stale) == 1 else f"The model of {len(stale)} coins"


def _ages(stale: Sequence[CoinReading]) -> str:
    known = [coin.model.stale for coin in stale if coin.model and coin.model.stale]
    oldest = min(known)
    limits = sorted({each.limit_days for each in known})
    limit = " or ".join(f"{days:g}" for days in limits)
    ended = "its data ended" if len({*known}) == 1 else "the oldest data ended"
    return f"{ended} on {instant(oldest.data_until_ms)[:10]}, {limit} days are the limit."


def _progress(run: RunLine, now_ms: int) -> str:
    """How far a training run is, with the time left at its rate so far."""
    text = f"A training run has made {run.done} of {run.total} models"
    if run.done == 0:
        return f"{text}."
    left_s = (now_ms - run.started_ms) / 1000 * (run.total - run.done) / run.done
    return f"{text}, about {formats.age(left_s)} left."


def _behind(found: Sequence[CoinState]) -> list[Notice]:
    behind = [state for state in found if state.behind > 0]
    if not behind:
        return []
    worst = max(behind, key=lambda state: state.behind)
    bars = "1 bar" if worst.behind == 1 else f"{worst.behind} bars"
    name = formats.coin(worst.reading.symbol)
    if len(behind) == 1:
        return [Notice(False, f"{name} is {bars} behind", "No new signal until its candles come.")]
    what = f"{len(behind)} coins are behind, {name} by {bars}"
    return [Notice(False, what, "The engine is catching up, or waits for their candles.")]
