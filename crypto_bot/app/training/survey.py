"""What there is to train from and what is published already, and so what a run will do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import structlog
from rich.console import Console
from rich.table import Table

from crypto_bot.app.training.candles import TrainingCandles
from crypto_bot.domain.errors import ConfigError, CryptoBotError, NotEnoughData, SignalUnavailable
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, verify
from crypto_bot.models.meta import Meta
from crypto_bot.training.choice import Action, Choice, Wanted, choices, teachers
from crypto_bot.training.estimate import Estimate
from crypto_bot.training.panel import Coin, Question
from crypto_bot.training.run_store import RunStore

log = structlog.get_logger()

_RESUMED = "begun by the run that is resumed"
_LEFT = "not in the run that is resumed"


class Survey(NamedTuple):
    """What happens to each coin, and the coins that the models learn from."""

    choices: tuple[Choice, ...]
    coins: tuple[Coin, ...]
    leader: CandleTable | None

    @property
    def judged(self) -> tuple[str, ...]:
        """The coins that get a model."""
        return tuple(each.symbol for each in self.choices if each.action is Action.TRAIN)


class Candidates(NamedTuple):
    """The coins `symbols` that are to get a model, and `others` to learn from besides.

    `must_train`: what is wrong with one of them is raised, not noted.
    """

    symbols: tuple[str, ...]
    others: tuple[str, ...]
    must_train: bool


def survey(
    held: TrainingCandles,
    wanted_coins: Candidates,
    wanted: Wanted,
    folder: Path,
    *,
    pooled: bool,
    begun: RunStore | None,
) -> Survey:
    """Reads the candles of the coins and the models in `folder`.

    `begun`: the store of a run that is resumed; its coins are trained, and no others. Raises
    ConfigError, and where a coin must be trained NotEnoughData and BadCandles.
    """
    symbols, others, must_train = wanted_coins
    read = held.read if must_train else partial(_read, held)
    found = {symbol: read(symbol) for symbol in dict.fromkeys((*symbols, *others))}
    timeframe = wanted.question.timeframe.name
    looked_at = {symbol: _published(folder, symbol, timeframe) for symbol in symbols}
    published = {symbol: meta for symbol, meta in looked_at.items() if meta}
    chosen = choices({symbol: found[symbol] for symbol in symbols}, published, wanted)
    identity = None if begun is None else begun.identity()
    if identity is not None:
        chosen = _as_begun(chosen, identity["plan"]["judged"])
    for each in chosen:
        if must_train and each.action in {Action.SKIP, Action.FAIL}:
            raise NotEnoughData(f"{each.symbol}: {each.reason}")
    judged = {each.symbol for each in chosen if each.action is Action.TRAIN}
    coins = [coin for coin in teachers(found, wanted.question) if pooled or coin.symbol in judged]
    return Survey(tuple(chosen), tuple(coins), leader_of(wanted.question, coins, held))


def leader_of(
    question: Question, coins: Sequence[Coin], held: TrainingCandles
) -> CandleTable | None:
    """The candles of the coin that the features compare with; None where there are none.

    What looks at it is masked then, which is logged.
    """
    led_by = question.features.leader
    if led_by is None or not coins:
        return None
    known = {coin.symbol: coin.table for coin in coins}
    if led_by in known:
        return known[led_by]
    if led_by in held.symbols:
        return held.read(led_by).table
    log.warning("features.masked", features=question.features.name, reason=f"no {led_by} candles")
    return None


def print_survey(console: Console, found: Survey, estimated: Estimate | None, workers: int) -> None:
    """The plan as a table, with what it takes; None where nothing is to be trained."""
    table = Table("coin", "what", "candles", "why")
    for each in found.choices:
        table.add_row(each.symbol, each.action.value, f"{each.candles:,}", each.reason)
    console.print(table)
    console.print(f"{len(found.coins)} coins are learned from.")
    if estimated is None:
        return
    hours = estimated.seconds / 3600 / workers
    took = f"{60 * hours:.0f} minutes" if hours < 1.5 else f"{hours:.1f} hours"
    memory = (estimated.panel_bytes + workers * estimated.worker_bytes) / 2**30
    console.print(
        f"With {workers} workers it takes about {took} at most (early stopping ends sooner) and "
        f"{memory:.1f} GiB: {estimated.panel_bytes / 2**30:.1f} shared, "
        f"{estimated.worker_bytes / 2**30:.1f} for each worker."
    )


def _read(held: TrainingCandles, symbol: str) -> Coin | CryptoBotError:
    if symbol not in held.symbols:
        return NotEnoughData("it has no candles: bring them with crypto-bot candles sync or import")
    try:
        return held.read(symbol)
    except CryptoBotError as error:
        return error


def _published(folder: Path, symbol: str, timeframe: str) -> Meta | None:
    """`meta.json` of the model that is there and whole."""
    try:
        now = versions.current(folder_of(folder, symbol, timeframe))
        return None if now is None else verify(now)
    except SignalUnavailable:
        return None


def _as_begun(chosen: Sequence[Choice], judged: Sequence[str]) -> list[Choice]:
    lost = sorted(set(judged) - {each.symbol for each in chosen})
    if lost:
        raise ConfigError(
            f"--resume 1: the unfinished run also trains {', '.join(lost)}: name the same "
            "--symbols_file, or begin anew with --resume 0"
        )
    result = []
    for each in chosen:
        if each.symbol in judged:
            result.append(each._replace(action=Action.TRAIN, reason=_RESUMED))
        elif each.action is Action.TRAIN:
            result.append(each._replace(action=Action.KEEP, reason=_LEFT))
        else:
            result.append(each)
    return result
