"""`python -m benchmarks.feature_groups`: what each group of features adds to two-head LightGBM.

Needs the candles and series of `CRYPTO_BOT_TEST_DATA`. Four coins; models learn from every eighth
candle and are tested on all. Each group is measured beside the same model without it, on the same
rows and with the mean of the same seeds: on folds 0 to 2 together, then on fold 3.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crypto_bot.adapters.series.files import FileLayout, FileSeries
from crypto_bot.app.market_data import open_series
from crypto_bot.app.settings import load
from crypto_bot.app.training.candles import TrainingCandles, training_candles
from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.groups.group import FeatureGroup, with_groups
from crypto_bot.features.groups.registered import FEATURE_GROUPS
from crypto_bot.features.sets import FeatureSet, feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.observations import SeriesColumn, read_series
from crypto_bot.models.families.lightgbm import LightGbmSettings
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.ports.market_data import Series
from crypto_bot.statistics.intervals import DayBootstrap, ratio
from crypto_bot.statistics.rows import Bools, Floats, Ints
from crypto_bot.training.fit import fit_rows
from crypto_bot.training.folds import Parts, folds_of, parts
from crypto_bot.training.panel import Coin, Panel, Question, build_panel
from crypto_bot.training.plan import TrainingPlan

DATA = Path(os.environ.get("CRYPTO_BOT_TEST_DATA", "../shared/data"))
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT")
"""Of those with all series since 2022."""
M15 = Timeframe.parse("15m")
BASE = feature_set("per_coin_v2")
LEARN_EVERY = 8
FAMILY = "lightgbm_v1"
SEEDS = (1,)
SHRINK = 0.45
"""Of the direction logit, of both arms: fitted on other rows it is 0.38 to 0.54."""
SETTINGS = LightGbmSettings(move_rounds=120, up_rounds=60, learning_rate=0.06, min_rows_in_leaf=200)
_FLOW = FEATURE_GROUPS.get("taker_flow")
HOURLY = replace(
    _FLOW,
    name="taker_flow_1h",
    columns=tuple(f"{name}_1h" for name in _FLOW.columns),
    series=tuple(SeriesColumn(f"{each.series}_1h", 2 * HOUR_MS) for each in _FLOW.series),
)
"""The same of hourly figures, which reach back to 2022; those of 15 minutes begin on 2024-12-30."""
GROUPS = (*map(FEATURE_GROUPS.get, FEATURE_GROUPS.names()), HOURLY)
ALL = with_groups(BASE, GROUPS)


class Trial(NamedTuple):
    """A group, the folds that may choose it, and whether rows without it are left out."""

    group: FeatureGroup
    choosing: tuple[int, ...] = (0, 1, 2)
    known_alone: bool = False


TRIALS = (
    *(Trial(group) for group in GROUPS if group is not _FLOW),
    Trial(_FLOW, choosing=(2,), known_alone=True),
)


def reading(groups: tuple[FeatureGroup, ...]) -> FeatureSet:
    """All columns, of which trees read those of `per_coin_v2` and of `groups`."""
    return replace(ALL, readers={"trees": with_groups(BASE, groups).readers["trees"]})


def panel_of(held: TrainingCandles, series: dict[str, Series]) -> Panel:
    """Features and labels of the coins."""

    def read(symbol: str) -> Coin:
        coin = held.read(symbol)
        closes_ms = coin.table.open_ms[[0, -1]] + M15.ms
        observed = read_series(series, ALL.series, symbol, (int(closes_ms[0]), int(closes_ms[1])))
        return replace(coin, table=replace(coin.table, observed=observed))

    question = Question(M15, ALL, LABELS.get("A"), 16)
    return build_panel([read(symbol) for symbol in COINS], held.read(COINS[0]).table, question)


def losses(panel: Panel, groups: tuple[FeatureGroup, ...], rows: Parts) -> Floats:
    """Log loss of each row of the test, of the mean probabilities of the seeds."""
    asked = replace(panel, question=replace(panel.question, features=reading(groups)))
    found = np.zeros((rows.test.size, 3))
    for seed in SEEDS:
        plan = TrainingPlan(COINS, FamilyChoice(FAMILY, settings=SETTINGS), seed=seed)
        p = fit_rows(asked, plan, rows).predict_proba(panel.features, rows.test)
        moved = p[:, 0] + p[:, 2]
        up = 1.0 / (1.0 + (p[:, 0] / p[:, 2]) ** SHRINK)
        found += np.column_stack([moved * (1.0 - up), 1.0 - moved, moved * up]) / len(SEEDS)
    losses: Floats = -np.log(found[np.arange(rows.test.size), panel.label[rows.test]])
    return losses


def gain(panel: Panel, rows: list[Ints], gains: list[Floats]) -> str:
    """Thousandths of a nat a row, with its interval."""
    if not rows:
        return "–"
    days = DayBootstrap(panel.open_ms[np.concatenate(rows)], horizon_ms=panel.horizon_ms)
    each = 1e3 * np.concatenate(gains)
    found = days.estimate(days.sums(each, np.ones(each.size)), ratio)
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def main() -> None:
    """Prints a row for each group."""
    context, candles = DATA / "context", DATA / "candles_15m"
    settings = load({"tf": "15m", "series_dir": context, "exchange": {"id": "sim"}})
    series = open_series(settings)
    for name, value, per in (
        ("taker_share_1h", "taker_buy_volume", "volume"),
        ("trade_size_1h", "quote_volume", "trades"),
    ):
        layout = FileLayout("flow_1h/{symbol}", value, delay_ms=HOUR_MS, per=per)
        series[name] = FileSeries(name, layout, context)
    began = time.process_time()
    panel = panel_of(training_candles(candles, settings), series)
    print(f"features of {panel.usable.sum():,} rows in {time.process_time() - began:.0f} s")
    folds = folds_of(panel, TrainingPlan(COINS, FamilyChoice(FAMILY)))
    learn = panel.open_ms // M15.ms % LEARN_EVERY == 0
    without: dict[tuple[int, bool], Floats] = {}
    print("| group | known | folds that choose | fold by fold | confirmed on fold 3 |")
    for group, choosing, known_alone in TRIALS:
        known = panel.features[:, ALL.columns.index(f"{group.name}_known")] > 0.0
        chosen: list[tuple[Ints, Floats]] = []
        shown = {}
        for fold in folds:
            if fold.number not in {*choosing, 3}:
                continue
            used: Bools = known if known_alone else np.ones_like(known)
            rows = parts(fold, panel.open_ms, panel.usable & used)
            rows = rows._replace(fit=rows.fit[learn[rows.fit]])
            key = fold.number, known_alone
            if key not in without:
                without[key] = losses(panel, (), rows)
            gains = without[key] - losses(panel, (group,), rows)
            shown[fold.number] = gain(panel, [rows.test], [gains])
            if fold.number != 3:
                chosen.append((rows.test, gains))
        together = gain(panel, [at for at, _ in chosen], [gains for _, gains in chosen])
        by_fold = ", ".join(f"{number}: {words}" for number, words in shown.items() if number != 3)
        share = known[rows.test].mean()
        print(f"| {group.name} | {share:.0%} | {together} | {by_fold} | {shown[3]} |", flush=True)
    print(f"{time.process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
