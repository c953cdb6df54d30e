"""A data set collected coin by coin; what is done stays where the command is killed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from crypto_bot.app.training.candles import TrainingCandles
from crypto_bot.app.training.survey import leader_of
from crypto_bot.domain.errors import BadCandles, ConfigError, NotEnoughData
from crypto_bot.features.sets import schema_hash
from crypto_bot.recipes.recipe import Output, Recipe
from crypto_bot.training.data_set import (
    Origin,
    Samples,
    packed_samples,
    samples_of,
    unpacked_samples,
    write,
)
from crypto_bot.training.panel import Coin, Question, build_panel
from crypto_bot.training.quality import Quality, quality_of

_PLAN = "collect.json"


@dataclass(frozen=True)
class Collection:
    """What is collected, and where it is written; times in UTC ms, None without a bound.

    `source`: where candles come from, in words; `simulated`: from the simulated exchange.
    """

    recipe: Recipe
    output: Output
    question: Question
    symbols: tuple[str, ...]
    since_ms: int | None
    until_ms: int | None
    source: str
    simulated: bool
    path: Path

    @property
    def folder(self) -> Path:
        """Holds the coins that are done, until all are."""
        return self.path.with_name(f".{self.path.name}.coins")

    @property
    def quality_path(self) -> Path:
        """The report beside the data set: `X.quality.json` of `X.npz`."""
        return self.path.with_name(f"{self.path.stem}.quality.json")


def collect(
    wanted: Collection, held: TrainingCandles, on_coin: Callable[[str, str], None]
) -> Quality:
    """Writes the data set and its report; goes on from the coins that are done.

    `on_coin`: called with each coin and what became of it. A coin that cannot be used is left out
    and named in the report. Raises NotEnoughData where none can be, ConfigError where the files
    cannot be written.
    """
    try:
        _begin(wanted)
        done, left_out = [], {}
        for symbol in wanted.symbols:
            try:
                samples = _samples(wanted, held, symbol)
            except (BadCandles, NotEnoughData, ConfigError) as error:
                left_out[symbol] = str(error).removeprefix(f"{symbol}: ")
                on_coin(symbol, f"left out: {left_out[symbol]}")
                continue
            done.append(samples)
            on_coin(symbol, f"{samples.ends.size:,} samples")
        if not done:
            raise NotEnoughData("no coin has a labelled window: nothing to write")
        found = quality_of(done, wanted.question, left_out)
        leader = leader_of(wanted.question, [each.coin for each in done], held)
        name = wanted.question.features.leader
        known = None if leader is None or name is None else Coin(name, leader)
        origin = Origin(_recipe(wanted), wanted.simulated)
        write(wanted.path, done, known, wanted.question, origin)
        report = json.dumps(asdict(found), indent=2, allow_nan=False) + "\n"
        wanted.quality_path.write_text(report, "utf-8")
        shutil.rmtree(wanted.folder)
    except OSError as error:
        raise ConfigError(f"{wanted.path} cannot be written: {error.strerror or error}") from error
    return found


def _begin(wanted: Collection) -> None:
    """Keeps the coins of the same collection, and removes those of another."""
    identity = {
        "recipe": _recipe(wanted),
        "timeframe": wanted.question.timeframe.name,
        "features": schema_hash(wanted.question.features),
        "since_ms": wanted.since_ms,
        "until_ms": wanted.until_ms,
        "source": wanted.source,
    }
    plan = wanted.folder / _PLAN
    text = json.dumps(identity, sort_keys=True)
    if plan.exists() and plan.read_text("utf-8") == text:
        return
    shutil.rmtree(wanted.folder, ignore_errors=True)
    wanted.folder.mkdir(parents=True)
    plan.write_text(text, "utf-8")


def _samples(wanted: Collection, held: TrainingCandles, symbol: str) -> Samples:
    path = wanted.folder / f"{symbol}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as kept:
            return unpacked_samples(kept)
    coin = _within(held.read(symbol), wanted.since_ms)
    leader = leader_of(wanted.question, [coin], held)
    samples = samples_of(coin, build_panel([coin], leader, wanted.question))
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **packed_samples(samples))
    partial.replace(path)
    return samples


def _within(coin: Coin, since_ms: int | None) -> Coin:
    """The candles of `coin` that open from `since_ms` on, with all that was observed."""
    if since_ms is None:
        return coin
    count = int((coin.table.open_ms >= since_ms).sum())
    if not count:
        raise NotEnoughData(f"{coin.symbol}: it has no candles since then")
    return replace(coin, table=coin.table.newest(count))


def _recipe(wanted: Collection) -> dict[str, object]:
    """The recipe with the output that is collected first, so that training finds it there."""
    others = [each for each in wanted.recipe.outputs if each != wanted.output]
    outputs = (wanted.output, *others)
    return wanted.recipe.model_copy(update={"outputs": outputs}).model_dump(mode="json")
