"""What the pool says of coins that it never saw: the answer that a new listing gets.

`python -m benchmarks.new_listing --candles FOLDER --left_out AAVEUSDT,LINKUSDT` fits the pool of
the default recipe on all other coins, fold by fold, and measures it on the test rows of those left
out, calibrated on the rows of the others. What it must beat (label frequencies, time of day, simple
rules) knows the past of the coins left out, as in every other table. Its own members are measured
beside it. Writes the measurements as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crypto_bot.app.settings import Settings
from crypto_bot.app.training.candles import training_candles
from crypto_bot.app.training.survey import leader_of
from crypto_bot.domain.errors import CryptoBotError
from crypto_bot.models.beside import to_the_end
from crypto_bot.models.families.ensemble.family import EnsembleStacking
from crypto_bot.models.families.family import StackedFit
from crypto_bot.recipes.plans import plan_of, question_of
from crypto_bot.recipes.recipe import DEFAULT
from crypto_bot.recipes.shipped import recipe as recipe_of
from crypto_bot.statistics.metrics import as_json
from crypto_bot.training.calibrate import calibrations, predicted
from crypto_bot.training.choice import Action, Wanted, choices
from crypto_bot.training.evaluate import Measurements
from crypto_bot.training.fit import fit_baselines, fit_product
from crypto_bot.training.folds import folds_of
from crypto_bot.training.jobs import Job, Product, Stage, Study
from crypto_bot.training.judge import measure
from crypto_bot.training.panel import build_panel
from crypto_bot.training.plan import TrainingPlan, spec_of


def prepared(asked: argparse.Namespace) -> Study:
    """A run over all coins of the folder; judged is every coin that can be."""
    settings, recipe = Settings(tf="15m"), recipe_of(DEFAULT)
    output = recipe.outputs[0]
    question = question_of(recipe, output, settings.timeframe)
    held = training_candles(asked.candles, settings)
    coins = [held.read(symbol) for symbol in held.symbols]

    def plan(judged: tuple[str, ...]) -> TrainingPlan:
        words: dict[str, Any] = {"device": asked.device, "seed": asked.seed}
        return plan_of(
            *(recipe, output, question, judged), **words, cost_bps=settings.decision.cost_bps
        )

    every = plan(held.symbols)
    now_ms = max(int(coin.table.open_ms[-1]) for coin in coins)
    wanted = Wanted(question, every.family, every.splits, 30.0, force=True, now_ms=now_ms)
    chosen = choices({coin.symbol: coin for coin in coins}, {}, wanted)
    judged = tuple(each.symbol for each in chosen if each.action is Action.TRAIN)
    if missing := set(asked.left_out) - set(judged):
        raise SystemExit(f"not judged, as their history is too short: {', '.join(missing)}")
    leader = leader_of(question, coins, held)
    panel, decided = build_panel(coins, leader, question), plan(judged)
    folds = tuple(folds_of(panel, decided))
    return Study(
        *(held.symbols, question, decided, folds, (), leader, now_ms),
        simulated=False,
        panel=panel,
    )


def fitted_on_others(study: Study, left_out: Sequence[str]) -> dict[Job, Product]:
    """What models that never saw `left_out` predict, and the baselines beside them."""
    panel, choice = study.panel, study.plan.family
    seen = ~np.isin(panel.coin, [panel.symbols.index(symbol) for symbol in left_out])
    family = choice.build(spec_of(study.question, choice), study.plan.seed)
    jobs = [Job(Stage.POOL, fold=fold) for fold in range(len(study.folds))]
    asked = []
    for job in jobs:
        parts = study.rows_to_fit(job).where(seen)
        learned, checked = panel.examples(parts.fit), panel.separate(parts.validation)
        asked.append(StackedFit(family, learned, checked))
    outcomes = to_the_end(EnsembleStacking().fit(asked))
    products: dict[Job, Product] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        if isinstance(outcome, CryptoBotError):
            raise outcome
        beside = Job(Stage.BASELINES, fold=job.fold)
        products |= {job: fit_product(study, job, outcome), beside: fit_baselines(study, beside)}
    return products


def measured(study: Study, products: dict[Job, Product], left_out: Sequence[str]) -> Measurements:
    """On the rows of `left_out`, calibrated on those of the others."""
    found = predicted(study, None, products)
    unseen = np.isin(found.rows.coin, [study.symbols.index(symbol) for symbol in left_out])
    forward = calibrations(found.where(~unseen))
    plan = study.plan
    return measure(found.where(unseen), forward, trials=plan.trials, seed=plan.seed)


def main(words: Sequence[str] | None = None) -> None:
    """Prints skill and direction of the model and of all beside it; writes all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candles", type=Path, required=True)
    parser.add_argument("--left_out", type=lambda text: text.split(","), required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--output", type=Path, default=Path("new_listing.json"))
    asked = parser.parse_args(words)
    study = prepared(asked)
    found = measured(study, fitted_on_others(study, asked.left_out), asked.left_out)
    asked.output.write_text(json.dumps({"coin": as_json(found), "left_out": asked.left_out}))
    for name, each in {"model": found.model, **found.baselines}.items():
        skill, auc = each.probabilities.skill_prior, each.direction.auc
        gain = found.gains.get(name)
        print(f"{name}: skill {100 * skill.value:.2f} % [{100 * skill.low:.2f}, ", end="")
        print(f"{100 * skill.high:.2f}], direction AUC {auc.value:.4f}", end="")
        print("" if gain is None else f", gain over it {1e3 * gain.value:.2f} nats / 1,000")


if __name__ == "__main__":
    main()
