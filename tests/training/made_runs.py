"""Training runs, small: hourly candles of a few coins, a tiny network, two short folds."""

from dataclasses import replace
from pathlib import Path

from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.registered import DEFAULT, FamilyChoice
from crypto_bot.training.events import Event, ModelNotPublished, log_event
from crypto_bot.training.executors.executor import InProcess
from crypto_bot.training.jobs import Draft, Stage, jobs_of
from crypto_bot.training.judge import artifact_of
from crypto_bot.training.panel import Coin, Question
from crypto_bot.training.plan import TrainingPlan
from crypto_bot.training.run import Driver, prepare
from crypto_bot.training.run_store import RunStore
from tests.training.made_market import QUESTION, SPLITS, candles

NET = NetSettings(epochs=2, up_epochs=1, batch_size=128, epoch_examples=400, device="cpu")
TUNING = NetSettings(epochs=1, up_epochs=1, batch_size=128, learning_rate=1e-4, device="cpu")
TRAINED_MS = 1_800_000_000_000
DAYS = 140
# No dropout: executors that draw its noise elsewhere can then be compared with one another.
EXACT = NetSettings(
    epochs=4,
    up_epochs=2,
    batch_size=32,
    learning_rate=1e-2,
    epoch_examples=1_000,
    dropout=0.0,
    device="cpu",
)
EXACT_TUNING = replace(EXACT, epochs=3, epoch_examples=NetSettings().epoch_examples)
GOOD = ("COIN0", "COIN1", "COIN2")
ONE_SIDED = "COIN3"
"""Its price only rises while the first fold is validated: no SHORT to learn from there."""


def plan(
    *judged: str, net: NetSettings = NET, pooled: bool = False, tuning: NetSettings | None = None
) -> TrainingPlan:
    return TrainingPlan(
        judged or ("COIN0",),
        FamilyChoice(DEFAULT, "tiny", net),
        pooled=pooled,
        tuning=tuning,
        splits=SPLITS,
        seed=3,
    )


def trained(
    coins: list[Coin], asked: TrainingPlan, folder: Path, question: Question = QUESTION
) -> dict[str, dict[str, bytes]]:
    """The published files of each coin's model, that of the pool under `pool`."""
    store = RunStore(folder / "store")
    draft = prepare(store, coins, None, question, asked, now_ms=TRAINED_MS, resume=False)
    study = draft.study(store.panel)
    graph = jobs_of(asked, len(study.folds))
    events: list[Event] = []
    observers = (events.append, log_event)
    Driver(graph, InProcess(study, store), store, folder / "models", observers).run()
    assert not [event for event in events if isinstance(event, ModelNotPublished)]
    judged = [job for job in graph if job.stage is Stage.JUDGE]
    return {job.symbol or "pool": artifact_of(store.get(job)) for job in judged}


def begun(
    folder: Path, *, pool: NetSettings = EXACT, tuning: NetSettings = EXACT_TUNING
) -> tuple[Draft, RunStore]:
    """A run of four coins of which one cannot be tuned, and its store in `folder`."""
    coins = [Coin(symbol, candles(DAYS, seed)) for seed, symbol in enumerate(GOOD)]
    coins.append(Coin(ONE_SIDED, candles(DAYS, len(GOOD), rising_days=(80, 105))))
    asked = plan(*GOOD, ONE_SIDED, net=pool, pooled=True, tuning=tuning)
    store = RunStore(folder)
    draft = prepare(store, coins, None, QUESTION, asked, now_ms=TRAINED_MS, resume=False)
    return draft, store
