"""What every source must keep, whatever the market does; the models as before any is published."""

import pickle
from collections.abc import Callable
from functools import partial
from math import inf, isnan, nan
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.signal import MODEL_SOURCES, Call, Pred, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.views import RuleViews
from crypto_bot.models.registry import ModelRegistry, ServingPolicy
from crypto_bot.ports import SignalSource
from crypto_bot.serving.model_source import PerCoinModels
from crypto_bot.signals.analyzer import ProfessionalAnalyzer
from crypto_bot.signals.hold import Hold
from crypto_bot.signals.momentum import Momentum
from crypto_bot.signals.rsi_ma import RsiMa

M15 = Timeframe.parse("15m")


def unpublished(folder: Path, source: Source = Source.ML_PER_COIN_V1) -> SignalSource:
    return PerCoinModels(
        registry=ModelRegistry(
            folder, M15, ServingPolicy(max_age_ms=M15.ms, pool_max_age_ms=M15.ms)
        ),
        symbols=["A"],
        timeframe=M15,
        archive=SqlCandleArchive(Database.open("sqlite://"), M15),
        log=None,
        device="cpu",
        cost_bps=10.0,
        source=source,
    )


SOURCES: dict[Source, Callable[[Path], SignalSource]] = {
    **{source: partial(unpublished, source=source) for source in MODEL_SOURCES},
    Source.PROFESSIONAL_ANALYZER: lambda _: ProfessionalAnalyzer(M15),
    Source.RSI_MA: lambda _: RsiMa(),
    Source.MOMENTUM: lambda _: Momentum(M15),
    Source.HOLD: lambda _: Hold(),
}
STAYS_OUT = {*MODEL_SOURCES, Source.HOLD}
"""Who may answer NO_TRADE; a rule that sees no trade declines instead."""


@pytest.fixture(params=list(SOURCES), ids=list(SOURCES))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> SignalSource:
    return SOURCES[request.param](tmp_path)


def market(price: float, wild: float, count: int, seed: int = 1) -> list[MarketView]:
    """The views of one coin in a drifting random walk; `wild` 0 is a price that never moves."""
    rng = np.random.default_rng(seed)
    views = RuleViews(["A"], M15)
    seen = []
    for at in range(count):
        opened = price
        drift = wild * np.sin(at / 40.0)
        price = opened * float(np.exp(drift + wild * rng.standard_normal()))
        high = max(opened, price) * (1.0 + wild * rng.random())
        low = min(opened, price) / (1.0 + wild * rng.random())
        candle = Candle(at * M15.ms, opened, high, low, price, float(rng.integers(0, 5)))
        seen.append(views.update(Bar(candle.open_ms, {"A": candle}))["A"])
    return seen


@pytest.fixture(scope="module", params=[1e-8, 100.0, 1e6])
def seen(request: pytest.FixtureRequest) -> list[MarketView]:
    views = market(request.param, 0.004, 900)
    # a source is asked once for each coin
    return [view._replace(symbol=f"C{at}") for at, view in enumerate(views)]


def test_every_source_is_here_under_its_name(source: SignalSource, tmp_path: Path) -> None:
    assert set(SOURCES) == set(Source)
    assert type(SOURCES[source.source](tmp_path)) is type(source)


def test_each_view_has_its_own_answer_in_order_whatever_was_asked_before(
    source: SignalSource, seen: list[MarketView]
) -> None:
    together = [repr(answer) for answer in source.calls(seen)]
    source.calls(market(7.0, 0.05, 300, seed=2))
    assert together == [repr(source.calls([view])[0]) for view in seen]
    assert together[::-1] == [repr(answer) for answer in source.calls(seen[::-1])]
    assert source.calls([]) == []


def test_answers_are_calls_or_declines_with_reasons(
    source: SignalSource, seen: list[MarketView]
) -> None:
    for view, answer in zip(seen, source.calls(seen), strict=True):
        assert repr(pickle.loads(pickle.dumps(answer))) == repr(answer), "for another process"
        if isinstance(answer, Call):
            assert answer.reasons
            assert all(reason and "nan" not in reason for reason in answer.reasons)
            assert view.atr > 0.0 or answer.pred is Pred.NO_TRADE
            assert answer.pred is not Pred.NO_TRADE or source.source in STAYS_OUT
        else:
            assert isinstance(answer, SignalUnavailable)
            assert str(answer)
            assert "nan" not in str(answer)
            # shared instances would collect tracebacks where somebody raises them
            assert answer is not source.calls([view])[0]


@pytest.mark.parametrize("price", [1e-8, 1e6])
def test_what_never_moved_or_was_not_measured_is_never_traded(
    source: SignalSource, price: float
) -> None:
    unmeasured = [MarketView("A", 0, bars, 5.0, *[nan] * 4) for bars in (1, 13, 14, 50, 96)]
    for view in [*market(price, 0.0, 300), *unmeasured]:
        (answer,) = source.calls([view])
        assert isinstance(answer, SignalUnavailable) or answer.pred is Pred.NO_TRADE


def test_the_market_of_this_suite_asks_for_calls_and_declines(seen: list[MarketView]) -> None:
    """Else the suite would prove little: the analyzer and momentum both call and decline here."""
    for source in (ProfessionalAnalyzer(M15), Momentum(M15)):
        answers = source.calls(seen)
        preds = {answer.pred for answer in answers if isinstance(answer, Call)}
        assert preds == {Pred.LONG, Pred.SHORT}
        assert any(isinstance(answer, SignalUnavailable) for answer in answers)
    assert not any(abs(view.close) in {0.0, inf} or isnan(view.close) for view in seen)
