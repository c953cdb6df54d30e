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


def test_a_coin_without_a_model_is_new() -> None:
    assert one(Coin("A", WHOLE)) == Choice("A", Action.TRAIN, "new: it has no model", 140 * 24)


def test_a_young_model_as_asked_for_is_kept_until_it_is_old(published: Meta) -> None:
    coin = Coin("A", WHOLE)
    assert one(coin, published, now_ms=30 * DAY_MS).action is Action.KEEP
    old = one(coin, published, now_ms=30 * DAY_MS + 1)
    assert (old.action, old.reason) == (
        Action.TRAIN,
        "its model is 30.0 days old, more than 30",
    )
    assert one(coin, published, force=True).reason == "asked for with --force 1"


def test_a_model_of_other_make_is_trained_anew(published: Meta) -> None:
    found = one(Coin("A", WHOLE), published, family=FamilyChoice(DEFAULT, "small"))
    assert (found.action, found.reason) == (
        Action.TRAIN,
        "its model was made with other size than asked for",
    )


def test_too_few_candles_are_counted() -> None:
    found = one(Coin("A", candles(60, 0)))
    assert found.action is Action.SKIP
    assert found.reason.startswith("it has 1440 candles and about ")


def test_candles_that_end_early_are_named() -> None:
    found = {"A": Coin("A", without(WHOLE, 137, 140)), "B": Coin("B", WHOLE)}
    early, whole = choices(found, {}, WANTED)
    assert (early.action, whole.action) == (Action.SKIP, Action.TRAIN)
    assert "end 3.0 days before those of other coins" in early.reason


def test_a_gap_over_a_validation_is_named() -> None:
    found = one(Coin("A", without(candles(170, 0), 116, 129)))
    assert found.action is Action.SKIP
    assert "of the 240 candles of the validation from" in found.reason


def test_what_cannot_be_read_fails_and_what_is_not_there_is_skipped() -> None:
    assert one(BadCandles("3 x not_finite")).action is Action.FAIL
    assert one(NotEnoughData("it has no candles")).action is Action.SKIP


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
