"""The log of which models answer: one line for whatever changed."""

from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from crypto_bot.domain.errors import ModelIncompatible, ModelMissing, ModelStale, SignalUnavailable
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.models.artifact import PublishedModel, folder_of, load, publish
from crypto_bot.serving.model_states import ModelStates
from tests.models.made_models import DATA_ENDS_MS, tiny_model

COINS = ("BTCUSDT", "ETHUSDT", "NEWUSDT")


def lines(states: ModelStates, **found: PublishedModel | SignalUnavailable) -> list[Any]:
    """The events that follow from what was found: name, coins and reason."""
    with capture_logs() as logs:
        states.seen(found)
    return [(each["event"], each["symbols"], each.get("reason")) for each in logs]


def stale(days: int) -> ModelStale:
    return ModelStale("pool:x", DATA_ENDS_MS, days * DAY_MS, 45 * DAY_MS)


def test_the_coins_of_a_start_are_one_line_and_a_change_is_another(tmp_path: Path) -> None:
    publish(tiny_model("BTCUSDT"), tmp_path)
    model = load(folder_of(tmp_path, "BTCUSDT", "15m").resolve(), "BTCUSDT", "15m")
    states = ModelStates(COINS)
    assert lines(states, BTCUSDT=model) == [], "the others have not been asked yet"
    missing = ModelMissing("no model")
    assert lines(states, ETHUSDT=model, NEWUSDT=missing) == [
        ("model.loaded", ["BTCUSDT", "ETHUSDT"], None)
    ]
    broken = ModelIncompatible("a hash differs")
    expected = [("model.refused", ["BTCUSDT", "ETHUSDT"], "a hash differs")]
    assert lines(states, BTCUSDT=broken, ETHUSDT=broken) == expected
    assert lines(states, BTCUSDT=broken, ETHUSDT=broken) == []
    assert lines(states, BTCUSDT=model) == [("model.loaded", ["BTCUSDT"], None)]


def test_a_stale_model_is_no_news_again_while_it_ages() -> None:
    states = ModelStates(COINS)
    (line,) = lines(states, **dict.fromkeys(COINS, stale(46)))
    assert line[:2] == ("model.refused", sorted(COINS))
    assert lines(states, **dict.fromkeys(COINS, stale(47))) == []


def test_what_is_known_is_logged_when_a_round_ends() -> None:
    states = ModelStates(COINS)
    assert lines(states, BTCUSDT=stale(46)) == []
    with capture_logs() as logs:
        states.flush()
        states.flush()
    assert [each["symbols"] for each in logs] == [["BTCUSDT"]]
