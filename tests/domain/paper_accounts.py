"""Accounts, plans and signals for the tests of paper trading."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crypto_bot.domain.fills import Costs
from crypto_bot.domain.ledger import Account, Event, Kind, apply, cash_of
from crypto_bot.domain.paper import ExitPlan, Market, Plan, Rules, Sizing, SizingPlan
from crypto_bot.domain.quote import Instrument
from crypto_bot.domain.risk import RiskState
from crypto_bot.domain.signal import Pred, Probabilities, Signal, Source, levels

D = Decimal
TF_MS = 900_000
T0 = 1_764_547_200_000  # midnight UTC
PROBABILITIES = Probabilities(0.2, 0.4, 0.4)
START = D(10_000)
COSTS = Costs(D(10), D(2), D(1), D(1), D(20))
FREE = Costs(D(0), D(0), D(0), D(0), D(20))
SIZING = SizingPlan(Sizing.FIXED_FRACTION, D("0.01"), D("0.02"), D("0.25"))
EXITS = ExitPlan(D(2), (D(2), D(3), D(4)), (D("0.5"), D("0.25"), D("0.25")), None, None)
NO_RULES = Rules(
    late=False,
    within_costs=False,
    max_positions=None,
    coin_exposure=None,
    total_exposure=None,
    correlated_positions=None,
    correlated_from=0.7,
    cooldown_bars=None,
    daily_loss=None,
    drawdown=None,
)


def instrument(symbol: str = "BTCUSDT") -> Instrument:
    return Instrument(symbol, D("0.01"), D("0.001"), D("0.001"), D(5))


def plan(**changed: Any) -> Plan:
    given: dict[str, Any] = {
        "name": "main",
        "market": Market.PERP,
        "start": START,
        "costs": COSTS,
        "sizing": SIZING,
        "exits": EXITS,
        "rules": NO_RULES,
        "funding_bps": D(1),
    }
    return Plan(**{**given, **changed})


def signal(
    symbol: str = "BTCUSDT",
    bar: int = 0,
    pred: Pred = Pred.LONG,
    *,
    entry: float = 100.0,
    atr: float | None = 1.0,
    probabilities: Probabilities = PROBABILITIES,
    **changed: Any,
) -> Signal:
    found = Signal(
        symbol=symbol,
        tf="15m",
        candle_open_ms=T0 + bar * TF_MS,
        pred=pred,
        confidence=probabilities.of(pred),
        distribution=probabilities.distribution,
        source=Source.RSI_MA,
        levels=levels(pred, entry, atr),
        atr=atr,
        horizon_bars=16,
        reasons=(),
    )
    return found._replace(**changed)


def account(market: Market = Market.PERP, start: Decimal = START) -> Account:
    """An account after its deposit."""
    empty = Account("main", market)
    return entered(empty, Kind.DEPOSIT, amount=start)


def entered(before: Account, kind: Kind, **fields: Any) -> Account:
    """The account after one more event."""
    return with_end(before, kind, **fields)[0]


def with_end(before: Account, kind: Kind, **fields: Any) -> tuple[Account, Any]:
    number = before.events
    event = Event(f"main:{number}", "main", number, T0 + number, kind, D(0), **fields)
    return apply(before, event._replace(cash=cash_of(before, event)))


def state(of: Account, prices: Mapping[str, Decimal] | None = None, **changed: Any) -> RiskState:
    marks = prices or {}
    equity = of.equity(marks)
    found = RiskState(
        account=of,
        at_ms=T0 + TF_MS,
        timeframe_ms=TF_MS,
        equity=equity,
        exposure=of.exposure(marks),
        day_start=equity,
        peak=equity,
        killed=None,
        correlations={},
    )
    return found._replace(**changed)
