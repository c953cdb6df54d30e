"""Which coins a run trains, and why: new, old, other, asked for, or not at all."""

from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.domain.errors import BadCandles, CryptoBotError, NotEnoughData
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.artifact import META, artifact_files
from crypto_bot.models.families.registered import DEFAULT, FamilyChoice
from crypto_bot.models.meta import Meta, meta_from
from crypto_bot.training.choice import Action, Choice, Wanted, choices, counted, teachers
from crypto_bot.training.panel import Coin
from tests.models.made_models import tiny_model
from tests.training.made_market import HOUR, QUESTION, SPLITS, candles

WANTED = Wanted(
    QUESTION, FamilyChoice(DEFAULT, "tiny"), SPLITS, stale_days=30.0, force=False, now_ms=0
)
WHOLE = candles(140, 0)


def one(found: Coin | CryptoBotError, published: Meta | None = None, **changed: object) -> Choice:
    wanted = replace(WANTED, **changed)  # type: ignore[arg-type]  # as the field says
    held = {} if published is None else {"A": published}
    return choices({"A": found}, held, wanted)[0]


def without(series: CandleTable, from_day: int, until_day: int) -> CandleTable:
    bars = (series.open_ms - series.open_ms[0]) // HOUR.ms
    kept = (bars < 24 * from_day) | (bars >= 24 * until_day)
    return CandleTable(series.open_ms[kept], np.ascontiguousarray(series.candles[kept]))


@pytest.fixture(scope="module")
def published() -> Meta:
    """Of a model as it is asked for, trained at 0."""
    model = tiny_model("A", window_bars=16)
    model = replace(model, trained_ms=0, spec=replace(model.spec, timeframe="1h"))
    return meta_from(artifact_files(model)[META], META)


@pytest.mark.parametrize(
    ("changed", "action", "reason"),
    [
        ({"now_ms": 30 * DAY_MS}, Action.KEEP, " is 30.0 days old and as asked for"),
        ({"now_ms": 30 * DAY_MS + 1}, Action.TRAIN, "its model is 30.0 days old, more than 30"),
        ({"force": True}, Action.TRAIN, "asked for with --force 1"),
        (
            {"family": FamilyChoice(DEFAULT, "small")},
            Action.TRAIN,
            "its model was made with other size than asked for",
        ),
    ],
)
def test_a_model_is_kept_while_it_is_young_and_as_asked_for(
    published: Meta, changed: dict[str, object], action: Action, reason: str
) -> None:
    found = one(Coin("A", WHOLE), published, **changed)
    assert found.action is action
    assert found.reason.endswith(reason)


@pytest.mark.parametrize(
    ("found", "action", "reason"),
    [
        (Coin("A", WHOLE), Action.TRAIN, "new: it has no model"),
        (Coin("A", candles(60, 0)), Action.SKIP, "it has 1440 candles and about "),
        (
            Coin("A", without(candles(170, 0), 116, 129)),
            Action.SKIP,
            "of the 240 candles of the validation from",
        ),
        (BadCandles("3 x not_finite"), Action.FAIL, "3 x not_finite"),
        (NotEnoughData("it has no candles"), Action.SKIP, "it has no candles"),
    ],
)
def test_a_coin_without_a_model(found: Coin | CryptoBotError, action: Action, reason: str) -> None:
    chosen = one(found)
    assert chosen.action is action
    assert chosen.reason.startswith(reason)


def test_candles_that_end_early_are_named() -> None:
    found = {"A": Coin("A", without(WHOLE, 137, 140)), "B": Coin("B", WHOLE)}
    early, whole = choices(found, {}, WANTED)
    assert (early.action, whole.action) == (Action.SKIP, Action.TRAIN)
    assert "end 3.0 days before those of other coins" in early.reason


def test_the_pool_learns_from_coins_too_young_for_a_model_of_their_own() -> None:
    still = CandleTable(WHOLE.open_ms, np.full_like(WHOLE.candles, 5.0))
    found: dict[str, Coin | CryptoBotError] = {
        "A": Coin("A", WHOLE),
        "B": Coin("B", candles(60, 1)),
        "C": Coin("C", still),
        "D": BadCandles("not true"),
    }
    assert [coin.symbol for coin in teachers(found, QUESTION)] == ["A", "B"]
    held = choices(found, {}, WANTED)
    assert counted(held) == "1 train, 2 skip, 1 fail"
