"""Measurements as JSON; unknown numbers become null."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from crypto_bot.domain.gate import Gate
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.models.gates import Judgement
from crypto_bot.models.verdict import Verdict
from crypto_bot.statistics.metrics import as_json


@dataclass(frozen=True)
class Measured:
    skill: Interval
    auc: Interval
    confusion: tuple[tuple[int, ...], ...]
    profitable: bool


def test_measurements_become_plain_values() -> None:
    measured = Measured(Interval(0.009, 0.007, 0.011), UNKNOWN, ((1, 2), (3, 4)), profitable=False)
    got = json.loads(json.dumps(as_json({"SOLUSDT": measured}), allow_nan=False))
    assert got == {
        "SOLUSDT": {
            "skill": {"value": 0.009, "low": 0.007, "high": 0.011},
            "auc": {"value": None, "low": None, "high": None},
            "confusion": [[1, 2], [3, 4]],
            "profitable": False,
        }
    }


def test_a_judgement_becomes_plain_values() -> None:
    gate = Gate("days", passed=False, value=float("inf"), limit=250.0, words="too few")
    assert as_json(Judgement(Verdict.LOW, ("too few",), (gate,))) == {
        "verdict": "LOW",
        "reasons": ["too few"],
        "gates": [gate._asdict() | {"value": None}],
    }


def test_numpy_floats_pass_and_arrays_do_not() -> None:
    assert as_json(np.float64(0.5)) == 0.5
    with pytest.raises(TypeError, match="ndarray is not a measurement"):
        as_json([np.zeros(3)])
