"""Which coins a run trains and why, which it only learns from, and which it leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.errors import CryptoBotError, NotEnoughData
from crypto_bot.domain.instant import DAY_MS, instant
from crypto_bot.features.sets import schema_hash
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.models.meta import Meta
from crypto_bot.statistics.rows import Ints
from crypto_bot.training.folds import cut
from crypto_bot.training.panel import Coin, Question, labels_of
from crypto_bot.training.plan import Splits, needed_candles

_LEAST_SHARE = 0.25
"""Of the candles of a validation or test that must be there: a coin is not judged by a gap."""
LATEST_DAYS = 1
"""A coin whose candles end so much before the newest of all is not trained: its tests would lie
before those of the others, and its model would be old on the day that it is made."""


class Action(StrEnum):
    """What happens to a coin."""

    TRAIN = "train"
    KEEP = "keep"
    """Its model is as asked for and young enough."""
    SKIP = "skip"
    """It cannot be trained from what there is, which is no failure."""
    FAIL = "fail"
    """Its candles cannot be read or cannot be true."""


class Choice(NamedTuple):
    """What happens to one coin, and why, in words."""

    symbol: str
    action: Action
    reason: str
    candles: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What models are asked for: `stale_days` is how old one may be, `force` trains all anew."""

    question: Question
    family: FamilyChoice
    splits: Splits
    stale_days: float
    force: bool
    now_ms: int


def choices(
    found: Mapping[str, Coin | CryptoBotError],
    published: Mapping[str, Meta],
    wanted: Wanted,
) -> list[Choice]:
    """One for each coin of `found`, in its order: its candles, or why there are none.

    `published`: `meta.json` of the models that are there and sound.
    """
    there = [each for each in found.values() if isinstance(each, Coin)]
    newest_ms = max((int(ms) for coin in there for ms in coin.table.open_ms[-1:]), default=0)
    return [
        _choice(symbol, each, published.get(symbol), wanted, newest_ms)
        for symbol, each in found.items()
    ]


def teachers(found: Mapping[str, Coin | CryptoBotError], question: Question) -> list[Coin]:
    """The coins that the pool can learn from, those without a model of their own among them."""
    return [each for each in found.values() if isinstance(each, Coin) and _teaches(each, question)]


def _teaches(coin: Coin, question: Question) -> bool:
    try:
        labels_of(coin, question)
    except NotEnoughData:
        return False
    return True


def _choice(
    symbol: str,
    found: Coin | CryptoBotError,
    published: Meta | None,
    wanted: Wanted,
    newest_ms: int,
) -> Choice:
    if isinstance(found, CryptoBotError):
        action = Action.SKIP if isinstance(found, NotEnoughData) else Action.FAIL
        return Choice(symbol, action, str(found))
    count = int(found.table.open_ms.size)
    lacking = _lacking(found, wanted, newest_ms)
    if lacking is not None:
        return Choice(symbol, Action.SKIP, lacking, count)
    why = _why(published, wanted)
    if why is None:
        assert published is not None
        age = (wanted.now_ms - published.trained_ms) / DAY_MS
        reason = f"{published.version} is {age:.1f} days old and as asked for"
        return Choice(symbol, Action.KEEP, reason, count)
    return Choice(symbol, Action.TRAIN, why, count)


def _lacking(coin: Coin, wanted: Wanted, newest_ms: int) -> str | None:
    """Why `coin` cannot be trained, in words."""
    open_ms, question = coin.table.open_ms, wanted.question
    needed = needed_candles(question, wanted.splits)
    if open_ms.size < needed:
        return f"it has {open_ms.size} candles and about {needed} are needed"
    behind = (newest_ms - int(open_ms[-1])) / DAY_MS
    if behind > LATEST_DAYS:
        return (
            f"its candles end {behind:.1f} days before those of other coins: bring newer ones with "
            "crypto-bot candles sync"
        )
    try:
        labels_of(coin, question)
        _require_folds(open_ms, wanted)
    except NotEnoughData as error:
        return str(error)
    return None


def _require_folds(open_ms: Ints, wanted: Wanted) -> None:
    """Raises NotEnoughData where the history since the first whole window is too short.

    A day shorter than it is: the tests of all coins end with the earliest of their candles.
    """
    question = wanted.question
    bars = open_ms // question.timeframe.ms
    least = question.features.warm_up_bars(question.timeframe) + question.window_bars
    ready = np.flatnonzero(bars[least:] - bars[:-least] == least)
    if not ready.size:
        raise NotEnoughData(f"it has no {least} candles without a gap, as a window needs")
    first_ms, last_ms = int(open_ms[ready[0] + least]), int(open_ms[-1]) - DAY_MS
    horizon, step_ms = question.label.horizon.bars(question.timeframe), question.timeframe.ms
    for fold in cut(wanted.splits, question.timeframe, horizon, first_ms, last_ms):
        for name, from_ms, until_ms in (
            ("validation", fold.validation_from_ms, fold.validation_until_ms),
            ("test", fold.test_from_ms, fold.test_until_ms),
        ):
            held = int(np.diff(np.searchsorted(open_ms, (from_ms, until_ms)))[0])
            whole = (until_ms - from_ms) // step_ms
            if held < _LEAST_SHARE * whole:
                raise NotEnoughData(
                    f"of the {whole} candles of the {name} from {instant(from_ms)[:10]} to "
                    f"{instant(until_ms)[:10]} it has {held}: the pool answers for it"
                )


def _why(published: Meta | None, wanted: Wanted) -> str | None:
    """Why a model is to be made; None where the one that is there will do."""
    if published is None:
        return "new: it has no model"
    if wanted.force:
        return "asked for with --force 1"
    question, family = wanted.question, wanted.family
    pairs = {
        "features": (published.schema_hash, schema_hash(question.features)),
        "label": (published.spec.label, question.label),
        "window": (published.window_bars, question.window_bars),
        "family": (published.family, family.name),
        "size": (published.size, family.size),
    }
    other = [name for name, (there, asked) in pairs.items() if there != asked]
    if other:
        return f"its model was made with other {', '.join(other)} than asked for"
    age = (wanted.now_ms - published.trained_ms) / DAY_MS
    if age > wanted.stale_days:
        return f"its model is {age:.1f} days old, more than {wanted.stale_days:g}"
    return None


def counted(chosen: Sequence[Choice]) -> str:
    """Such as `29 train, 2 keep, 1 skip`."""
    counts = {action: sum(each.action is action for each in chosen) for action in Action}
    return ", ".join(f"{count} {action}" for action, count in counts.items() if count)
