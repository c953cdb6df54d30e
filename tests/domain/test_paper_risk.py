"""Sizing and the rules of risk, each by hand."""

from math import log, sqrt
from typing import Any

import pytest

from crypto_bot.domain.entry import Entry, Offer, entry
from crypto_bot.domain.ledger import Account, Kind, Target, Terms
from crypto_bot.domain.paper import Market, Plan, Sizing
from crypto_bot.domain.quote import Level
from crypto_bot.domain.risk import Forbidden, descriptions
from crypto_bot.domain.signal import Pred, Probabilities, Signal, Source
from crypto_bot.domain.sizing import Bet, fixed_fraction, kelly, volatility_target
from tests.domain.paper_accounts import (
    FREE,
    NO_RULES,
    SIZING,
    T0,
    TF_MS,
    D,
    account,
    entered,
    instrument,
    plan,
    signal,
    state,
)


def bet(**changed: Any) -> Bet:
    given: dict[str, Any] = {
        "signal": signal(),
        "equity": D(10_000),
        "entry": D(100),
        "stop": D(2),
        "target": D(2),
        "cost_bps": 0.0,
        "timeframe_ms": TF_MS,
    }
    return Bet(**{**given, **changed})


def test_fixed_fraction_by_hand() -> None:
    # 1 % of 10,000 is 100, lost at 2 below 100: 50 coins, 5,000
    assert fixed_fraction(D("0.01"), bet()) == 5000


def test_volatility_target_by_hand() -> None:
    # ATR 1 of 100: a candle moves 1 % / 1.5958, a day 96^.5 times that: 6.14 %; 2 % of it is wanted
    of_day = 0.01 / sqrt(8 / 3.141592653589793) * sqrt(96)
    assert float(volatility_target(D("0.02"), bet())) == pytest.approx(10_000 * 0.02 / of_day)
    assert volatility_target(D("0.02"), bet(signal=signal(atr=0.0))) == 0


def test_kelly_by_hand() -> None:
    # p .4, q .2, win and loss 2 %: (.4 x .02 - .2 x .02) / (.6 x .02 x .02) = 16.67 times equity
    assert float(kelly(D(1), D(1), bet())) == pytest.approx(10_000 * 50 / 3)
    assert float(kelly(D("0.25"), D(1), bet())) == pytest.approx(10_000 * 50 / 12)
    assert kelly(D("0.25"), D("0.01"), bet()) == 5000, "capped at 1 % lost at the stop"
    even = signal(probabilities=Probabilities(0.3, 0.4, 0.3))
    assert kelly(D(1), D(1), bet(signal=even)) == 0
    # 70 bp of cost: .4 x .013 - .2 x .027 = -.0002
    assert kelly(D(1), D(1), bet(cost_bps=70.0)) == 0


def test_kelly_maximises_expected_growth() -> None:
    share = float(kelly(D(1), D(10), bet(cost_bps=20.0))) / 10_000

    def growth(f: float) -> float:
        return 0.4 * log(1 + f * 0.018) + 0.2 * log(1 - f * 0.022)

    assert growth(share) > max(growth(share * 0.99), growth(share * 1.01))


def holding(*symbols: str, side: Pred = Pred.LONG, market: Market = Market.PERP) -> Account:
    now = account(market)
    for symbol in symbols:
        terms = Terms(D(98), (Target(D(102), D(10)),), T0 + 10**9, D(1), Source.RSI_MA)
        fill = {"price": D(100), "amount": D(10), "terms": terms, "side": side}
        now = entered(now, Kind.OPEN, symbol=symbol, prediction_id=symbol, **fill)
    return now


OFFER = Offer(D(100), instrument())


def decided(
    by: Plan,
    asking: Signal | None = None,
    of: Account | None = None,
    offer: Offer = OFFER,
    *,
    late: bool = False,
    **changed: Any,
) -> Entry | str:
    """The entry of a plan on a signal, or the name of the rule that forbids it."""
    now = state(of or account(by.market), **changed)
    found = entry(by, asking or signal(), now, offer, late=late)
    return found.rule if isinstance(found, Forbidden) else found


def asked(
    rules: dict[str, Any], of: Account, asking: Signal | None = None, **changed: Any
) -> str | None:
    """The rule that forbids the entry without costs, if any."""
    by = plan(rules=NO_RULES._replace(**rules), costs=FREE)
    found = decided(by, asking, of, **changed)
    return None if isinstance(found, Entry) else found


def stopped_out() -> Account:
    of = {"symbol": "BTCUSDT", "prediction_id": "BTCUSDT", "reason": "SL"}
    return entered(holding("BTCUSDT"), Kind.CLOSE, price=D(98), amount=D(10), **of)


@pytest.mark.parametrize(
    ("rule", "on", "trips", "passes"),
    [
        ("late", {"late": True}, {"late": True}, {"late": False}),
        ("kill_switch", {}, {"killed": "stopped by page"}, {}),
        ("drawdown", {"drawdown": D("0.2")}, {"peak": D(12_500)}, {"peak": D(12_499)}),
        (
            "daily_loss",
            {"daily_loss": D("0.02")},
            {"day_start": D(10_205)},
            {"day_start": D(10_204)},
        ),
        ("exposure", {"total_exposure": D(1)}, {"exposure": D(9_996)}, {"exposure": D(9_990)}),
    ],
)
def test_a_rule_at_its_limit(
    rule: str, on: dict[str, Any], trips: dict[str, Any], passes: dict[str, Any]
) -> None:
    assert asked(on, account(), **trips) == rule
    assert asked(on, account(), **passes) is None
    if on:
        assert asked({}, account(), **trips) is None, "switched off"


def test_rules_about_held_positions() -> None:
    held = holding("ETHUSDT", "SOLUSDT")
    assert asked({"max_positions": 2}, held) == "max_positions"
    assert asked({"max_positions": 3}, held) is None
    assert asked({}, holding("BTCUSDT")) == "holding"
    assert asked({}, account(), signal(atr=None)) == "atr"
    assert asked({}, account(), signal(atr=50.0)) == "atr", "a stop at 0"


def test_correlated_positions_are_limited() -> None:
    held = holding("ETHUSDT", "SOLUSDT")
    on = {"correlated_positions": 2}
    correlations = {"ETHUSDT": 0.9, "SOLUSDT": 0.7}
    assert asked(on, held, correlations=correlations) == "correlated_positions"
    assert asked(on, held, correlations={**correlations, "SOLUSDT": 0.69}) is None
    assert asked(on, held, signal(pred=Pred.SHORT), correlations=correlations) is None, "a hedge"
    opposite = {"ETHUSDT": -0.9, "SOLUSDT": -0.9}
    assert asked(on, held, signal(pred=Pred.SHORT), correlations=opposite) == "correlated_positions"


@pytest.mark.parametrize(("atr", "rule"), [(0.12, "within_costs"), (0.13, None)])
def test_a_first_target_within_the_costs_is_refused(atr: float, rule: str | None) -> None:
    # A round trip of COSTS is 2 x (10 + 1 + 1) = 24 bp; the first target is 2 ATR from 100.
    found = decided(plan(rules=NO_RULES._replace(within_costs=True)), signal(atr=atr))
    assert (None if isinstance(found, Entry) else found) == rule
    assert isinstance(decided(plan(), signal(atr=atr)), Entry)


def test_the_cooldown_after_a_stop() -> None:
    on = {"cooldown_bars": 4}
    done = stopped_out()
    until_ms = done.stopped_ms["BTCUSDT"] + 4 * TF_MS
    assert asked(on, done, at_ms=until_ms - 1) == "cooldown"
    assert asked(on, done, at_ms=until_ms) is None
    assert asked(on, done, signal("ETHUSDT"), at_ms=until_ms - 1) is None


def test_a_spot_account_is_limited_to_its_cash() -> None:
    spot = plan(market=Market.SPOT, sizing=SIZING._replace(risk=D("0.05")))
    assert decided(spot, signal(pred=Pred.SHORT)) == "long_only"
    made = decided(spot)
    assert isinstance(made, Entry)
    # wanted 25,000; 10,000 / (1 + 10 bp fee + 20 bp slippage) / 100 = 99.7008
    assert made.amount == D("99.700")


def test_exposure_of_a_coin_caps_the_size() -> None:
    rules = NO_RULES._replace(coin_exposure=D("0.1"))
    made = decided(plan(rules=rules, costs=FREE._replace(cap_bps=D(0))))
    assert isinstance(made, Entry)
    assert made.amount == D("10.000")  # 10 % of 10,000
    assert made.terms.expires_ms == T0 + 17 * TF_MS


def test_an_entry_walks_the_book_as_far_as_the_cap() -> None:
    levels = (Level(D(100), D(20)), Level(D("100.10"), D(10)), Level(D(101), D(100)))
    found = decided(plan(), offer=Offer(D(100), instrument(), levels))
    assert isinstance(found, Entry)
    # 50 wanted, 30 within 20 bp: (2000 + 1001) / 30 = 100.0333, up
    assert (found.price, found.amount) == (D("100.04"), D("30.000"))
    assert found.terms.stop == D("98.04"), "stop and targets are measured from the fill"


def test_entries_without_an_edge_a_size_a_book_or_a_stop_are_refused() -> None:
    even = signal(probabilities=Probabilities(0.3, 0.4, 0.3))
    assert decided(plan(sizing=SIZING._replace(method=Sizing.KELLY)), even) == "size"
    assert decided(plan(), of=account(start=D(8))) == "size"
    empty = (Level(D(100), D("0.01")), Level(D(101), D(100)))
    assert decided(plan(), offer=Offer(D(100), instrument(), empty)) == "price"
    coin = instrument()._replace(lot=D(1000), min_amount=D(1000))
    within_a_tick = decided(plan(), signal(atr=0.001), offer=Offer(coin.tick, coin))
    assert within_a_tick == "atr", "a coin that costs one tick cannot have a stop below"


def test_rules_in_words() -> None:
    words = descriptions(plan(rules=NO_RULES._replace(max_positions=8, daily_loss=D("0.03"))))
    assert words == {
        "sizing": "fixed_fraction: 1.00% of equity at the stop",
        "exits": "stop 2 ATR, targets 2, 3, 4; ends with the signal's horizon",
        "costs": "taker 10 bp, maker 2 bp, spread and slippage",
        "max_positions": "at most 8 positions",
        "daily_loss": "nothing more after 3.0% lost in a day",
    }
