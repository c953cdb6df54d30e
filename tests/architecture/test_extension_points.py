"""What is new costs one file and one registration: here is one toy of each kind."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.series.registered import SERIES
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.commands.export import export
from crypto_bot.app.market_data import open_series
from crypto_bot.app.settings import load
from crypto_bot.app.training.candles import training_candles
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError, SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call
from crypto_bot.features.sets import FEATURE_SETS, feature_set
from crypto_bot.labels.labels import label as label_history
from crypto_bot.labels.registered import LABELS, RULES, class_after, register
from crypto_bot.models import versions
from crypto_bot.models.artifact import PublishedModel, folder_of
from crypto_bot.models.artifact import load as load_model
from crypto_bot.models.families.registered import FAMILIES, FamilyChoice
from crypto_bot.models.registry import ServingPolicy
from crypto_bot.models.verdict import Verdict
from crypto_bot.reports.log_export import LOG_FORMATS
from crypto_bot.serving.feature_windows import FeatureWindows
from crypto_bot.serving.model_caller import ModelCaller
from crypto_bot.serving.prediction_service import PredictionService, Window
from crypto_bot.training.panel import Coin, build_panel
from crypto_bot.training.plan import TrainingPlan
from tests.app.made_candles import market, write
from tests.contracts.made_calls import M15, outcome, stored
from tests.labels.excursion import EXCURSION, excursion_atr
from tests.training.made_market import HOUR, QUESTION, SPLITS
from tests.training.made_market import candles as made_candles
from tests.training.made_runs import trained


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature set, a data series, a family, a label and an exporter, for one test."""
    for registry in (FEATURE_SETS, SERIES, FAMILIES, LABELS, RULES, LOG_FORMATS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    FEATURE_SETS.register("funded", "tests.features.funded:FUNDED")
    SERIES.register("made_funding", "tests.market_data.made_funding:open_made_funding")
    FAMILIES.register("shares", "tests.models.shares_family:SharesFamily")
    register(EXCURSION, excursion_atr)
    LOG_FORMATS.register("jsonl", "tests.reports.json_lines:JSON_LINES")


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


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("label", ["A", "excursion", "four_4h_50bp", "next_bar"])
def test_a_family_and_a_label(tmp_path: Path, label: str) -> None:
    """From candles to a published model that answers, whatever the classes of the label."""
    spec = LABELS.get(label)
    question = replace(QUESTION, label=spec)
    coins = [Coin(f"COIN{number}", made_candles(140, number)) for number in range(2)]
    splits = replace(SPLITS, validation_days=25)
    plan = TrainingPlan(("COIN0",), FamilyChoice("shares"), splits=splits)
    trained(coins, plan, tmp_path, question)

    at = versions.current(folder_of(tmp_path / "models", "COIN0", "1h"))
    assert at is not None
    model = load_model(at, "COIN0", "1h")
    assert (model.spec.family, model.spec.label) == ("shares", spec)
    panel = build_panel(coins[:1], None, question)
    end = int(np.flatnonzero(panel.ready)[-1])
    service = PredictionService("cpu", HOUR.ms)
    service.serve({"COIN0": model})
    window = Window(int(panel.open_ms[end]), panel.features[end - 15 : end + 1])
    predicted = service.predict_symbol("COIN0", window)
    raw = model.model.predict_proba(panel.features, np.array([end]))
    assert predicted.probabilities == pytest.approx(
        model.calibration.probabilities(raw, spec)[0].tolist(), abs=1e-9
    )
    assert len(predicted.probabilities) == len(spec.classes)
    assert (predicted.score is None) == (spec.direction is None)
    called = _called(model, coins[0])
    if spec.direction is None:  # nothing says which way: it is never traded, and others answer
        assert model.meta.verdict is not Verdict.ACTIVE
        assert isinstance(called, SignalUnavailable)
        assert str(called) == f"{model.name} predicts label excursion, which has no direction"
    else:
        assert isinstance(called, Call)
        assert called.distribution is not None
        sides = [sum(predicted.probabilities[k] for k in classes) for classes in spec.direction]
        assert called.distribution.probabilities == pytest.approx(sides, abs=1e-9)


def _called(model: PublishedModel, coin: Coin) -> Call | SignalUnavailable:
    """What the source of models answers at the newest close of `coin`."""
    table = coin.table
    rows = [Candle(int(at), *row) for at, row in zip(table.open_ms, table.candles, strict=True)]
    database = Database.open("sqlite://")
    archive = SqlCandleArchive(database, HOUR)
    archive.add({coin.symbol: rows})
    caller = ModelCaller(
        symbols=(coin.symbol,),
        timeframe=HOUR,
        archive=archive,
        log=None,
        device="cpu",
        cost_bps=10.0,
        policy=ServingPolicy(max_age_ms=HOUR.ms, pool_max_age_ms=HOUR.ms),
    )
    last, atr = rows[-1], 0.01 * rows[-1].close
    view = MarketView(coin.symbol, last.open_ms, 16, last.close, atr, 50.0, last.close, 0.0)
    called = caller.calls([view], {coin.symbol: model}, {})[coin.symbol]
    database.close()
    return called


@pytest.mark.usefixtures("registered")
def test_an_exporter_of_the_prediction_log(tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "log.jsonl"
    database = Database.open(url)
    calls = [stored(bar=bar) for bar in range(3)]
    SqlPredictionStore(database, M15).commit(calls, [outcome(calls[0])])
    database.close()
    assert export(["--database_url", url, str(path)]) == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == [each.signal.id for each in reversed(calls)]
    assert [line["correct"] for line in lines] == [None, None, True]
    with pytest.raises(ConfigError, match=r"must end in \.csv or \.parquet or \.jsonl, or be -"):
        export(["--database_url", url, "log.xml"])


@pytest.mark.usefixtures("registered")
def test_a_label_settles_what_it_was_learned_from() -> None:
    table = made_candles(20, 0)
    spec = LABELS.get("excursion")
    found = label_history(spec, HOUR, table.open_ms, table.candles)
    rows = [Candle(int(at), *row) for at, row in zip(table.open_ms, table.candles, strict=True)]
    bars = spec.horizon.bars(HOUR)
    classes = set[str]()
    for at in np.flatnonzero(found.label >= 0):
        atr = found.atr_bps[at] * rows[at].close / 1e4
        classes.add(class_after(spec, atr, rows[at + 1 : at + 1 + bars]))
        assert class_after(spec, atr, rows[at + 1 : at + 1 + bars]) == spec.classes[found.label[at]]
    assert len(classes) > 2
