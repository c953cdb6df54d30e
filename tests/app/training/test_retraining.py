"""When the daemon trains by itself, and what it does next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app.settings import RetrainSettings, Settings
from crypto_bot.app.training.retraining import (
    Retrainer,
    Standing,
    due,
    next_step,
    standing,
    unfinished,
)
from crypto_bot.app.wiring import model_registry
from crypto_bot.domain.alarm import Alarm, Drifted
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.ports import CANDLES, TRAIN, Job

NOW_MS = 1_764_547_200_000  # 2025-12-01T00:00Z
FETCH, TRAINED, RESUMED = (
    (CANDLES, {"days": "1095"}),
    (TRAIN, {"role": "challenger", "resume": "0"}),
    (TRAIN, {"role": "challenger", "resume": "1"}),
)


def job(kind: str, state: str, hours: float = 0.1) -> tuple[Job, float]:
    """And how long ago it ended."""
    return Job(f"x-{kind}", "", "", state, 0, 0.0, 0, 0, (), None), hours * HOUR_MS


@pytest.mark.parametrize(
    ("jobs", "step"),
    [
        ([], FETCH),
        ([job(CANDLES, "running")], None),
        ([job("export", "running"), job(CANDLES, "finished")], None),
        ([job("export", "failed"), job(CANDLES, "finished")], TRAINED),
        ([job(CANDLES, "failed")], None),
        ([job(CANDLES, "failed", 2)], FETCH),
        ([job(CANDLES, "failed"), job(CANDLES, "failed", 2)], TRAINED),
        ([job(CANDLES, "stopped", 23)], None),
        ([job(TRAIN, "failed", 0.5), job(CANDLES, "finished")], None),
        ([job(TRAIN, "failed", 2), job(CANDLES, "finished", 9)], RESUMED),
        ([job(TRAIN, "failed", 2), job(TRAIN, "failed", 4)], TRAINED),
        ([job(TRAIN, "finished", 23), job(CANDLES, "finished", 30)], None),
        ([job(TRAIN, "stopped", 23)], None),
        ([job(TRAIN, "finished", 25)], FETCH),
    ],
)
def test_the_history_comes_first_and_what_failed_goes_on(
    jobs: list[tuple[Job, float]], step: tuple[str, Mapping[str, str]] | None
) -> None:
    ago = {id(each): ms for each, ms in jobs}
    assert next_step([each for each, _ in jobs], lambda each: ago[id(each)]) == step


def test_a_training_of_challengers_that_was_killed_is_finished_though_some_may_answer() -> None:
    killed, of_person = (
        job(TRAIN, "failed")[0]._replace(command=f"crypto-bot train all --models_dir {folder}")
        for folder in ("models/challengers", "models")
    )
    exported, fetched = job("export", "finished")[0], job(CANDLES, "finished")[0]
    assert unfinished([exported, killed, fetched])
    for jobs in ([], [killed, killed], [fetched, killed], [of_person], [exported]):
        assert not unfinished(jobs)


@pytest.mark.parametrize(
    ("answering", "oldest", "trained", "first", "why"),
    [
        (0, None, None, None, "no model may answer"),
        (0, None, None, False, None),
        (0, None, 6, None, None),  # what was trained did not pass: it is left alone for a week
        (0, None, 8, None, "no model may answer"),
        (2, 29, 29, None, None),
        (2, 31, 29, False, "more than 30 days ago"),
        (2, 31, 6, None, None),
    ],
)
def test_it_trains_where_none_may_answer_or_one_is_old(
    answering: int, oldest: int | None, trained: int | None, first: bool | None, why: str | None
) -> None:
    ended = [None if days is None else NOW_MS - days * DAY_MS for days in (oldest, trained)]
    now = Standing(answering, *ended)
    found = due(now, RetrainSettings(first=first), NOW_MS)
    assert (found is None) == (why is None)
    assert why is None or why in str(found)
    alarms = [Alarm(Drifted.INPUTS, "BTCUSDT", "rsi_14: shift 2.0 times the largest in training")]
    held_off = trained == 6 or answering == 0
    assert due(now, RetrainSettings(first=first), NOW_MS, alarms) or held_off
    assert due(now, RetrainSettings(first=first, on_drift=False), NOW_MS, alarms) == found


class Recorded:
    """Jobs that are asked for; the newest has ended."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def newest(self) -> list[Job]:
        states = [job(kind, "finished")[0] for kind in reversed(self.started)]
        return [each._replace(started_ms=SystemClock().now_ms()) for each in states]

    async def start(self, kind: str, chosen: Mapping[str, str]) -> None:
        self.started.append(kind)


@pytest.mark.parametrize(
    ("simulated", "rules", "started"),
    [
        (False, {}, [CANDLES, TRAIN]),
        (False, {"first": False}, []),
        (True, {}, []),
        (True, {"first": True}, [CANDLES, TRAIN]),
        (True, {"schedule": "* * * * *"}, [CANDLES, TRAIN]),
    ],
)
async def test_an_empty_folder_is_trained_into_unless_told_not_to(
    tmp_path: Path, simulated: bool, rules: dict[str, object], started: list[str]
) -> None:
    settings = Settings.model_validate(
        {
            "models_dir": tmp_path,
            "retrain": rules,
            "exchange": {"id": "sim" if simulated else "binance"},
        }
    )
    clock, jobs = SystemClock(), Recorded()
    registries = model_registry(settings), model_registry(settings, challengers=True)
    retrainer = Retrainer(settings, jobs, registries, ["BTCUSDT"], machine=clock)  # type: ignore[arg-type]
    clock.correct(61_000)
    for _ in range(3):
        await retrainer.look(clock)
    assert jobs.started == started
    assert standing(registries, ["BTCUSDT"], NOW_MS) == Standing(0, None, None)


def test_a_schedule_that_is_none_is_one_line(tmp_path: Path) -> None:
    bad = Settings(models_dir=tmp_path, retrain=RetrainSettings(schedule="every Sunday"))
    with pytest.raises(ConfigError, match="schedule = 'every Sunday' is no cron expression"):
        Retrainer(bad, Recorded(), (None, None), [], machine=SystemClock())  # type: ignore[arg-type]
