"""Whole training runs, small: made candles to the files of published models."""

from pathlib import Path

from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.registered import DEFAULT, FamilyChoice
from crypto_bot.training.events import Event, ModelNotPublished, log_event
from crypto_bot.training.executors.in_process import InProcess
from crypto_bot.training.jobs import Stage, jobs_of
from crypto_bot.training.judge import artifact_of
from crypto_bot.training.panel import Coin
from crypto_bot.training.plan import TrainingPlan
from crypto_bot.training.run import prepare, run_graph
from crypto_bot.training.run_store import RunStore
from tests.training.made_market import QUESTION, SPLITS

NET = NetSettings(epochs=2, up_epochs=1, batch_size=128, epoch_examples=400, device="cpu")
TUNING = NetSettings(epochs=1, up_epochs=1, batch_size=128, learning_rate=1e-4, device="cpu")
TRAINED_MS = 1_800_000_000_000


def plan(*judged: str, pooled: bool = False, tuning: NetSettings | None = None) -> TrainingPlan:
    return TrainingPlan(
        judged or ("COIN0",),
        FamilyChoice(DEFAULT, "tiny", NET),
        pooled=pooled,
        tuning=tuning,
        splits=SPLITS,
        seed=3,
    )


def trained(coins: list[Coin], asked: TrainingPlan, folder: Path) -> dict[str, dict[str, bytes]]:
    """The published files of each coin's model, that of the pool under `pool`."""
    store = RunStore(folder / "store")
    draft = prepare(store, coins, None, QUESTION, asked, now_ms=TRAINED_MS, resume=False)
    study = draft.study(store.panel)
    graph = jobs_of(asked, len(study.folds))
    events: list[Event] = []
    observers = (events.append, log_event)
    run_graph(graph, InProcess(study, store), store, folder / "models", observers)
    assert not [event for event in events if isinstance(event, ModelNotPublished)]
    judged = [job for job in graph if job.stage is Stage.JUDGE]
    return {job.symbol or "pool": artifact_of(store.get(job)) for job in judged}
