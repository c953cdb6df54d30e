"""What a data set is worth before anything is trained from it: counts, shares, missing values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from crypto_bot.training.data_set import Samples
from crypto_bot.training.panel import Question

GOOD_SHARE, SEVERE_SHARE = 0.15, 0.80
"""A smallest class above the one is good; a largest above the other is a severe imbalance."""


@dataclass(frozen=True, slots=True)
class Quality:
    """`X.quality.json`.

    `shape`: of `X`. `separate_samples`: labels that do not overlap in time, coin by coin. `nan` and
    `infinite`: values among the rows of the windows. `balance`: `good`, `uneven` or `severe
    imbalance`. `coins`: samples of each. `left_out`: why a coin is not in it.
    """

    samples: int
    separate_samples: int
    shape: tuple[int, int, int]
    class_counts: dict[str, int]
    class_shares: dict[str, float]
    smallest_class: str
    balance: str
    nan: int
    infinite: int
    coins: dict[str, int]
    left_out: dict[str, str]


def quality_of(samples: Sequence[Samples], question: Question, left_out: dict[str, str]) -> Quality:
    """Of a data set with one sample at least."""
    classes = question.label.classes
    labels = np.concatenate([each.labels for each in samples])
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    shares = [count / labels.size for count in counts]
    horizon_ms = question.label.horizon.ms(question.timeframe)
    step_ms = question.timeframe.ms
    separate = sum(
        int((each.coin.table.open_ms[each.ends] % horizon_ms < step_ms).sum()) for each in samples
    )
    balance = "good" if min(shares) > GOOD_SHARE else "uneven"
    return Quality(
        samples=labels.size,
        separate_samples=separate,
        shape=(labels.size, question.window_bars, len(question.features.columns)),
        class_counts=dict(zip(classes, counts, strict=True)),
        class_shares=dict(zip(classes, shares, strict=True)),
        smallest_class=classes[int(np.argmin(counts))],
        balance="severe imbalance" if max(shares) > SEVERE_SHARE else balance,
        nan=sum(int(np.isnan(each.rows).sum()) for each in samples),
        infinite=sum(int(np.isinf(each.rows).sum()) for each in samples),
        coins={each.coin.symbol: each.ends.size for each in samples},
        left_out=left_out,
    )


def words(found: Quality) -> Iterator[str]:
    """The report as lines for people."""
    count, bars, columns = found.shape
    yield (
        f"{count:,} samples of {bars} candles and {columns} columns, {found.separate_samples:,} of "
        f"them with labels that do not overlap, from {len(found.coins)} coins"
    )
    for name, share in found.class_shares.items():
        yield f"{name}: {found.class_counts[name]:,} ({share:.1%})"
    smallest = found.class_shares[found.smallest_class]
    yield f"smallest class: {found.smallest_class} with {smallest:.1%} ({found.balance})"
    yield f"{found.nan:,} values are no number, {found.infinite:,} are infinite"
    for symbol, reason in found.left_out.items():
        yield f"{symbol} is left out: {reason}"
