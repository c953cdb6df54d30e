"""Verdicts on made predictions: what is degenerate, too good, unproven or sound."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.domain.interval import Interval
from crypto_bot.models.gates import Judgement
from crypto_bot.models.verdict import Verdict
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT
from crypto_bot.training.evaluate import References
from crypto_bot.training.gate import LABEL_A, LABEL_B, OTHER_LABELS, LeakTests, judge
from tests.training.made_predictions import Market, constant, market


def failed(judgement: Judgement) -> set[str]:
    return {gate.name for gate in judgement.gates if not gate.passed}


def one_narrow_head() -> Market:
    narrow = market(move_sd=0.02)
    flat = narrow.p.copy()
    flat[:, NO_TRADE] = 0.5
    flat[:, [SHORT, LONG]] *= 0.5 / flat[:, [SHORT, LONG]].sum(axis=1, keepdims=True)
    return narrow.predicted(flat)


def coin_flips() -> Market:
    """It moves as the model says, but which way is a coin flip that the model predicts anyway."""
    rows = market().rows
    flipped = np.where(np.random.default_rng(5).random(len(rows)) < 0.5, LONG, SHORT)
    return market().labelled(np.where(rows.moved, flipped, NO_TRADE))


def shuffled() -> Market:
    return market().labelled(np.random.default_rng(3).permutation(market().rows.label))


def of_the_hour() -> Market:
    """All the skill is that of the time of day."""
    made = market()
    return replace(made, references=made.references._replace(climatology=made.p))


def tilted() -> Market:
    made = market(move_sd=0.45)
    return made.predicted(made.p * np.where(np.arange(3) == NO_TRADE, 0.87, 1.0))


DIRECTION = {"direction_auc", "direction_placebo"}
KNOWS = "look for a feature that knows the future"


@pytest.mark.parametrize(
    ("judged", "verdict", "failing", "reason"),
    [
        (lambda: market().judged(), Verdict.ACTIVE, set(), "over 6 coins"),
        (
            lambda: market(up_sd=0.02).judged(audited=True),  # no approval lifts a rejection
            Verdict.REJECTED,
            {"sd_direction", *DIRECTION},
            "P(LONG) - P(SHORT) varies by",
        ),
        (
            lambda: one_narrow_head().judged(),
            Verdict.REJECTED,
            {"sd_no_trade", "not_constant", "skill_climatology"},
            "P(NO_TRADE) varies by",
        ),
        (
            lambda: market().predicted(market().p ** 4).judged(),
            Verdict.REJECTED,
            {"log_loss", "calibration", "skill_prior", "skill_climatology"},
            "log loss ",
        ),
        (lambda: coin_flips().judged(), Verdict.WARMUP, DIRECTION, "direction AUC"),
        (
            lambda: shuffled().judged(),
            Verdict.REJECTED,
            {"log_loss", "calibration", "skill_prior", "skill_climatology", *DIRECTION},
            "log loss ",
        ),
        (
            lambda: market(up_sd=0.3).judged(),
            Verdict.BLOCKED,
            {"direction_auc_ceiling"},
            KNOWS,
        ),
        (
            lambda: market(up_sd=0.3).judged(audited=True),
            Verdict.ACTIVE,
            {"direction_auc_ceiling"},
            "approved by hand after an audit",
        ),
        (lambda: market(move_sd=0.6).judged(), Verdict.BLOCKED, {"skill_ceiling"}, KNOWS),
        (lambda: market(move_sd=0.6).judged(LABEL_B), Verdict.ACTIVE, set(), "skill"),
        (
            lambda: market(move_sd=1.2).judged(),
            Verdict.BLOCKED,
            {"skill_ceiling", "accuracy_ceiling"},
            KNOWS,
        ),
        (lambda: market(move_sd=1.2).judged(LABEL_B), Verdict.BLOCKED, {"skill_ceiling"}, KNOWS),
        (
            lambda: market(coins=1, up_sd=0.11).judged(),
            Verdict.WARMUP,
            {"direction_placebo"},
            "direction was measured on one coin alone",
        ),
        (lambda: of_the_hour().judged(), Verdict.LOW, {"skill_climatology"}, "time of day"),
        (lambda: market(days=240).judged(), Verdict.LOW, {"days"}, "240 test days"),
        (lambda: market(folds=3).judged(), Verdict.LOW, {"folds"}, "3 test folds"),
        (lambda: tilted().judged(), Verdict.LOW, {"calibration"}, "calibration error"),
        (
            lambda: market(days=12).judged(),  # too few days for an interval
            Verdict.LOW,
            {"days", "skill_prior", "skill_climatology", *DIRECTION},
            "12 test days",
        ),
    ],
)
def test_a_verdict_and_what_it_follows_from(
    judged: Callable[[], Judgement], verdict: Verdict, failing: set[str], reason: str
) -> None:
    got = judged()
    assert (got.verdict, failed(got)) == (verdict, failing)
    assert any(reason in each for each in got.reasons)
    assert got.verdict.served == (verdict in {Verdict.ACTIVE, Verdict.WARMUP})
    for gate in got.gates:
        assert "{" not in gate.words
        assert any(character.isdigit() for character in gate.words)


def test_the_celebrated_constant_is_rejected() -> None:
    """Accuracy .9778, precision .9560, recall .9778: always NO_TRADE, to the digit."""
    made = market()
    size = len(made.rows)
    label = np.full(size, NO_TRADE)
    label[: round(0.0222 * size)] = np.resize([SHORT, LONG], round(0.0222 * size))
    rows = made.labelled(np.random.default_rng(1).permutation(label)).rows
    prior = constant(rows)
    always = Market(rows, prior, References(prior, prior))
    classes = always.evaluated().classes
    assert classes.accuracy.value == pytest.approx(0.9778, abs=5e-5)
    found = np.array(classes.confusion, dtype=np.float64)
    precision = found[NO_TRADE, NO_TRADE] / found[:, NO_TRADE].sum()
    assert classes.label_shares[NO_TRADE] * precision == pytest.approx(0.9560, abs=2e-4)
    for p in (prior, np.tile([1e-6, 1.0 - 2e-6, 1e-6], (size, 1))):
        got = always.predicted(p).judged()
        assert got.verdict is Verdict.REJECTED
        assert {"log_loss", "sd_no_trade", "sd_direction", "not_constant"} <= failed(got)
    assert any("|MCC| 0.0000" in reason for reason in always.judged().reasons)


def near(value: float) -> Interval:
    """Measured on so many rows that the interval is narrow."""
    return Interval(value, value - 0.004, value + 0.004)


CLEAN = LeakTests((), near(0.503), near(0.492), Interval(-0.001, -0.002, 0.001))


@pytest.mark.parametrize(
    ("found", "gate", "words"),
    [
        (replace(CLEAN, changed_columns=("ret_1", "clv")), "prefix", "2 columns change their past"),
        (replace(CLEAN, placebo_auc=near(0.516)), "placebo_auc", "coin flips is 0.5160"),
        (replace(CLEAN, placebo_auc=near(0.484)), "placebo_auc", "coin flips is 0.4840"),
        (replace(CLEAN, shuffled_auc=near(float("nan"))), "shuffled_auc", "shuffled labels is nan"),
        (replace(CLEAN, shuffled_skill=Interval(0.02, 0.01, 0.03)), "shuffled_skill", "0.0100"),
    ],
)
def test_no_manual_approval_lifts_a_leak_that_was_found(
    found: LeakTests, gate: str, words: str
) -> None:
    evaluated = market().evaluated()
    got = judge(evaluated, LABEL_A, leaks=found, audited=True)
    assert (got.verdict, failed(got)) == (Verdict.BLOCKED, {gate})
    assert words in got.reasons[0]
    clean = judge(evaluated, LABEL_A, leaks=CLEAN)
    assert clean.verdict is Verdict.ACTIVE
    assert np.isfinite([(each.value, each.limit) for each in clean.gates]).all()


def test_the_evidence_of_its_company_makes_a_coin_active() -> None:
    company = market(coins=8).evaluated().direction
    alone = market(coins=1, up_sd=0.11).evaluated()
    assert judge(alone, LABEL_A, company).verdict is Verdict.ACTIVE


def test_borrowed_ceilings_block_only_what_chance_does_not_explain() -> None:
    short = market(move_sd=0.5, up_sd=0.1, coins=1)
    lower = short.evaluated().probabilities.skill_prior
    assert lower.low < LABEL_A.skill < lower.value
    assert "skill_ceiling" in failed(short.judged(LABEL_A))
    assert short.judged(OTHER_LABELS).verdict is not Verdict.BLOCKED
    leaking = market(move_sd=1.2).judged(OTHER_LABELS)
    assert (leaking.verdict, failed(leaking)) == (
        Verdict.BLOCKED,
        {"skill_ceiling", "accuracy_ceiling"},
    )
