"""Real candles pass, however violent; those of another coin do not."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crypto_bot.adapters.store.candle_files import read_candles
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.plausibility import WINDOW_BARS, Plausibility
from crypto_bot.domain.timeframe import Timeframe
from tests.real_data import real_folder

M15 = Timeframe.parse("15m")
VIOLENT = ("2022-11-09T20:00", "2023-06-10T04:30", "2024-08-05T00:00", "2025-02-03T01:45")


@pytest.fixture(scope="module")
def folder() -> Path:
    return real_folder("candles_15m")


def histories(folder: Path) -> Iterator[tuple[str, list[Candle]]]:
    for path in sorted(folder.glob("*.parquet")):
        yield path.stem, read_candles(path).candles()


def around(candles: Sequence[Candle], at: str) -> list[Candle]:
    """The window before, the bar and the next two."""
    at_ms = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
    span = at_ms - WINDOW_BARS * M15.ms, at_ms + 2 * M15.ms
    return [each for each in candles if span[0] <= each.open_ms <= span[1]]


@pytest.mark.slow
def test_no_real_candle_is_doubted(folder: Path) -> None:
    """3.07 million of 32 coins, with every violent bar and every gap of 2022 to 2025."""
    judge, count = Plausibility(M15), 0
    for symbol, candles in histories(folder):
        assert judge.sift(symbol, candles, ()).doubted == []
        count += len(candles)
    assert count > 3_000_000


@pytest.mark.slow
def test_the_candles_of_another_coin_are_doubted_on_any_day(folder: Path) -> None:
    """Of all pairs of coins but the few whose prices lie within the bound of one another."""
    found = dict(histories(folder))
    passed = total = 0
    for day in VIOLENT:
        parts = {symbol: around(candles, day) for symbol, candles in found.items()}
        whole = {symbol: part for symbol, part in parts.items() if len(part) == WINDOW_BARS + 3}
        for symbol, own in whole.items():
            judge = Plausibility(M15)
            judge.learn(symbol, own[:WINDOW_BARS])
            assert judge.sift(symbol, own[WINDOW_BARS:], ()).doubted == []
            for other in whole.keys() - {symbol}:
                total += 1
                passed += not judge.sift(symbol, whole[other][WINDOW_BARS:], ()).doubted
    assert total > 3_000
    assert passed < 0.02 * total
