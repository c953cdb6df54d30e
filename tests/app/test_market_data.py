"""Inputs and the program: whatever a provider does, training and engine go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.series.registered import FETCHED, OPTIONAL, SCHEDULE
from crypto_bot.app.input_refresh import InputRefresh
from crypto_bot.app.market_data import fetch_series, open_series, read_daily_candles
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.training.candles import training_candles
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.market_data.observations import SeriesColumn
from crypto_bot.serving.feature_windows import FeatureWindows
from crypto_bot.training.panel import build_panel
from tests.adapters.series.providers import DAY_S, FIRST_S, KEY, Providers, Reply, as_json, served
from tests.app.made_candles import market, write
from tests.features.funded import FUNDED
from tests.training.made_market import HOUR, QUESTION

READS_SOPR = replace(FUNDED, name="reads_sopr", series=(SeriesColumn("sopr", 2 * DAY_MS),))
SYMBOL = "ETHUSDT"  # the leading coin is another
LIE = as_json([{"t": FIRST_S, "v": -1.0}, {"t": FIRST_S + 10**9, "v": 1.0}])


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    monkeypatch.setenv("GLASSNODE_API_KEY", KEY)
    monkeypatch.delenv("CRYPTOCOMPARE_API_KEY", raising=False)
    with served() as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, providers: Providers) -> Settings:
    """With hourly candles in `candles`, of days that the provider has."""
    table = market(days=60)
    table[:, 0] += FIRST_S * 1000 - table[0, 0]
    (tmp_path / "candles").mkdir()
    write(tmp_path / "candles" / f"{SYMBOL}.parquet", table)
    providers.now_s = FIRST_S + 40 * DAY_S
    urls = {f"{name}_url": providers.url for name in ("glassnode", "cryptocompare", "lunarcrush")}
    return load({"tf": "1h", "inputs": {"folder": tmp_path / "inputs", "timeout_s": 0.3, **urls}})


def hangs(providers: Providers) -> None:
    providers.answer = lambda _: (200, {"content-length": "9"}, [b"", b""])


def lies(providers: Providers) -> None:
    providers.answer = lambda _: LIE


def answers(_: Providers) -> None:
    """As it is documented."""


@pytest.fixture(
    params=[
        (KEY, answers, None),
        ("", answers, "no key"),
        ("wrong", answers, "the key is refused"),
        (KEY, hangs, "no reply"),
        (KEY, lies, "values that cannot be"),
    ],
    ids=lambda param: str(param[2]),
)
def state(
    providers: Providers, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> str | None:
    """What is wrong with the provider, in the words of the log."""
    key, does, state = request.param
    monkeypatch.setenv("GLASSNODE_API_KEY", key)
    does(providers)
    return cast("str | None", state)


def test_training_and_engine_go_on(tmp_path: Path, settings: Settings, state: str | None) -> None:
    """With one line, the columns masked, and the same rows in training and in the engine."""
    with capture_logs() as lines:
        for _ in range(3):  # as a recipe of three outputs does
            fetch_series(settings, [SYMBOL], ["sopr"])
        held = training_candles(tmp_path / "candles", settings, None, READS_SOPR.series)
        coin = held.read(SYMBOL)
    assert [line.get("state") for line in lines] == [state]
    panel = build_panel([coin], None, replace(QUESTION, features=READS_SOPR))
    value, known = panel.features[:, 2], panel.features[:, 3]
    assert panel.ready.mean() > 0.9
    if state is None:
        assert 0.6 < known.mean() < 0.7  # of the 60 days 40, and not the first
        assert value[known == 1.0].min() > 1.0
    else:
        assert not known.any()
        assert not value.any()

    table = coin.table
    candles = [Candle(int(at), *row) for at, row in zip(table.open_ms, table.candles, strict=True)]
    windows = FeatureWindows(
        *(READS_SOPR, HOUR, (SYMBOL,), 16),
        lambda _, since, until: [c for c in candles if since <= c.open_ms <= until],
        series=open_series(settings),
    )
    for at in (300, 700, 1_300):
        windows.follow(SYMBOL, candles[at].open_ms, candles[at].open_ms)
        window = windows.window(SYMBOL, 16)
        assert window is not None
        assert window.rows.tobytes() == panel.features[at - 15 : at + 1].tobytes()


def test_the_refresh_beside_the_engine(settings: Settings, providers: Providers) -> None:
    def fetched() -> bool:
        return bool(open_series(settings)["sopr"].read(SYMBOL, 0, 10**13))

    clock = SystemClock()
    refresh = InputRefresh(settings, [SYMBOL], lambda: {"sopr", "open_interest"}, clock)
    refresh.start()
    refresh.first_round(60.0)
    refresh.stop()
    assert fetched()
    assert {path.rsplit("/", 1)[1] for path in providers.paths()} == {"sopr"}


def test_a_server_that_hangs_holds_nothing_up(settings: Settings, providers: Providers) -> None:
    asked = threading.Event()

    def answer(_: str) -> Reply:
        asked.set()
        return 200, {"content-length": "9"}, [b"", b""]

    providers.answer = answer
    slow = settings.model_copy(
        update={"inputs": settings.inputs.model_copy(update={"timeout_s": 600.0})}
    )
    refresh = InputRefresh(slow, [SYMBOL], lambda: {"sopr"}, SystemClock())
    began = time.monotonic()
    refresh.start()
    assert asked.wait(600.0)
    refresh.first_round(0.05)
    refresh.stop()
    assert time.monotonic() - began < 600.0
    assert refresh._thread.daemon, "the end of the program does not wait for it"


def test_the_simulated_market_has_no_real_series(settings: Settings, providers: Providers) -> None:
    fetch_series(settings, [SYMBOL], ["sopr"])
    assert set(open_series(settings)) == {*FETCHED.names(), *SCHEDULE}
    providers.asked.clear()
    exchange = settings.exchange.model_copy(update={"id": "sim"})
    simulated = settings.model_copy(update={"exchange": exchange})
    assert set(open_series(simulated)) == set(SCHEDULE)
    fetch_series(simulated, ["BTCUSDT"], ["sopr"])
    refresh = InputRefresh(simulated, ["BTCUSDT"], lambda: {"sopr"}, SystemClock())
    refresh.start()
    refresh.first_round(60.0)
    assert providers.asked == []


def test_daily_candles_of_cryptocompare(settings: Settings, providers: Providers) -> None:
    providers.now_s = FIRST_S + 40 * DAY_S + 60
    found = read_daily_candles(settings, SYMBOL, 0, 10**13)
    # The provider sends the day that has not ended by its clock; by ours it is long over.
    assert np.diff([each.open_ms for each in found]).tolist() == [DAY_MS] * 40
    assert found[0].open_ms == FIRST_S * 1000


def test_optional_series_are_registered() -> None:
    assert set(FETCHED.names()) < OPTIONAL
