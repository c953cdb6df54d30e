"""Verdicts on made predictions: what is degenerate, too good, unproven or sound."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.label import DOWN_NEUTRAL_UP
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.gates import Judgement
from crypto_bot.models.verdict import Verdict
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, Floats, Ints, Rows, direction_score
from crypto_bot.training.evaluate import Evaluation, Predictions, References, evaluate
from crypto_bot.training.gate import LABEL_A, LABEL_B, Ceilings, LeakTests, judge
from tests.models.made_specs import held

HOUR = Timeframe.parse("1h")


@dataclass(frozen=True)
class Market:
    """Hourly rows of four folds, and the probabilities that made them."""

    rows: Rows
    p: Floats
    references: References

    def judged(
        self,
        p: Floats | None = None,
        ceilings: Ceilings = LABEL_A,
        audited: bool = False,
    ) -> Judgement:
        return judge(self.evaluated(p), ceilings, audited=audited)

    def evaluated(self, p: Floats | None = None) -> Evaluation:
        found = self.p if p is None else p
        predictions = Predictions(found, direction_score(found, DOWN_NEUTRAL_UP))
        return evaluate(self.rows, predictions, self.references, trials=3, draws=300)


def market(
    *,
    move_sd: float = 0.35,
    up_sd: float = 0.15,
    coins: int = 6,
    days: int = 260,
    folds: int = 4,
) -> Market:
    """P(move) and P(up) have these standard deviations in logits; AUC of up_sd .15 is .542."""
    rng = np.random.default_rng(0)
    n = days * 24
    size = n * coins
    open_ms = np.tile(np.arange(n) * HOUR_MS, coins)
    hour_of_day = 0.1 * np.sin(2.0 * np.pi * (open_ms // HOUR_MS % 24) / 24.0)
    move = _sigmoid(rng.normal(0.0, move_sd, size) + hour_of_day)
    up = _sigmoid(rng.normal(0.0, up_sd, size))
    p = np.stack([move * (1.0 - up), 1.0 - move, move * up], axis=1)
    label = _drawn(p, rng)
    way = np.where(
        label == LONG, 1.0, np.where(label == SHORT, -1.0, rng.choice([-0.2, 0.2], size))
    )
    earned = way * rng.exponential(40.0, size)
    fold = np.tile(np.arange(n) * folds // n, coins)
    coin = np.repeat(np.arange(coins), n)
    rows = Rows(open_ms, coin, fold, label, earned, earned, np.full(size, 35.0), held(1), HOUR)
    prior = np.tile(np.bincount(label, minlength=3) / size, (size, 1))
    mass = np.stack([np.bincount(open_ms // HOUR_MS % 24, p[:, k]) for k in range(3)], axis=1)
    by_hour = mass / mass.sum(axis=1, keepdims=True)
    return Market(rows, p, References(prior, by_hour[open_ms // HOUR_MS % 24]))


def _sigmoid(z: Floats) -> Floats:
    p: Floats = 1.0 / (1.0 + np.exp(-z))
    return p


def _drawn(p: Floats, rng: np.random.Generator) -> Ints:
    u = rng.random(len(p))
    label: Ints = (u[:, None] >= np.cumsum(p, axis=1)[:, :2]).sum(axis=1)
    return label


def failed(judgement: Judgement) -> set[str]:
    return {gate.name for gate in judgement.gates if not gate.passed}


def test_a_weak_true_direction_is_active_and_its_auc_found() -> None:
    made = market()
    got = made.judged()
    assert got.verdict is Verdict.ACTIVE
    assert failed(got) == set()
    assert made.evaluated().direction.auc.value == pytest.approx(0.542, abs=0.01)
    assert any("over 6 coins" in reason for reason in got.reasons)


def test_the_celebrated_constant_is_rejected() -> None:
    """Accuracy .9778, precision .9560, recall .9778: the score of saying NO_TRADE, to the digit."""
    made = market()
    size = len(made.rows)
    label = np.full(size, NO_TRADE)
    label[: round(0.0222 * size)] = np.resize([SHORT, LONG], round(0.0222 * size))
    label = np.random.default_rng(1).permutation(label)
    rows = replace(made.rows, label=label)
    prior = np.tile(np.bincount(label, minlength=3) / size, (size, 1))
    constant = Market(rows, prior, References(prior, prior))
    classes = constant.evaluated().classes
    assert classes.accuracy.value == pytest.approx(0.9778, abs=5e-5)
    found = np.array(classes.confusion, dtype=np.float64)
    precision = found[NO_TRADE, NO_TRADE] / found[:, NO_TRADE].sum()
    assert classes.label_shares[NO_TRADE] * precision == pytest.approx(0.9560, abs=2e-4)
    for p in (prior, np.tile([1e-6, 1.0 - 2e-6, 1e-6], (size, 1))):
        got = constant.judged(p)
        assert got.verdict is Verdict.REJECTED
        assert {"log_loss", "sd_no_trade", "sd_direction", "not_constant"} <= failed(got)
    assert any("|MCC| 0.0000" in reason for reason in constant.judged(prior).reasons)


def test_one_narrow_head_is_enough_to_be_rejected() -> None:
    assert failed(market(up_sd=0.02).judged()) >= {"sd_direction"}
    assert market(up_sd=0.02).judged().verdict is Verdict.REJECTED
    narrow = market(move_sd=0.02)
    flat = narrow.p / narrow.p.sum(axis=1, keepdims=True)
    flat[:, NO_TRADE] = 0.5
    flat[:, [SHORT, LONG]] *= 0.5 / flat[:, [SHORT, LONG]].sum(axis=1, keepdims=True)
    assert "sd_no_trade" in failed(narrow.judged(flat))


def test_worse_than_the_prior_is_rejected() -> None:
    made = market()
    wild = made.p**4 / (made.p**4).sum(axis=1, keepdims=True)
    got = made.judged(wild)
    assert got.verdict is Verdict.REJECTED
    assert got.reasons[0].startswith("log loss ")


def test_coin_flips_are_not_active() -> None:
    """It moves as the model says, but which way is a coin flip that the model speaks of anyway."""
    made = market()
    rng = np.random.default_rng(5)
    flipped = np.where(rng.random(len(made.rows)) < 0.5, LONG, SHORT)
    rows = replace(made.rows, label=np.where(made.rows.moved, flipped, NO_TRADE))
    got = replace(made, rows=rows).judged()
    assert got.verdict is Verdict.WARMUP
    assert failed(got) == {"direction_auc", "direction_placebo"}


def test_shuffled_labels_score_chance_and_are_rejected() -> None:
    made = market()
    label = np.random.default_rng(3).permutation(made.rows.label)
    shuffled = replace(made, rows=replace(made.rows, label=label))
    assert shuffled.judged().verdict is Verdict.REJECTED
    assert shuffled.evaluated().direction.auc.value == pytest.approx(0.5, abs=0.015)
    assert shuffled.evaluated().probabilities.skill_prior.value < 0.0


def test_a_strong_direction_is_blocked_until_it_is_approved_by_hand() -> None:
    made = market(up_sd=0.3)
    got = made.judged()
    assert got.verdict is Verdict.BLOCKED
    assert "direction_auc_ceiling" in failed(got)
    assert "look for a feature that knows the future" in got.reasons[-1]
    lifted = made.judged(audited=True)
    assert lifted.verdict is Verdict.ACTIVE
    assert lifted.reasons[-1] == "approved by hand after an audit"


def test_skill_and_accuracy_have_ceilings_by_label() -> None:
    made = market(move_sd=0.6)
    assert failed(made.judged()) == {"skill_ceiling"}
    assert made.judged().verdict is Verdict.BLOCKED
    assert made.judged(ceilings=LABEL_B).verdict is Verdict.ACTIVE
    wonder = market(move_sd=1.2)
    assert failed(wonder.judged()) == {"skill_ceiling", "accuracy_ceiling"}
    assert failed(wonder.judged(ceilings=LABEL_B)) == {"skill_ceiling"}


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
def test_a_leak_that_was_found_blocks_whatever_a_person_says(
    found: LeakTests, gate: str, words: str
) -> None:
    held = market().evaluated()
    got = judge(held, LABEL_A, leaks=found, audited=True)
    assert got.verdict is Verdict.BLOCKED
    assert failed(got) == {gate}
    assert words in got.reasons[0]


def test_an_audit_that_found_nothing_changes_no_verdict() -> None:
    found = market().evaluated()
    assert judge(found, LABEL_A, leaks=CLEAN).verdict is judge(found, LABEL_A).verdict


def test_a_persons_word_does_not_lift_a_rejection() -> None:
    made = market(up_sd=0.02)
    assert made.judged(audited=True).verdict is Verdict.REJECTED


def test_one_coin_alone_is_warmup_and_the_reason_says_so() -> None:
    made = market(coins=1, up_sd=0.11)
    got = made.judged()
    assert got.verdict is Verdict.WARMUP
    assert got.reasons[-1].startswith("direction was measured on one coin alone")


def test_the_evidence_of_its_company_makes_a_coin_active() -> None:
    company = market(up_sd=0.15, coins=8).evaluated().direction
    alone = market(coins=1, up_sd=0.11).evaluated()
    assert judge(alone, LABEL_A).verdict is Verdict.WARMUP
    assert judge(alone, LABEL_A, company).verdict is Verdict.ACTIVE


def test_a_skill_that_the_hour_of_day_explains_is_low() -> None:
    made = market()
    hourly = replace(made, references=made.references._replace(climatology=made.p))
    got = hourly.judged()
    assert got.verdict is Verdict.LOW
    assert failed(got) == {"skill_climatology"}
    assert not got.verdict.served


@pytest.mark.parametrize(("days", "folds", "gate"), [(240, 4, "days"), (260, 3, "folds")])
def test_too_short_a_test_proves_nothing(days: int, folds: int, gate: str) -> None:
    got = market(days=days, folds=folds).judged()
    assert got.verdict is Verdict.LOW
    assert failed(got) == {gate}


def test_probabilities_off_by_more_than_noise_are_low() -> None:
    made = market(move_sd=0.45)
    tilted = made.p.copy()
    tilted[:, NO_TRADE] *= 0.87
    tilted /= tilted.sum(axis=1, keepdims=True)
    got = made.judged(tilted)
    assert got.verdict is Verdict.LOW
    assert "calibration" in failed(got)


def test_twelve_days_have_no_interval_and_so_prove_nothing() -> None:
    got = market(days=12).judged()
    assert not got.verdict.served
    assert {"skill_prior", "skill_climatology", "direction_auc"} <= failed(got)


def test_every_gate_tells_its_value_and_limit_in_words() -> None:
    for gate in market().judged().gates:
        assert np.isfinite([gate.value, gate.limit]).all()
        assert "{" not in gate.words
        assert any(character.isdigit() for character in gate.words)


def test_verdicts_that_are_served_without_a_setting() -> None:
    assert [verdict for verdict in Verdict if verdict.served] == [Verdict.ACTIVE, Verdict.WARMUP]
