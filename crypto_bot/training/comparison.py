"""All outputs of a recipe together: every family side by side, and one object for each coin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from crypto_bot import __version__
from crypto_bot.domain.instant import instant
from crypto_bot.domain.interval import Interval
from crypto_bot.models.artifact import weight_names
from crypto_bot.statistics.metrics import Json
from crypto_bot.training import report, summary
from crypto_bot.training.events import Event, JobFinished, ModelPublished
from crypto_bot.training.fit import MODEL
from crypto_bot.training.jobs import Stage
from crypto_bot.training.pages import Forest, TableRow, forest, render, shown
from crypto_bot.training.summary import POOL, Summary

HEADS = (
    *("model", "accuracy %", "log loss", "skill %", "vs climatology %", "direction AUC"),
    *("ECE (floor)", "gain, millinats"),
)
COIN_HEADS = (
    *("coin", "verdict", "accuracy %", "majority %", "skill %", "direction AUC", "reason"),
)


class OutputRun(NamedTuple):
    """The run of one output of a recipe, and all that happened in it."""

    horizon: str
    label: str
    summary: Summary
    events: tuple[Event, ...]

    @property
    def published(self) -> list[ModelPublished]:
        """Its models, the pool's first where there is one."""
        found = [event for event in self.events if isinstance(event, ModelPublished)]
        return sorted(found, key=lambda event: event.symbol is not None)


class _Part(NamedTuple):
    name: str
    verdict: str
    facts: str
    reasons: str
    plot: Forest | None
    rows: tuple[TableRow, ...]


class _Shown(NamedTuple):
    horizon: str
    label: str
    parts: tuple[_Part, ...]
    coins: tuple[TableRow, ...]


def page(name: str, title: str, runs: Sequence[OutputRun]) -> str:
    """The comparison page of the recipe `name`. `runs`: one at least."""
    first = runs[0].summary
    return render(
        "comparison.html",
        name=name,
        title=title,
        facts=report.facts(first),
        command=first.command,
        heads=HEADS,
        coin_heads=COIN_HEADS,
        outputs=[_shown(run) for run in runs],
    )


def as_text(name: str, runs: Sequence[OutputRun]) -> str:
    """The training summary of a recipe as it is stored: an object for each coin and output."""
    content = {
        "format": summary.FORMAT,
        "code_version": __version__,
        "recipe": name,
        "coins": [each for run in runs for each in coins(run)],
        "outputs": {run.horizon: json.loads(summary.as_text(run.summary)) for run in runs},
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def coins(run: OutputRun) -> list[dict[str, Json]]:
    """What became of each coin: `evaluation_metrics.json`, or why it has no model.

    `training_time_seconds` are those of the fits behind the model, added up over all folds.
    """
    found: list[dict[str, Json]] = []
    models = {event.symbol or POOL: event for event in run.published}
    for line in run.summary.lines:
        event = models.get(line.symbol)
        if event is None:
            moment = instant(run.summary.finished_ms)
            held: dict[str, Json] = {"symbol": line.symbol, "status": line.status}
            found.append(
                {**held, "horizon": run.horizon, "reason": line.reason, "timestamp": moment}
            )
            continue
        held = json.loads(event.evaluation)
        weights = weight_names(event.meta.sha256)
        found.append(
            {
                **held,
                "horizon": run.horizon,
                "training_time_seconds": round(_seconds(run.events, event.symbol), 3),
                "checkpoint_path": str(event.folder / weights[-1]) if weights else None,
            }
        )
    return found


def write(name: str, title: str, runs: Sequence[OutputRun], folder: Path) -> Path:
    """Summary and page in `folder`. Raises TrainingError."""
    finished_ms = runs[-1].summary.finished_ms
    return summary.write(as_text(name, runs), page(name, title, runs), folder, finished_ms)


def _seconds(events: Iterable[Event], symbol: str | None) -> float:
    done = [event for event in events if isinstance(event, JobFinished)]
    own = [each for each in done if each.job.stage is Stage.TUNE and each.job.symbol == symbol]
    fits = own or [each for each in done if each.job.stage is Stage.POOL]
    return sum(each.seconds for each in fits)


def _shown(run: OutputRun) -> _Shown:
    published = run.published
    pool = [event for event in published if event.symbol is None]
    alone = [event for event in published if event.symbol is not None]
    return _Shown(
        *(run.horizon, run.label),
        parts=tuple(_part(event) for event in pool or alone),
        coins=tuple(_coin(event) for event in alone) if pool else (),
    )


def _part(event: ModelPublished) -> _Part:
    measured = json.loads(event.metrics)["coin"]
    own = measured["model"]
    models = {MODEL: own, **measured["baselines"]}
    skills = [
        (_named(name, event), _interval(each["probabilities"]["skill_prior"]), None)
        for name, each in models.items()
    ]
    share = own["classes"]["majority"]
    return _Part(
        name="All coins together" if event.symbol is None else event.symbol,
        verdict=event.meta.verdict.value,
        facts=(
            f"{own['rows']:,} test rows on {_counted(own['days'], 'day')} of "
            f"{_counted(own['coins'], 'coin')} in {_counted(len(own['folds']), 'fold')}; the most "
            f"common class is {share:.1%} of them."
        ),
        reasons="; ".join(event.meta.reasons),
        plot=forest("Skill against the prior, %", skills, scale=100.0, chance=0.0),
        rows=tuple(
            TableRow(_cells(_named(name, event), each, measured["gains"].get(name)), name == MODEL)
            for name, each in models.items()
        ),
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _named(name: str, event: ModelPublished) -> str:
    return f"{event.meta.family} (answers)" if name == MODEL else name


def _cells(name: str, own: Mapping[str, Any], gain: Mapping[str, Any] | None) -> tuple[str, ...]:
    chances = own["probabilities"]
    return (
        name,
        shown(_interval(own["classes"]["accuracy"]), 100.0, 1),
        shown(_interval(chances["log_loss"]), 1.0, 4),
        shown(_interval(chances["skill_prior"]), 100.0, 2),
        shown(_interval(chances["skill_climatology"]), 100.0, 2),
        shown(_interval(own["direction"]["auc"]), 1.0, 3),
        f"{chances['ece']:.4f} ({chances['ece_floor']:.4f})",
        "–" if gain is None else shown(_interval(gain), 1000.0, 2),
    )


def _coin(event: ModelPublished) -> TableRow:
    own = json.loads(event.metrics)["coin"]["model"]
    return TableRow(
        (
            str(event.symbol),
            event.meta.verdict.value,
            shown(_interval(own["classes"]["accuracy"]), 100.0, 1),
            f"{100.0 * own['classes']['majority']:.1f}",
            shown(_interval(own["probabilities"]["skill_prior"]), 100.0, 2),
            shown(_interval(own["direction"]["auc"]), 1.0, 3),
            event.meta.reasons[0] if event.meta.reasons else "",
        )
    )


def _interval(held: Mapping[str, float | None]) -> Interval:
    return Interval.of(held.values())
