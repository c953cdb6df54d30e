"""What is new costs one file and one registration: here is one toy of each kind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.series.registered import SERIES
from crypto_bot.app.market_data import open_series
from crypto_bot.app.settings import load
from crypto_bot.app.training.candles import training_candles
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError
from crypto_bot.features.sets import FEATURE_SETS, feature_set
from crypto_bot.serving.feature_windows import FeatureWindows
from crypto_bot.training.panel import build_panel
from tests.app.made_candles import market, write
from tests.training.made_market import HOUR, QUESTION


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature set and a data series, registered for one test."""
    for registry in (FEATURE_SETS, SERIES):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    FEATURE_SETS.register("funded", "tests.features.funded:FUNDED")
    SERIES.register("made_funding", "tests.market_data.made_funding:open_made_funding")


@pytest.mark.usefixtures("registered")
def test_a_feature_set_and_a_data_series(tmp_path: Path) -> None:
    """The same rows in the panel of a training run and in the windows of the engine."""
    features = feature_set("funded")
    write(tmp_path / "SOLUSDT.parquet", market())
    settings = load({"tf": "1h", "series_dir": tmp_path})
    held = training_candles(tmp_path, settings, None, features.series)
    coin = held.read("SOLUSDT")
    panel = build_panel([coin], None, replace(QUESTION, features=features))
    funding, known = (panel.features[:, features.columns.index(c)] for c in features.columns[2:])
    assert 0.6 < known.mean() < 0.8  # eight or nine hours of twelve
    assert np.array_equal(funding > 0.0, known == 1.0)

    table = coin.table
    candles = [Candle(int(at), *row) for at, row in zip(table.open_ms, table.candles, strict=True)]
    windows = FeatureWindows(
        *(features, HOUR, ("SOLUSDT",), 16),
        lambda _, since, until: [c for c in candles if since <= c.open_ms <= until],
        series=open_series(settings),
    )
    for at in (500, 505, 511):
        windows.follow("SOLUSDT", candles[at].open_ms, candles[at].open_ms)
        window = windows.window("SOLUSDT", 16)
        assert window is not None
        assert window.rows.tobytes() == panel.features[at - 15 : at + 1].tobytes()
        assert windows.masked("SOLUSDT", 16) == features.optional


@pytest.mark.usefixtures("registered")
def test_a_series_that_is_wanted_must_be_there(tmp_path: Path) -> None:
    wanted = feature_set("funded").series
    write(tmp_path / "SOLUSDT.parquet", market())
    with pytest.raises(ConfigError, match="the features read made_funding: set series_dir"):
        training_candles(tmp_path, load({"tf": "1h"}), None, wanted)
    with pytest.raises(ConfigError, match=r"series_dir: \S+ is no folder"):
        open_series(load({"series_dir": "/nowhere"}))
