"""The verdict on a model: gates with a value, a limit and words, and what follows from them.

Levels are those that honest models reached on real candles (docs/adr/0007-model-verdicts.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.domain.gate import Gate
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.label import DOWN_NEUTRAL_UP
from crypto_bot.domain.label import Direction as Sides
from crypto_bot.models.gates import Judgement, above, at_least, below, chance, gate, proven
from crypto_bot.models.verdict import Verdict
from crypto_bot.statistics.direction import Direction
from crypto_bot.training.evaluate import Evaluation
from crypto_bot.training.plan import LEAST_FOLDS, LEAST_TEST_DAYS

MIN_SD = 0.02
SAME_ACCURACY = 0.002
SAME_MCC = 0.005
MAX_DIRECTION_AUC = 0.56
MIN_DIRECTION_AUC = 0.505
ECE_SLACK = 0.010


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Above these a model of this label is too good to be true. None where nothing is known.

    `measured`: on honest models of this very label. Where they are borrowed, a model is too good
    only if the lower end of its interval lies above them: few rows reach them by chance.
    """

    skill: float
    accuracy_gain: float | None
    measured: bool = True


LABEL_A = Ceilings(skill=0.025, accuracy_gain=0.03)
LABEL_B = Ceilings(skill=0.06, accuracy_gain=None)
OTHER_LABELS = replace(LABEL_A, measured=False)


@dataclass(frozen=True, slots=True)
class LeakTests:
    """What the audit of the model's features and label found.

    `changed_columns`: columns whose past changed when candles were appended. `placebo_auc`,
    `shuffled_auc`: direction AUC of the same training on markets of coin flips and on shuffled
    labels, None where the label has no direction; `shuffled_skill`: skill of the latter against
    the prior.
    """

    changed_columns: tuple[str, ...]
    placebo_auc: Interval | None
    shuffled_auc: Interval | None
    shuffled_skill: Interval


def judge(
    own: Evaluation,
    ceilings: Ceilings,
    pooled: Direction | None = None,
    *,
    leaks: LeakTests | None = None,
    audited: bool = False,
    season: str = "time of day",
    way: Sides | None = DOWN_NEUTRAL_UP,
) -> Judgement:
    """Judges a model by its own rows, and by the direction evidence of the coins trained with it.

    `pooled` is None where it was trained alone, `leaks` where no audit was run. `audited`: the
    model was approved by hand, after an audit that found no leak; that lifts the BLOCKED of a model
    that is too good, and nothing else: not a leak that was found. An unknown (NaN) value never
    passes a gate that something must be proven at. `season`: what the climatology is of
    (`Timeframe.season`). `way`: the direction of the label.
    """
    direction = own.direction if pooled is None else pooled
    gates = (
        *_soundness(own, way),
        *(() if leaks is None else _leaks(leaks)),
        *_plausibility(own, direction, ceilings),
        *_skill(own, season),
        *_direction(direction),
    )
    return conclude(gates, alone=direction.coins == 1, audited=audited)


def conclude(gates: Sequence[Gate], *, alone: bool, audited: bool) -> Judgement:
    """What follows from gates, measured just now or stored; `audited` as in `judge`.

    `alone`: direction was measured on one coin. Raises ModelIncompatible where a gate is unknown
    or one that every model must pass is missing.
    """
    _require_whole({gate.name for gate in gates})
    sound, clean, plausible, skill, way = (
        tuple(gate for gate in gates if gate.name in names) for names in _KINDS
    )
    if failed := _words(sound):
        return Judgement(Verdict.REJECTED, failed, tuple(gates))
    if failed := _words(clean):
        return Judgement(Verdict.BLOCKED, failed, tuple(gates))
    failed = _words(plausible)
    if failed and not audited:
        return Judgement(Verdict.BLOCKED, (*failed, _ASK_AUDIT), tuple(gates))
    lifted = (*failed, _AUDITED) if failed else ()
    if failed := _words(skill):
        return Judgement(Verdict.LOW, (*failed, *lifted), tuple(gates))
    if failed := _words(way):
        why = (_ALONE,) if alone else ()
        return Judgement(Verdict.WARMUP, (*failed, *why, *lifted), tuple(gates))
    passed = tuple(gate.words for gate in (*skill, *way))
    return Judgement(Verdict.ACTIVE, (*passed, *lifted), tuple(gates))


def _require_whole(names: AbstractSet[str]) -> None:
    known = frozenset().union(*_KINDS)
    wrong = [f"unknown gate {name}" for name in sorted(names - known)]
    wrong += [f"no gate {name}" for name in sorted(known - _OPTIONAL - names)]
    if wrong:
        raise ModelIncompatible(f"no verdict follows from these gates: {', '.join(wrong)}")


_KINDS = (
    frozenset({"log_loss", "sd_no_trade", "sd_direction", "not_constant"}),
    frozenset({"prefix", "placebo_auc", "shuffled_auc", "shuffled_skill"}),
    frozenset({"direction_auc_ceiling", "skill_ceiling", "accuracy_ceiling"}),
    frozenset({"skill_prior", "skill_climatology", "calibration", "folds", "days"}),
    frozenset({"direction_auc", "direction_placebo"}),
)
"""Names of the gates of soundness, leaks, plausibility, skill and direction."""
_OPTIONAL = _KINDS[1] | {"accuracy_ceiling"}
_ASK_AUDIT = (
    "honest models of these candles do not reach this: look for a feature that knows the future "
    "(crypto-bot models audit), then confirm by hand that there is none"
)
_AUDITED = "approved by hand after an audit"
_ALONE = (
    "direction was measured on one coin alone, too little for its small effect to show: "
    "train several coins together to pool the evidence"
)


def _soundness(own: Evaluation, way: Sides | None) -> Iterator[Gate]:
    found, classes = own.probabilities, own.classes
    gain = abs(classes.accuracy.value - classes.majority)
    constant = gain <= SAME_ACCURACY and abs(classes.mcc.value) <= SAME_MCC
    loss, prior = found.log_loss.value, found.log_loss_prior
    words = "log loss {value:.4f}, that of the label frequencies of the fit rows {limit:.4f}"
    yield gate("log_loss", loss < prior, loss, prior, words)
    # As `ProbabilityScores` measures where there is no such class or no direction.
    widest = "the P that varies most varies"
    neutral = "P(NO_TRADE) varies" if way is not None and way.neutral else widest
    sides = "P(LONG) - P(SHORT) varies" if way is not None else widest
    yield above("sd_no_trade", found.sd_no_trade, MIN_SD, neutral)
    yield above("sd_direction", found.sd_direction, MIN_SD, sides)
    words = (
        f"accuracy {classes.accuracy.value:.4f} beside {classes.majority:.4f} for always "
        "saying the most common label, |MCC| {value:.4f} (limit {limit:.3f})"
    )
    yield gate("not_constant", not constant, abs(classes.mcc.value), SAME_MCC, words)


def _leaks(found: LeakTests) -> Iterator[Gate]:
    columns = ", ".join(found.changed_columns) or "none"
    count = len(found.changed_columns)
    words = "{value:.0f} columns change their past when candles are appended: " + columns
    yield gate("prefix", not count, count, 0, words)
    if found.placebo_auc is not None:
        yield chance("placebo_auc", found.placebo_auc, "on markets of coin flips")
    if found.shuffled_auc is not None:
        yield chance("shuffled_auc", found.shuffled_auc, "on shuffled labels")
    low = found.shuffled_skill.low
    words = "skill on shuffled labels: lower end of the 95 % interval {value:.4f} (at most 0)"
    yield gate("shuffled_skill", not low > 0.0, low, 0.0, words)


def _plausibility(own: Evaluation, direction: Direction, ceilings: Ceilings) -> Iterator[Gate]:
    which = "" if ceilings.measured else ", lower end of the 95 % interval:"

    def decides(found: Interval) -> float:
        return found.value if ceilings.measured else found.low

    auc, skill = decides(direction.auc), decides(own.probabilities.skill_prior)
    yield below("direction_auc_ceiling", auc, MAX_DIRECTION_AUC, f"direction AUC{which}")
    words = f"log-loss skill against the prior{which}"
    yield below("skill_ceiling", skill, ceilings.skill, words)
    if ceilings.accuracy_gain is not None:
        gain = decides(own.classes.accuracy) - own.classes.majority
        words = f"accuracy above the most common label's share by{which}"
        yield below("accuracy_ceiling", gain, ceilings.accuracy_gain, words)


def _skill(own: Evaluation, season: str) -> Iterator[Gate]:
    found = own.probabilities
    prior, climatology = found.skill_prior.low, found.skill_climatology.low
    yield proven("skill_prior", prior, 0.0, "skill against the prior")
    yield proven("skill_climatology", climatology, 0.0, f"skill against the {season}")
    allowed = found.ece_floor + ECE_SLACK
    words = "calibration error {value:.4f}, allowed {limit:.4f} (noise floor and .010)"
    yield gate("calibration", found.ece <= allowed, found.ece, allowed, words)
    yield at_least("folds", len(own.folds), LEAST_FOLDS, "test folds")
    yield at_least("days", own.days, LEAST_TEST_DAYS, "test days")


def _direction(direction: Direction) -> Iterator[Gate]:
    coins = "one coin" if direction.coins == 1 else f"{direction.coins} coins"
    pool, low = f"direction AUC {direction.auc.value:.4f} over {coins}", direction.auc.low
    yield proven("direction_auc", low, MIN_DIRECTION_AUC, pool)
    words = f"{pool} beside sign-flipped placebos"
    yield proven("direction_placebo", low, direction.placebo_95, words)


def _words(gates: Iterable[Gate]) -> tuple[str, ...]:
    return tuple(gate.words for gate in gates if not gate.passed)
