"""A catalogue and paper accounts with something of everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from math import sin
from typing import Any, Self

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.training_table import RunLine
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.gate import Gate
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.domain.model_card import ModelCard, ModelEntry, ModelMetrics
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.paper_report import (
    AccountReport,
    AccountStatistics,
    ClosedTrade,
    DayResult,
    EquityPoint,
    KillSwitch,
    MoneyParts,
    OpenPosition,
    Refusal,
)
from crypto_bot.domain.signal import Pred, Probabilities, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import Health, HealthReport, assess
from crypto_bot.engine.paper.money import day_results, money_parts
from crypto_bot.models.catalog import SwitchedOff
from crypto_bot.ports import ModelCatalog, ResolvedCall, StoredSignal
from tests.domain.paper_accounts import signal

QUARTER = Timeframe.parse("15m")
BAR_MS = QUARTER.ms
NOW_MS = 1_764_547_200_000
SYMBOLS = ("BTCUSDT", "ETHUSDT")
_VERDICTS = ("ACTIVE", "ACTIVE", "WARMUP", "WARMUP", "WARMUP", "LOW", "REJECTED", "BLOCKED")


def card(verdict: str = "ACTIVE", at: int = 0, now_ms: int = NOW_MS) -> ModelCard:
    """The card of a model with that verdict; `at` varies its figures."""
    skill = 0.012 - 0.0016 * at
    failed = {
        "BLOCKED": "direction_auc_ceiling",
        "REJECTED": "log_loss",
        "LOW": "skill_prior",
        "WARMUP": "direction_auc",
    }.get(verdict)
    loss = 1.041 if verdict == "REJECTED" else 1.0286
    gates = tuple(
        Gate(name, name != failed, value, limit, words)
        for name, value, limit, words in (
            ("log_loss", loss, 1.0381, _LOSS_WORDS),
            ("not_constant", 0.081, 0.005, "accuracy .514 beside .498 for the most common label"),
            ("direction_auc_ceiling", 0.53, 0.56, "direction AUC 0.5300 (at most 0.560)"),
            ("skill_prior", skill - 0.002, 0.0, "skill against the prior: lower end of the 95 %"),
            ("calibration", 0.0135, 0.0197, "calibration error 0.0135, allowed 0.0197"),
            ("folds", 4.0, 4.0, "4 test folds (at least 4)"),
            ("direction_auc", 0.507, 0.505, "direction AUC .53 over 32 coins: lower end .507"),
        )
    )
    return ModelCard(
        version=f"cnn_lstm_v1+{0x3F9C2A1D + at:08x}",
        verdict=verdict,
        reasons=tuple(gate.words for gate in gates if not gate.passed) or ("all gates passed",),
        accepted_because=None,
        gates=gates,
        family="cnn_lstm_v1",
        size="default",
        features="per_coin_v2",
        window_bars=64,
        label="A",
        horizon_bars=4,
        first_open_ms=now_ms - 900 * DAY_MS,
        last_open_ms=now_ms - 3 * DAY_MS,
        candles=86_112,
        trained_ms=now_ms - 2 * DAY_MS - at * 3_600_000,
        trained_with=("BTCUSDT", "ETHUSDT", "SOLUSDT"),
        metrics=ModelMetrics(
            rows=28_032,
            days=293,
            skill_prior=_about(skill, 0.002),
            skill_climatology=_about(skill / 2, 0.002),
            direction_auc=_about(0.531 - 0.002 * at, 0.012),
            direction_auc_together=Interval(0.53, 0.521, 0.538),
            coins_together=3,
            ece=0.0135,
            ece_floor=0.0097,
            curves=(
                ("fit, move head", tuple(0.69 - 0.02 * (1 - 0.8**n) for n in range(24))),
                ("validation, move head", tuple(0.688 - 0.013 * sin(n / 8) for n in range(24))),
                ("fit, direction head", tuple(0.6931 - 0.0004 * n for n in range(12))),
                ("validation, direction head", _WAVE),
            ),
        ),
    )


_WAVE = tuple(0.693 - 0.001 * sin(n / 3) for n in range(12))
_LOSS_WORDS = "log loss 1.0286, that of the label frequencies of the fit rows 1.0381"


def _about(value: float, reach: float) -> Interval:
    return Interval(value, value - reach, value + reach)


class MadeCatalog:
    """The models given, by the coin; with a `note` it is switched off."""

    def __init__(self, entries: Iterable[ModelEntry]) -> None:
        self.note: str | None = None
        self._made = {each.symbol: each for each in entries}

    @classmethod
    def of_every_verdict(
        cls, symbols: Sequence[str], now_ms: int = NOW_MS, version: str | None = None
    ) -> Self:
        """Three times each verdict; the coins after those have no model."""
        with_model = list(zip(symbols, _VERDICTS * 3, strict=False))
        made = []
        for at, (symbol, verdict) in enumerate(with_model):
            known = card(verdict, at % 7, now_ms)
            made.append(entry(symbol, known._replace(version=version or known.version)))
        return cls([*made, *map(entry, symbols[len(with_model) :])])

    def entries(self) -> list[ModelEntry]:
        return [] if self.note else list(self._made.values())

    def entry(self, symbol: str) -> ModelEntry:
        return (
            ModelEntry(symbol, False, False, self.note, None) if self.note else self._made[symbol]
        )


def entry(symbol: str, made: ModelCard | None = None) -> ModelEntry:
    """Served and traded as its verdict says."""
    if made is None:
        return ModelEntry(
            symbol, False, False, f"no model of {symbol} 15m has been published", None
        )
    served = made.verdict in {"ACTIVE", "WARMUP"}
    reason = f"{made.version} is {made.verdict}" + (": it answers" if served else "")
    return ModelEntry(symbol, served, made.verdict == "ACTIVE", reason, made)


class MadePaper:
    """Two accounts whose kill switch works."""

    def __init__(
        self, now_ms: int = NOW_MS, symbols: Sequence[str] = SYMBOLS, *, empty: bool = False
    ) -> None:
        self.now_ms = now_ms
        self.symbols = symbols
        self.switch = KillSwitch(on=False)
        self.empty = empty

    def accounts(self) -> list[AccountReport]:
        made = account(self.now_ms, self.symbols)
        if self.empty:
            made = opened(self.now_ms)
        return [replace(made, name=name, market=name) for name in ("spot", "perp")]

    def refusals(self, account: str, limit: int) -> list[Refusal]:
        if self.empty:
            return []
        rules = ("max_positions", "cooldown", "kill", "correlated_positions")
        return [
            Refusal(
                account,
                f"{self.symbols[at % len(self.symbols)]}:15m:{self.now_ms - at * BAR_MS}",
                self.now_ms - at * 7 * BAR_MS,
                rules[at % 4],
                "6 positions are open already" if at % 4 == 0 else "a stop 3 candles ago",
            )
            for at in range(min(limit, 12))
        ]

    def trades(self, account: str, skip: int, limit: int) -> list[ClosedTrade]:
        (made, *_) = self.accounts()
        return list(made.closed_trades[skip : skip + limit])

    def days(self, account: str) -> tuple[DayResult, ...]:
        (made, *_) = self.accounts()
        return day_results(made.curve[::24], made.equity, made.closed_trades)

    def parts(self, account: str) -> MoneyParts:
        trades = self.trades(account, 0, 40)
        return money_parts(trades, [(each, [_candle(each)]) for each in trades])

    def kill_switch(self) -> KillSwitch:
        return self.switch

    def stop(self, by: str, reason: str) -> KillSwitch:
        self.switch = KillSwitch(True, self.now_ms, by, reason)
        return self.switch

    def resume(self, by: str) -> KillSwitch:
        self.switch = KillSwitch(on=False, since_ms=self.now_ms, by=by)
        return self.switch


def _candle(held: ClosedTrade) -> Candle:
    """The one in which it was held: 0.3 beyond entry and exit."""
    ends = float(held.entry), float(held.exit)
    return Candle(held.entry_ms, ends[0], max(ends) + 0.3, min(ends) - 0.3, ends[1], 1.0)


def position(symbol: str, side: Pred, r: float, now_ms: int) -> OpenPosition:
    """An open position that stands at `r`; its stop is 1 away from the entry at 100."""
    sign = 1 if side is Pred.LONG else -1
    price = Decimal(100) + Decimal(str(round(sign * r, 4)))
    return OpenPosition(
        symbol=symbol,
        side=side,
        amount=Decimal("12.5"),
        entry=Decimal("100.0"),
        entry_ms=now_ms - 5 * BAR_MS,
        stop=Decimal(100 - sign),
        targets=(Decimal(100 + sign), Decimal(100 + 2 * sign)),
        expires_ms=now_ms + 11 * BAR_MS,
        price=price,
        unrealised=Decimal(str(round(12.5 * r, 2))),
        r=r,
        prediction_id=f"{symbol}:15m:{now_ms - 6 * BAR_MS}",
        source=Source.ML_PER_COIN_V1 if r > 0 else Source.RSI_MA,
    )


def trade(symbol: str, at: int, now_ms: int) -> ClosedTrade:
    """The `at`-th trade back from now: gains and losses in turn."""
    r = (0.9, -1.1, 1.8, -1.05, 0.2)[at % 5]
    side = Pred.LONG if at % 3 else Pred.SHORT
    net = Decimal(str(round(12.5 * r, 2)))
    return ClosedTrade(
        symbol=symbol,
        side=side,
        amount=Decimal("12.5"),
        entry=Decimal("100.0"),
        entry_ms=now_ms - (at * 9 + 8) * BAR_MS,
        exit=Decimal(100) + Decimal(str(round(r if side is Pred.LONG else -r, 3))),
        exit_ms=now_ms - at * 9 * BAR_MS,
        reason=("TP3", "SL", "TRAIL", "SL", "TIME")[at % 5],
        gross=net + Decimal("1.0"),
        fees=Decimal("1.0"),
        funding=Decimal(0),
        net=net,
        r=r,
        prediction_id=f"{symbol}:15m:{now_ms - (at * 9 + 9) * BAR_MS}",
        source=Source.MOMENTUM if at % 2 else Source.ML_PER_COIN_V1,
    )


def opened(now_ms: int) -> AccountReport:
    """An account that has just been opened."""
    start, zero = Decimal(10_000), Decimal(0)
    nothing = AccountStatistics(
        *(0, 0.0, 0.0, 0.0, UNKNOWN, None, UNKNOWN, None, UNKNOWN, 0.0, zero, zero, zero)
    )
    return AccountReport(
        *("spot", "spot", _RULES, start, start, start, now_ms, (), (), {}, (), nothing),
        round_trip_bps=Decimal(26),
    )


_RULES = {
    "max_positions": "at most 6 positions",
    "cooldown": "4 candles after a stop",
    "daily_loss": "nothing more after 3.0% lost in a day",
    "correlated_positions": "at most 3 that move alike",
    "kill": "stopped by a person",
}


def account(now_ms: int = NOW_MS, symbols: Sequence[str] = SYMBOLS) -> AccountReport:
    """An account with a past of a month."""
    hours = 24 * 30
    curve = tuple(
        EquityPoint(
            now_ms - (hours - at) * 3_600_000,
            Decimal(str(round(10_000 + 0.45 * at + 180 * sin(at / 60) + 40 * sin(at / 9), 2))),
            Decimal(str(round(10_000 - 0.6 * at + 240 * sin(at / 80), 2))),
        )
        for at in range(hours + 1)
    )
    held = ((Pred.LONG, 0.7), (Pred.SHORT, -0.4), (Pred.LONG, 0.0), (Pred.SHORT, 1.2))
    coin = [symbols[at % len(symbols)] for at in range(40)]
    return replace(
        opened(now_ms),
        cash=Decimal("5201.10"),
        equity=curve[-1].equity,
        open_positions=tuple(
            position(coin[at], side, r, now_ms) for at, (side, r) in enumerate(held)
        ),
        closed_trades=tuple(trade(coin[at], at, now_ms) for at in range(40)),
        refusals={"max_positions": 212, "cooldown": 61, "correlated_positions": 34},
        curve=curve,
        statistics=AccountStatistics(
            trades=40,
            return_share=0.0312,
            buy_and_hold_share=-0.041,
            max_drawdown=0.034,
            sharpe=Interval(0.8, -1.9, 3.4),
            sortino=1.1,
            win_rate=Interval(0.46, 0.32, 0.6),
            profit_factor=1.08,
            expectancy_r=Interval(0.05, -0.21, 0.31),
            turnover=14.2,
            gross=Decimal("440.30"),
            fees=Decimal("128.40"),
            funding=Decimal("-3.1"),
        ),
    )


def stored_calls(database: Database, rows: Sequence[ResolvedCall]) -> None:
    """Commits resolved calls as the engine would have."""
    signals, outcomes = [], []
    for row in rows:
        pred, label = Pred(row.pred), Pred(row.label)
        made = signal(
            row.symbol,
            pred=pred,
            entry=row.entry,
            atr=row.atr,
            probabilities=Probabilities(row.p_short, row.p_no_trade, row.p_long),
            candle_open_ms=row.candle_open_ms,
            source=Source(row.source),
            reasons=("made for a test",),
            cost_bps=row.cost_bps,
            model_version=row.model_version,
        )
        close_ms = QUARTER.close_of(row.candle_open_ms)
        status = Status.TP1 if row.return_bps > 0 else Status.SL
        ended = made.id, close_ms + 4 * BAR_MS, status, row.entry, row.return_bps
        signals.append(StoredSignal(made, close_ms + 2_000, late=False))
        outcomes.append(Outcome(*ended, 0.0, 0.0, label, label, label is pred))
    SqlPredictionStore(database, QUARTER).commit(signals, outcomes)


def board_of(
    database: Database,
    now_ms: int | Callable[[], int],
    *,
    symbols: Sequence[str] = SYMBOLS,
    catalog: ModelCatalog | None = None,
    training: Sequence[RunLine] = (),
    newest_ms: int | None = None,
    health: Callable[[], HealthReport] | None = None,
    **known: Any,
) -> Board:
    """A board as of `now_ms`, on an engine that is well unless its `health` is given."""
    clock = now_ms if callable(now_ms) else lambda: now_ms

    def well() -> HealthReport:
        at_ms = clock()
        known = Health(started_ms=at_ms - DAY_MS, last_cycle_ms=at_ms, last_open_ms=newest_ms)
        return assess(known, at_ms, QUARTER, patience_ms=60_000)

    return Board(
        symbols=tuple(symbols),
        timeframe=QUARTER,
        now_ms=clock,
        cost_bps=10.0,
        badge="SAMPLE DATA",
        queries=SqlPredictionQueries(database, QUARTER),
        catalog=catalog or SwitchedOff(),
        health=health or well,
        training=lambda: training,
        **known,
    )
