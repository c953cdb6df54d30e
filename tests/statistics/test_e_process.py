"""The e-process: right by hand, rarely wrong where there is nothing, sure where there is more."""

import numpy as np
import pytest

from crypto_bot.statistics.e_process import CLIP_NATS, PROMOTING, e_process
from crypto_bot.statistics.rows import Floats


def days(size: tuple[int, int], sd: float) -> Floats:
    """Differences without an advantage whose size, not whose sign, depends on the day before."""
    rng = np.random.default_rng(3)
    scale = np.exp(0.5 * rng.standard_normal(size).cumsum(axis=1) / np.sqrt(size[1]))
    return np.asarray(sd * scale * rng.standard_t(4, size))


def test_wealth_by_hand() -> None:
    bets = np.arange(1, 20) * 0.05
    assert e_process([CLIP_NATS]) == pytest.approx((1.0 + bets).mean())
    assert e_process([0.003, -0.006])[1] == pytest.approx(
        ((1 + 0.1 * bets) * (1 - 0.2 * bets)).mean()
    )
    assert e_process([0.5]) == e_process([CLIP_NATS]), "one day does not decide"
    assert e_process([]).size == 0


@pytest.mark.parametrize("sd", [0.002, 0.01, 0.05])
def test_without_an_advantage_few_are_ever_promoted(sd: float) -> None:
    promoted = [(e_process(each) >= PROMOTING).any() for each in days((1_000, 365), sd)]
    assert np.mean(promoted) <= 0.05


def test_a_better_model_is_found_and_a_worse_one_is_not() -> None:
    noise = days((200, 120), 0.004)
    better = [(e_process(each + 0.004) >= PROMOTING).any() for each in noise]
    worse = [(e_process(each - 0.002) >= PROMOTING).any() for each in noise]
    assert all(better)
    assert not any(worse)
