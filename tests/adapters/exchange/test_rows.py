"""Raw exchange rows: sound candles or none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.exchange.rows import sound_candles
from crypto_bot.domain.candle import Candle, faults
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe

TF = Timeframe.parse("15m")
T0 = 1_764_547_200_000


def row(number: int, **changes: Any) -> list[Any]:
    values = {"at": T0 + number * TF.ms, "open": 2.0, "high": 3.0, "low": 1.0, "close": 2.5}
    return list({**values, "volume": 10.0, **changes}.values())


def test_rows_become_candles() -> None:
    rows = [row(0), [*row(1, close="2.25"), "what follows is ignored"]]

    assert sound_candles(rows, TF, "test") == [
        Candle(T0, 2.0, 3.0, 1.0, 2.5, 10.0),
        Candle(T0 + TF.ms, 2.0, 3.0, 1.0, 2.25, 10.0),
    ]


def test_an_empty_reply_is_sound() -> None:
    assert sound_candles([], TF, "test") == []


def test_newest_first_is_turned_round() -> None:
    candles = sound_candles([row(2), row(1), row(0)], TF, "test")

    assert [candle.open_ms for candle in candles] == [T0, T0 + TF.ms, T0 + 2 * TF.ms]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([row(0), row(1, close=float("nan"))], "1 x not_finite"),
        ([row(0), row(0), row(1)], "1 x duplicate"),
        ([row(0), row(2), row(1), row(3)], "1 x disordered"),
        ([row(3), row(1), row(2), row(0)], "1 x disordered"),
        ([row(0, low=-1.0)], "1 x not_positive"),
        ([row(0, volume=-1.0)], "1 x negative_volume"),
        ([row(0, high=2.1)], "1 x high_low"),
        ([row(0, at=T0 + 1)], "1 x off_grid"),
        ([row(0), row(1, close=None)], "row 1 is no candle"),
        ([row(0, at=None)], "row 0 is no candle"),
        ([row(0)[:5]], "row 0 is no candle"),
        (["candle"], "row 0 is no candle"),
    ],
)
def test_one_bad_row_spoils_the_reply(rows: list[Any], kind: str) -> None:
    with pytest.raises(BadCandles, match=kind) as caught:
        sound_candles(rows, TF, "BTCUSDT from binance")
    assert str(caught.value).startswith("BTCUSDT from binance: ")


junk = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))


@given(st.lists(st.one_of(junk, st.lists(junk, max_size=7), st.just(row(0))), max_size=5))
def test_whatever_comes_is_either_sound_or_refused(rows: list[Any]) -> None:
    try:
        candles = sound_candles(rows, TF, "test")
    except BadCandles:
        return
    assert faults(candles, TF) == []
    assert len(candles) == len(rows)
