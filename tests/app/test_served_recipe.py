"""The engine serves the models of a recipe, whatever the classes of its label."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import starmap
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.flags import run_settings
from crypto_bot.app.outlook_settings import OutlookSettings
from crypto_bot.app.settings import Settings
from crypto_bot.app.wiring import build_catch_up, build_core
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.outcome import side_of
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.catch_up import CatchUp
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.models.artifact import publish
from crypto_bot.models.families.registered import FAMILIES
from simulated_exchange.generated import GeneratedMarket
from tests.models.made_models import tiny_model
from tests.models.shares_family import Shares

HOUR = Timeframe.parse("1h")
START_MS = 1_760_000_400_000 // HOUR.ms * HOUR.ms
BARS = 12
TOY = """
name = "toy"
title = "A toy"
timeframe = "1h"
features = "per_coin_v1"
window_bars = 8
serves = "logistic"
source = "MTF_ENSEMBLE"

[[outputs]]
horizon = "{horizon}"
label = "{label}"
split = {{ kind = "shares" }}

[[families]]
name = "logistic"
"""
LOW_HALF = {"four_4h": (0.5, 0.4, 0.06, 0.04), "next_bar": (0.95, 0.05)}
"""P of each class where a column is below its median; above it they are turned round."""


@pytest.mark.parametrize("outlook", [False, True])
def test_the_first_start_brings_what_the_longest_window_reads(
    tmp_path: Path, *, outlook: bool
) -> None:
    path = tmp_path / "toy.toml"
    text = TOY.format(horizon="4h", label="four_4h")
    path.write_text(text.replace("window_bars = 8", "window_bars = 700"))
    kept = OutlookSettings(recipe=str(path)) if outlook else OutlookSettings()
    recipe = "per_coin" if outlook else str(path)
    settings = Settings(tf="1h", models_dir=tmp_path, recipe=recipe, outlook=kept)
    with closing(Database.open("sqlite://", settings.engine_key)) as database:
        archive = SqlCandleArchive(database, HOUR)
        store = SqlPredictionStore(database, HOUR)
        core = build_core(
            *(settings, ["BTCUSDT"], ReplayClock(), store), archive=archive, outlook=outlook
        )
    warm_up = feature_set("per_coin_v1").warm_up_bars(HOUR)
    assert core.views.history_bars >= warm_up + 700


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family of probabilities that a test can choose."""
    monkeypatch.setattr(FAMILIES, "_entries", dict(FAMILIES._entries))
    FAMILIES.register("shares", "tests.models.shares_family:SharesFamily")


def recipe_file(folder: Path, label: str) -> Path:
    path = folder / "toy.toml"
    path.write_text(TOY.format(horizon=LABELS.get(label).horizon, label=label))
    return path


def publish_for(label: str, root: Path) -> None:
    made = tiny_model("BTCUSDT", data_ends_ms=START_MS - 30 * HOUR.ms)
    p = LOW_HALF[label]
    spec = replace(
        made.spec,
        family="shares",
        timeframe="1h",
        label=LABELS.get(label),
        reads={"side": made.spec.columns[:1]},
    )
    weights = Shares(1, 0.0, np.array([p, p[::-1]])).files()
    publish(replace(made, spec=spec, files=weights), root)


def rounds(settings: Settings, database: Database) -> CatchUp:
    """An engine on the hours up to `START_MS` and `BARS` after it."""
    market = GeneratedMarket(["BTCUSDT"], HOUR.ms, seed=3)
    span_ms = START_MS - 4_000 * HOUR.ms, START_MS + BARS * HOUR.ms
    candles = list(starmap(Candle, market.candles("BTCUSDT", *span_ms)))

    class Feed:
        def halted(self, symbol: str) -> str | None:
            return None

        async def price(self, symbol: str) -> float:
            raise ExchangeUnavailable(symbol)

        async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
            return [each for each in candles if since_ms <= each.open_ms <= until_ms]

    clock = ReplayClock()
    clock.set(START_MS + (BARS + 1) * HOUR.ms)
    return build_catch_up(settings, ("BTCUSDT",), clock, database, feed=Feed(), timer=lambda: 0.0)


@pytest.mark.usefixtures("shares")
@pytest.mark.parametrize("label", LOW_HALF)
async def test_a_model_of_other_classes_calls_sides_and_is_settled(
    tmp_path: Path, label: str
) -> None:
    spec = LABELS.get(label)
    publish_for(label, tmp_path / "models" / "recipes" / "toy" / str(spec.horizon))
    words = [
        "--recipe",
        str(recipe_file(tmp_path, label)),
        "--models_dir",
        str(tmp_path / "models"),
    ]
    settings = run_settings([*words, "--device", "cpu"])
    assert settings.tf == "1h"
    settings = settings.model_copy(
        update={"engine": settings.engine.model_copy(update={"record_bars": 1})}
    )
    database = Database.open("sqlite://")
    for bar in (0, BARS - 5, BARS):  # each after a restart
        catch_up = rounds(settings, database)
        catch_up.recover(START_MS + bar * HOUR.ms)
        assert not (await catch_up.to(START_MS + bar * HOUR.ms)).owed
    lines = SqlPredictionQueries(database, HOUR).log_page(LogFilter(), None, 100)
    database.close()
    assert len(lines) == BARS + 1
    for stored, outcome in lines:
        signal = stored.signal
        assert (signal.source, signal.label) == (Source.MTF_ENSEMBLE, spec)
        assert signal.probabilities.no_trade == 0.0
        assert sum(signal.probabilities) == pytest.approx(1.0)
        likely = Pred.LONG if signal.probabilities.long > 0.5 else Pred.SHORT
        assert signal.pred in {likely, Pred.NO_TRADE}
        if signal.candle_open_ms + spec.horizon.ms(HOUR) <= START_MS + BARS * HOUR.ms:
            assert outcome is not None
            assert outcome.label in spec.classes
            assert outcome.correct is (side_of(spec, outcome.label) is signal.pred)
    assert {line.stored.signal.pred for line in lines} >= {Pred.LONG, Pred.SHORT}


def test_what_an_engine_cannot_serve_is_one_line(tmp_path: Path) -> None:
    path = recipe_file(tmp_path, "four_4h")
    with pytest.raises(ConfigError, match="recipe toy reads 1h candles, the engine 15m: use --tf"):
        run_settings(["--recipe", str(path), "--tf", "15m"])
    text = path.read_text()
    output = text[text.index("[[outputs]]") : text.index("[[families]]")]
    other = output.replace("4h", "1b", 1).replace("four_4h", "next_bar")
    path.write_text(text.replace(output, output + other))
    with pytest.raises(ConfigError, match=r"recipe toy answers for 4h, 1b, an engine for one"):
        run_settings(["--recipe", str(path)])
    path.write_text(text.replace("MTF_ENSEMBLE", "MINE"))
    with pytest.raises(ConfigError, match="source = 'MINE': an engine's models are ML_PER_COIN"):
        run_settings(["--recipe", str(path)])
    with pytest.raises(ConfigError, match="unknown recipe 'nothing'"):
        run_settings(["--recipe", "nothing"])
