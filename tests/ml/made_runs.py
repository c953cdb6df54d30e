"""Whole training runs, small: made candles to the files of published models."""

from pathlib import Path

import numpy as np

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.kernel import Series
from crypto_bot.features.labels import label_spec
from crypto_bot.features.sets import feature_set
from crypto_bot.ml.families import CNN_LSTM, FamilyChoice
from crypto_bot.ml.fit import NetSettings
from crypto_bot.ml.panel import Coin, Question
from crypto_bot.ml.per_coin.desk import Desk
from crypto_bot.ml.per_coin.executors.in_process import InProcess
from crypto_bot.ml.per_coin.graph import run_graph
from crypto_bot.ml.per_coin.job import Stage, jobs_of
from crypto_bot.ml.per_coin.judging import artifact_of
from crypto_bot.ml.per_coin.run import lay_out
from crypto_bot.ml.per_coin.telling import Lines
from crypto_bot.ml.rows import DAY_MS
from crypto_bot.ml.splits import SplitPlan
from crypto_bot.ml.walk import TrainingPlan

HOUR = Timeframe.parse("1h")
FEATURES = feature_set("per_coin_v1")
QUESTION = Question(HOUR, FEATURES, label_spec("A"), 16)
SPLITS = SplitPlan(folds=2, test_days=20, validation_days=10, least_fit_days=20)
NET = NetSettings(epochs=2, up_epochs=1, batch_size=128, epoch_examples=400, device="cpu")
TUNING = NetSettings(epochs=1, up_epochs=1, batch_size=128, learning_rate=1e-4, device="cpu")
TRAINED_MS = 1_800_000_000_000


def candles(days: int, seed: int, missing: tuple[int, ...] = ()) -> Series:
    rng = np.random.default_rng(seed)
    n = 24 * days
    calm = 0.004 * np.exp(0.6 * np.sin(np.arange(n) / 40.0))
    close = 100.0 * np.exp(np.cumsum(calm * rng.standard_normal(n)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(rng.standard_normal((2, n))) * calm * close
    table = np.column_stack(
        [
            opened,
            np.maximum(opened, close) + reach[0],
            np.minimum(opened, close) - reach[1],
            close,
            50.0 * np.exp(rng.standard_normal(n)),
        ]
    )
    kept = np.setdiff1d(np.arange(n), missing)
    return Series(kept * HOUR.ms + 20_000 * DAY_MS, np.ascontiguousarray(table[kept]))


def plan(*judged: str, pooled: bool = False, tuning: NetSettings | None = None) -> TrainingPlan:
    return TrainingPlan(
        judged or ("COIN0",),
        FamilyChoice(CNN_LSTM, "tiny", 16, NET),
        pooled=pooled,
        tuning=tuning,
        splits=SPLITS,
        seed=3,
    )


def trained(coins: list[Coin], asked: TrainingPlan, folder: Path) -> dict[str, dict[str, bytes]]:
    """The published files of each coin's model, that of the pool under `pool`."""
    desk = Desk(folder / "desk")
    draft = lay_out(desk, coins, None, QUESTION, asked, now_ms=TRAINED_MS, resume=False)
    study = draft.study(desk.panel)
    graph = jobs_of(asked, len(study.folds))
    failed = run_graph(graph, InProcess(study, desk), desk, folder / "models", Lines())
    assert failed == {}
    judged = [job for job in graph if job.stage is Stage.JUDGE]
    return {job.symbol or "pool": artifact_of(desk.get(job)) for job in judged}
