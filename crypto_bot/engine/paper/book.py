"""The book of one paper account: its ledger events and the state that follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from crypto_bot.domain.entry import Entry
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.exits import Exit
from crypto_bot.domain.fills import EXACT, fee, notional
from crypto_bot.domain.ledger import Account, Closed, Event, Kind, Position, apply, cash_of
from crypto_bot.domain.paper import Plan
from crypto_bot.domain.paper_report import ClosedTrade, EquityPoint, Refusal
from crypto_bot.domain.quote import Funding
from crypto_bot.domain.risk import Forbidden
from crypto_bot.domain.signal import Signal, candle_of
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import PaperWrites

_PLACES = Decimal("1e-12")


class PaperBook:
    """Makes events from the state of the account, and holds new ones until they are written.

    Ids are made of account, signal and kind of event, so that repeating a step is harmless.
    """

    def __init__(self, plan: Plan, timeframe: Timeframe) -> None:
        self._plan = plan
        self._timeframe = timeframe
        self.account = Account(plan.name, plan.market)
        self.closed: list[ClosedTrade] = []
        self.decided: dict[str, int] = {}
        """Ids of signals that were followed or refused, with the open time of their candle."""
        self.seen: dict[str, int] = {}
        self._new = self._nothing()

    def restore(
        self, events: Iterable[Event], seen: dict[str, int], refused: Iterable[Refusal]
    ) -> None:
        """Replays the stored ledger; `refused` are the newest refusals. Raises ConfigError."""
        for event in events:
            self._restore(event)
            if event.kind is Kind.OPEN and event.prediction_id is not None:
                self._decide(event.prediction_id)
        for refusal in refused:
            self._decide(refusal.prediction_id)
        self.seen = {s: at_ms for s, at_ms in seen.items() if s in self.account.positions}

    def take_writes(self) -> PaperWrites:
        """Everything new since the last call."""
        writes, self._new = self._new, self._nothing()
        return writes

    @property
    def has_writes(self) -> bool:
        """Whether there is anything new."""
        return any(self._new[1:])

    def deposit(self, at_ms: int) -> None:
        """Books the starting capital."""
        name = f"{self._plan.name}:{self._timeframe.name}:DEPOSIT"
        self._enter(name, at_ms, Kind.DEPOSIT, amount=self._plan.start)

    def open(self, signal: Signal, entry: Entry, at_ms: int, walked_ms: int) -> None:
        """Opens a position; its path starts with the first candle after `walked_ms`."""
        self._decide(signal.id)
        value = notional(entry.price, entry.amount)
        self._enter(
            f"{self._plan.name}:{signal.id}:OPEN",
            *(at_ms, Kind.OPEN),
            symbol=signal.symbol,
            prediction_id=signal.id,
            side=signal.pred,
            price=entry.price,
            amount=entry.amount,
            fee=fee(value, self._plan.costs.taker_bps),
            terms=entry.terms,
        )
        self.walked(signal.symbol, walked_ms)

    def close(self, position: Position, exit_: Exit) -> None:
        """Closes all or part of `position`."""
        costs = self._plan.costs
        bps = costs.maker_bps if exit_.maker else costs.taker_bps
        self._enter_for(
            *(position, exit_.reason, exit_.at_ms, Kind.CLOSE),
            side=position.side,
            reason=exit_.reason,
            price=exit_.price,
            amount=exit_.amount,
            fee=fee(notional(exit_.price, exit_.amount), bps),
        )

    def pay_funding(self, position: Position, funding: Funding, price: Decimal) -> None:
        """Pays funding on the current amount, once for each due time."""
        mark = f"FUNDING:{funding.due_ms}"
        self._enter_for(
            *(position, mark, funding.due_ms, Kind.FUNDING),
            price=funding.rate,
            amount=notional(price, position.amount),
        )

    def move_stop(self, position: Position, stop: Decimal, at_ms: int) -> None:
        """Moves the trailing stop."""
        self._enter_for(position, f"STOP:{at_ms}", at_ms, Kind.STOP, price=stop)

    def refuse(self, signal: Signal, no: Forbidden, at_ms: int) -> None:
        """Records that the account does not follow `signal`."""
        self._decide(signal.id)
        refusal = Refusal(self._plan.name, signal.id, at_ms, no.rule, no.reason)
        self._new.refusals.append(refusal)

    def walked(self, symbol: str, open_ms: int) -> None:
        """Marks this candle as processed for the position in `symbol`."""
        self.seen[symbol] = open_ms
        self._new.seen[symbol] = open_ms

    def point(self, point: EquityPoint) -> None:
        """Adds an equity point; forgets decisions on signals older than the last two candles."""
        self._new.points.append((point, self.account.cash))
        oldest_ms = point.at_ms - 3 * self._timeframe.ms
        self.decided = {id_: at for id_, at in self.decided.items() if at >= oldest_ms}

    def _enter_for(
        self, position: Position, mark: str, at_ms: int, kind: Kind, **fields: Any
    ) -> None:
        name = f"{self._plan.name}:{position.prediction_id}:{mark}"
        of = {"symbol": position.symbol, "prediction_id": position.prediction_id}
        self._enter(name, at_ms, kind, **of, **fields)

    def _enter(self, name: str, at_ms: int, kind: Kind, **fields: Any) -> None:
        account = self.account
        event = Event(name, account.name, account.events, at_ms, kind, Decimal(0), **fields)
        event = event._replace(cash=cash_of(account, event))
        self._new.events.append(event)
        closed = self._apply(event)
        if closed is not None:
            self._new.trades.append(closed)

    def _apply(self, event: Event) -> ClosedTrade | None:
        self.account, closed = apply(self.account, event)
        if closed is None:
            return None
        trade = _trade(closed)
        self.closed.append(trade)
        self.seen.pop(trade.symbol, None)
        return trade

    def _restore(self, event: Event) -> None:
        try:
            self._apply(event)
        except ValueError as error:
            raise ConfigError(
                f"paper account '{self._plan.name}' cannot resume from its ledger ({error}): "
                "if its market was changed, give the account another name"
            ) from error

    def _decide(self, prediction_id: str) -> None:
        self.decided[prediction_id] = candle_of(prediction_id)

    def _nothing(self) -> PaperWrites:
        return PaperWrites(self._plan.name, [], [], [], [], {})


def _trade(closed: Closed) -> ClosedTrade:
    held = closed.position
    net = EXACT.add(EXACT.subtract(held.gross, held.fees), held.funding)
    return ClosedTrade(
        symbol=held.symbol,
        side=held.side,
        amount=held.opened,
        entry=held.entry,
        entry_ms=held.entry_ms,
        exit=(held.proceeds / held.opened).quantize(_PLACES),
        exit_ms=closed.at_ms,
        reason=closed.reason,
        gross=held.gross,
        fees=held.fees,
        funding=held.funding,
        net=net,
        r=float(net / held.risked),
        prediction_id=held.prediction_id,
        source=held.terms.source,
    )
