"""Daily answers: made once a day, settled after their horizon, the same after any restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.commit_history import SqlCommitHistory
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web import EventStream, Metrics, create_app
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.page import coin
from crypto_bot.app.commands.export import export
from crypto_bot.app.commands.review import review
from crypto_bot.app.outlook import OutlookEngine, outlook_engine, outlook_engines
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.wiring import build_catch_up, model_catalog
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.catch_up import CatchUp
from crypto_bot.engine.health import Health, HealthReport, assess
from crypto_bot.labels.registered import LABELS, class_after
from crypto_bot.ports import Commit, OutlookLog
from tests.adapters.web.page.made_figures import board_of
from tests.adapters.web.page.pages import markup, shown
from tests.adapters.web.sockets import client
from tests.app.made_outlook import DAY, RECIPE, START_MS, DailyFeed, publish_daily

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
DAY_MS = DAY.ms
M15 = Timeframe.parse("15m")


class World:
    """One database, on which the engine of a horizon is restarted every fourth day."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'engine.db'}"
        self.settings: Settings = load(
            {
                "device": "cpu",
                "models_dir": folder / "models",
                "database_url": self.url,
                "outlook": {"recipe": str(RECIPE)},
            }
        )
        self.clock = ReplayClock()
        self.feed = DailyFeed(SYMBOLS, self.clock)
        self.database = Database.open(self.url)
        self.commits: list[Commit] = []
        self._running: dict[str, CatchUp] = {}

    def engine(self, horizon: str) -> OutlookEngine:
        return outlook_engine(self.settings, horizon)

    def log(self, horizon: str) -> OutlookLog:
        engine = self.engine(horizon)
        catalog = model_catalog(
            engine.registry, SYMBOLS, lambda: DAY.last_closed(self.clock.now_ms())
        )
        queries = SqlPredictionQueries(self.database.of(engine.key), DAY)
        return OutlookLog(horizon, DAY, queries, catalog, engine.training)

    async def day(self, number: int, horizon: str) -> None:
        """A round a minute after the close of that day."""
        until_ms = START_MS + number * DAY_MS
        self.clock.set(DAY.close_of(until_ms) + 60_000)
        if number % 4 == 0:
            self._running[horizon] = self._started(horizon)
            self._running[horizon].recover(until_ms)
        assert not (await self._running[horizon].to(until_ms)).owed

    def _started(self, horizon: str) -> CatchUp:
        engine = self.engine(horizon)
        return build_catch_up(
            *(engine.settings, SYMBOLS, self.clock, self.database.of(engine.key)),
            feed=self.feed,
            timer=lambda: 0.0,
            observe=self.commits.append,
            outlook=True,
        )

    def api(self) -> Any:
        """The engine's API; its own signals are those of 15 minutes, of which there are none."""

        def health() -> HealthReport:
            return assess(Health(started_ms=START_MS), START_MS, M15, 60_000)

        logs = [self.log(each.horizon) for each in outlook_engines(self.settings)]
        return client(
            create_app(
                queries=SqlPredictionQueries(self.database, M15),
                catalog=model_catalog(None, SYMBOLS, self.clock.now_ms),
                coverage=Coverage(SYMBOLS, M15, {each.horizon: each for each in logs}),
                health=health,
                metrics=Metrics(health),
                stream=EventStream(),
                now_ms=self.clock.now_ms,
                host="127.0.0.1",
            )
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.database.close()


async def test_answers_are_made_settled_and_shown(
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for seed, symbol in enumerate(SYMBOLS[:2]):
        publish_daily(world.settings, "7d", symbol, seed)
    publish_daily(world.settings, "14d", "BTCUSDT", seed=5)
    for number in range(10):
        await world.day(number, "7d")
        await world.day(number, "14d")

    lines = world.log("7d").queries.log_page(LogFilter(), None, 1000)
    assert len(lines) == 10 * len(SYMBOLS)
    for stored, outcome in lines:
        signal = stored.signal
        day = (signal.candle_open_ms - START_MS) // DAY_MS
        assert (signal.tf, stored.late, signal.engine) == (
            "1d",
            False,
            "binance-spot.made_daily-7d",
        )
        assert signal.horizon_bars == 7
        if signal.symbol == "SOLUSDT":
            assert signal.source is Source.HOLD
            assert "no model of SOLUSDT 1d" in signal.declined[0].reason
            continue
        assert (signal.source, signal.horizon) == (Source.DAILY_OUTLOOK, "7d")
        assert signal.pred is max(Pred, key=signal.probabilities.of)
        if day > 2:
            assert outcome is None
            continue
        assert outcome is not None
        assert outcome.settled_ms == signal.candle_open_ms + 8 * DAY_MS
        after = [c for c in world.feed.truth[signal.symbol] if c.open_ms > signal.candle_open_ms]
        assert outcome.label == class_after(LABELS.get("move_7d"), 1.0, after[:7])
    other = world.log("14d").queries.log_page(LogFilter("BTCUSDT"), None, 1000)
    assert [line.stored.signal.horizon for line in other] == ["14d"] * 10
    assert len(SqlCandleArchive(world.database, DAY).read("BTCUSDT", 0, 2**60)) > 100

    async with world.api() as api:
        await _check_api(api)
    await _check_stream(world)
    await _check_page(world)
    monkeypatch.setenv("CRYPTO_BOT_OUTLOOK__RECIPE", str(RECIPE))
    assert review(["--database_url", world.url, "--horizon", "7d", *_models(world)]) == 0
    assert "DAILY_OUTLOOK" in capsys.readouterr().out
    path = tmp_path / "log.csv"
    assert export(["--database_url", world.url, "--horizon", "14d", str(path)]) == 0
    assert path.read_text().count(",DAILY_OUTLOOK,") == 10


async def _check_api(api: httpx.AsyncClient) -> None:
    lines = (await api.get("/api/signals", params={"horizon": "7d", "limit": 100})).json()
    newest = next(each for each in lines["signals"] if each["symbol"] == "BTCUSDT")
    answer = await api.post("/predict", json={"asset_symbol": "BTC", "timeframe": "7d"})
    assert answer.status_code == 200
    body = answer.json()
    assert (
        body["prediction"]
        == {"SHORT": "bearish", "NO_TRADE": "neutral", "LONG": "bullish"}[newest["pred"]]
    )
    assert body["confidence"] == pytest.approx(100 * newest["confidence"], abs=0.01)
    assert sum(body["probabilities"].values()) == pytest.approx(100, abs=0.02)
    assert (body["as_of"], body["age_s"]) == ("2025-12-11T00:00:00.000Z", 60.0)
    body = (await api.get("/api/performance", params={"horizon": "7d"})).json()
    assert body["by_source"]["DAILY_OUTLOOK"]["n"] == 6
    body = (await api.get("/api/models", params={"horizon": "14d"})).json()
    assert body["models"]["BTCUSDT"]["model"]["verdict"] == "WARMUP"
    assert (await api.get("/api/candles/BTCUSDT?tf=1d")).json()["count"] > 100
    for call, status, words in (
        ({"asset_symbol": "FOO", "timeframe": "7d"}, 404, "unknown asset 'FOO'"),
        ({"asset_symbol": "BTC", "timeframe": "8d"}, 422, "use one of 1m, 5m, 15m, 1h, 4h, 1d, 7d"),
        ({"asset_symbol": "BTC", "timeframe": "30d"}, 404, "train all --recipe /"),
        ({"asset_symbol": "SOL", "timeframe": "7d"}, 404, "no model of SOLUSDT 1d has been"),
    ):
        answer = await api.post("/predict", json=call)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    answer = await api.get("/api/signals", params={"source": "DAILY_OUTLOOK"})
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "name the horizon of the DAILY_OUTLOOK, such as horizon=7d",
    )
    answer = await api.get("/api/performance", params={"horizon": "8d"})
    assert (answer.status_code, "7d, 14d, 30d" in answer.json()["detail"]) == (404, True)


async def _check_stream(world: World) -> None:
    """A client that missed everything gets the commits of all engines in their order."""
    keys = [(each.key, DAY) for each in outlook_engines(world.settings)]
    history = SqlCommitHistory(world.database, M15, keys)
    again = history.commits(0, history.newest(), 1000)
    assert again == [each for each in world.commits if each.signals or each.outcomes]


async def test_an_answer_is_kept_for_five_minutes_and_grows_older(world: World) -> None:
    publish_daily(world.settings, "7d", None)
    await world.day(0, "7d")
    call = {"asset_symbol": "ETH", "timeframe": "7d"}
    async with world.api() as api:
        first = (await api.post("/predict", json=call)).json()
        at_ms = world.clock.now_ms()
        await world.day(1, "7d")
        for later_ms, as_of in ((299_000, "2025-12-02"), (300_000, "2025-12-03")):
            world.clock.set(at_ms + later_ms)
            answer = (await api.post("/predict", json=call)).json()
            assert answer["as_of"].startswith(as_of)
            if answer["as_of"] == first["as_of"]:
                assert answer == first | {"age_s": first["age_s"] + 299.0}


async def _check_page(world: World) -> None:
    """The horizons that have models, and nothing of the third."""
    logs = [world.log(each.horizon) for each in outlook_engines(world.settings)]
    board = board_of(world.database, world.clock.now_ms(), symbols=SYMBOLS, outlook=logs)
    async with shown(board, coin.build, symbol="BTC") as user:
        text = markup(user)
        assert text.count('class="horizon"') == 2
        assert ("7 days" in text, "14 days" in text) == (True, True)
        assert text.count("1 min old") == 2
        assert "n 1 (3 calls)" in text, "in a row, so they are one decision"


def test_without_models_there_is_no_outlook() -> None:
    assert [each.horizon for each in outlook_engines(load({}))] == ["7d", "14d", "30d"]
    assert outlook_engines(load({"use_ml": False})) == ()
    off = load({"outlook": {"enabled": False}})
    assert outlook_engines(off) == ()
    with pytest.raises(ConfigError, match=r"the outlook is off: set use_ml = 1"):
        outlook_engine(off, "7d")
    with pytest.raises(ConfigError, match="no outlook for '8d': use one of 7d, 14d, 30d"):
        outlook_engine(load({"outlook": {"recipe": str(RECIPE)}}), "8d")
    with pytest.raises(ConfigError, match=r"outlook\.recipe: recipe per_coin has no timeframe"):
        outlook_engines(load({"outlook": {"recipe": "per_coin"}}))


def _models(world: World) -> list[str]:
    return ["--models_dir", str(world.settings.models_dir)]
