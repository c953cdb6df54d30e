"""Risk rules: each has a name, can be switched off, and gives a reason when it forbids a trade."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from crypto_bot.domain.ledger import Account, Position, drawdown
from crypto_bot.domain.paper import Market, Plan, Rules
from crypto_bot.domain.signal import Pred, Signal


class RiskState(NamedTuple):
    """The state of an account when a signal arrives."""

    account: Account
    at_ms: int
    timeframe_ms: int
    equity: Decimal
    exposure: Decimal
    day_start: Decimal
    """Equity at the last midnight UTC."""
    peak: Decimal
    """The highest equity since trading was last resumed by hand."""
    killed: str | None
    """The reason if the kill switch is on."""
    correlations: Mapping[str, float]
    """Correlation of each held coin's returns with those of the signal's coin, if known."""


class Forbidden(NamedTuple):
    """The rule that forbids a trade, and its reason as text."""

    rule: str
    reason: str


def forbidden(plan: Plan, signal: Signal, state: RiskState, *, late: bool) -> Forbidden | None:
    """The first rule that forbids `signal`; None if all allow it."""
    if plan.rules.late and late:
        return Forbidden("late", "the signal was late")
    for name, rule in RULES.items():
        reason = rule(plan, signal, state)
        if reason is not None:
            return Forbidden(name, reason)
    return None


def exposure_left(rules: Rules, account: Account, state: RiskState) -> Decimal:
    """The notional that may still be added under the exposure caps and, for spot, the cash."""
    limits = []
    if rules.coin_exposure is not None:
        limits.append(rules.coin_exposure * state.equity)
    if rules.total_exposure is not None:
        limits.append(rules.total_exposure * state.equity - state.exposure)
    if account.market is Market.SPOT or not limits:
        limits.append(account.cash)
    return max(Decimal(0), min(limits))


def _kill_switch(_: Plan, __: Signal, state: RiskState) -> str | None:
    return state.killed


def _long_only(plan: Plan, signal: Signal, _: RiskState) -> str | None:
    if plan.market is Market.SPOT and signal.pred is Pred.SHORT:
        return "a spot account is long only"
    return None


def _atr(_: Plan, signal: Signal, __: RiskState) -> str | None:
    if signal.atr is None or not signal.atr > 0.0:
        return "the coin has too few candles for an ATR, so there is no stop"
    return None


def _within_costs(plan: Plan, signal: Signal, _: RiskState) -> str | None:
    if not plan.rules.within_costs:
        return None
    reach = plan.exits.targets_atr[0] * Decimal(signal.atr or 0.0)
    reach_bps = 10_000 * reach / Decimal(signal.levels.entry)
    cost_bps = plan.costs.round_trip_bps
    if reach_bps > cost_bps:
        return None
    return f"the first target is {reach_bps:.1f} bp away, a round trip costs {cost_bps:g} bp"


def _holding(_: Plan, signal: Signal, state: RiskState) -> str | None:
    held = state.account.positions.get(signal.symbol)
    return None if held is None else f"{signal.symbol} is held already, {held.side} {held.amount}"


def _drawdown(plan: Plan, _: Signal, state: RiskState) -> str | None:
    most = plan.rules.drawdown
    lost = drawdown(state.equity, state.peak)
    if most is None or lost < most:
        return None
    return f"equity is {lost:.1%} below its peak, {most:.1%} are allowed: resume to continue"


def _daily_loss(plan: Plan, _: Signal, state: RiskState) -> str | None:
    most = plan.rules.daily_loss
    if most is None or state.equity > state.day_start * (1 - most):
        return None
    return f"the day has lost {1 - state.equity / state.day_start:.1%} of {most:.1%} allowed"


def _cooldown(plan: Plan, signal: Signal, state: RiskState) -> str | None:
    bars = plan.rules.cooldown_bars
    stopped_ms = state.account.stopped_ms.get(signal.symbol)
    if bars is None or stopped_ms is None:
        return None
    if state.at_ms >= stopped_ms + bars * state.timeframe_ms:
        return None
    return f"{signal.symbol} was stopped out less than {bars} candles ago"


def _max_positions(plan: Plan, _: Signal, state: RiskState) -> str | None:
    most, held = plan.rules.max_positions, len(state.account.positions)
    return None if most is None or held < most else f"{held} positions are open, {most} are allowed"


def _correlated(plan: Plan, signal: Signal, state: RiskState) -> str | None:
    most, level = plan.rules.correlated_positions, plan.rules.correlated_from
    if most is None:
        return None
    like = [
        symbol
        for symbol, held in sorted(state.account.positions.items())
        if _moves_along(held, signal, state.correlations.get(symbol, 0.0), level)
    ]
    if len(like) < most:
        return None
    return f"moves like {', '.join(like)} (correlation {level:g} or more), {most} are allowed"


def _moves_along(held: Position, signal: Signal, correlation: float, level: float) -> bool:
    """Whether both positions win together, given the sides and the correlation."""
    return (correlation if held.side is signal.pred else -correlation) >= level


RULES: dict[str, Callable[[Plan, Signal, RiskState], str | None]] = {
    "kill_switch": _kill_switch,
    "long_only": _long_only,
    "atr": _atr,
    "within_costs": _within_costs,
    "holding": _holding,
    "drawdown": _drawdown,
    "daily_loss": _daily_loss,
    "cooldown": _cooldown,
    "max_positions": _max_positions,
    "correlated_positions": _correlated,
}
"""In order of evaluation. `late` is checked before them; `exposure`, `size` and `price` are checked
when the entry is made."""


def descriptions(plan: Plan) -> dict[str, str]:
    """A text for each rule that is on, by name."""
    rules = plan.rules
    limits: tuple[tuple[str, str, object], ...] = (
        ("late", "late signals are not traded", rules.late or None),
        (
            "within_costs",
            "the first target must be further away than the costs",
            rules.within_costs or None,
        ),
        ("max_positions", "at most {} positions", rules.max_positions),
        ("coin_exposure", "at most {:.0%} of equity in a coin", rules.coin_exposure),
        ("total_exposure", "at most {:.0%} of equity in all", rules.total_exposure),
        ("correlated_positions", "at most {} that move alike", rules.correlated_positions),
        ("cooldown", "{} candles after a stop", rules.cooldown_bars),
        ("daily_loss", "nothing more after {:.1%} lost in a day", rules.daily_loss),
        ("drawdown", "nothing more {:.1%} below the peak", rules.drawdown),
    )
    return {
        "sizing": _sizing_words(plan),
        "exits": _exit_words(plan),
        "costs": _cost_words(plan),
        **{name: text.format(limit) for name, text, limit in limits if limit is not None},
    }


def _sizing_words(plan: Plan) -> str:
    sizing = plan.sizing
    numbers = {
        "fixed_fraction": f"{sizing.risk:.2%} of equity at the stop",
        "volatility_target": f"{sizing.daily_volatility:.2%} of equity a day",
        "kelly": f"{sizing.kelly_fraction:.0%} of Kelly, at most {sizing.risk:.2%} at the stop",
    }
    return f"{sizing.method.value}: {numbers[sizing.method.value]}"


def _exit_words(plan: Plan) -> str:
    exits = plan.exits
    targets = ", ".join(f"{reach:g}" for reach in exits.targets_atr)
    trailing = "" if exits.trail_atr is None else f", then the stop trails by {exits.trail_atr:g}"
    ending = "the signal's horizon" if exits.bars is None else f"{exits.bars} candles"
    return f"stop {exits.stop_atr:g} ATR, targets {targets}{trailing}; ends with {ending}"


def _cost_words(plan: Plan) -> str:
    costs = plan.costs
    return f"taker {costs.taker_bps:g} bp, maker {costs.maker_bps:g} bp, spread and slippage"
