"""What every open page shows of a cycle, made once and ready to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.markup import Card
from crypto_bot.adapters.web.page.notices import Notice, notices
from crypto_bot.adapters.web.page.readings import CoinReading, Readings
from crypto_bot.adapters.web.page.rows import CoinState, Row, rows, states
from crypto_bot.adapters.web.page.strip import cards
from crypto_bot.adapters.web.page.trade import SOURCES, calibrated
from crypto_bot.domain.signal import Pred
from crypto_bot.ports import LoggedSignal

_MOST_NOTICES = 5
_MOST_OUTCOMES = 23


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`news` is the newest call as a sentence, for whoever listens to the page.

    `version` counts the readings of the store: with the same one, only prices may have changed.
    """

    cards: tuple[Card, ...]
    rows: tuple[Row, ...]
    notices: tuple[Notice, ...]
    endings: tuple[LoggedSignal, ...]
    longs: int
    shorts: int
    news: str
    newest_open_ms: int | None
    scored: int
    states: tuple[CoinState, ...] = ()
    """What the rows were made of, in their order."""
    version: int = 0


EMPTY = Snapshot((), (), (), (), 0, 0, "", None, 0)


def snapshot_of(readings: Readings, before: Snapshot = EMPTY, version: int = 1) -> Snapshot:
    """The page's view of `readings`; calls that `before` did not have are news."""
    found = states(readings)
    opens = [coin.latest.signal.candle_open_ms for coin in readings.coins if coin.latest]
    newest_ms = max(opens, default=None)
    preds = [state.pred for state in found]
    return Snapshot(
        cards=tuple(cards(readings, preds)),
        rows=tuple(rows(found, readings)),
        notices=tuple(notices(readings, found)[:_MOST_NOTICES]),
        endings=tuple(_endings(readings.coins)[:_MOST_OUTCOMES]),
        longs=preds.count(Pred.LONG),
        shorts=preds.count(Pred.SHORT),
        news=_news(found, newest_ms) if newest_ms != before.newest_open_ms else before.news,
        newest_open_ms=newest_ms,
        scored=len(opens),
        states=tuple(found),
        version=version,
    )


def _news(found: Sequence[CoinState], newest_ms: int | None) -> str:
    calls = []
    for state in found:
        signal = state.signal
        if state.trade is None or signal is None or signal.candle_open_ms != newest_ms:
            continue
        how = formats.probability(signal.confidence) if calibrated(signal) else None
        name = f"{formats.coin(signal.symbol)} {signal.pred.value.lower()}"
        calls.append(f"{name}, {how or SOURCES[signal.source]}")
    return f"New signal: {'; '.join(calls)}" if calls else ""


def _endings(coins: Sequence[CoinReading]) -> list[LoggedSignal]:
    """All that is known, the newest first."""
    found = [line for coin in coins for line in coin.trades]
    return sorted(found, key=lambda line: (-settled_ms(line), line.stored.signal.symbol))


def settled_ms(line: LoggedSignal) -> int:
    """When a line of the latest outcomes was settled."""
    assert line.outcome is not None
    return line.outcome.settled_ms
