"""Calls for paper trading: the accounts, and the kill switch, which asks for a word first."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from crypto_bot.adapters.web.schemas import Body, Problem
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.ports import PaperTrading

Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""As a number; to the last digit it stands in the database."""
_REFUSED: dict[int | str, dict[str, Any]] = {422: {"model": Problem}}


class RangeBody(Body):
    """An estimate with its 95 % interval; null where there is too little to say."""

    estimate: float | None
    low: float | None
    high: float | None


class OpenPositionBody(Body):
    """What is held; see `crypto_bot.domain.paper_report.OpenPosition`."""

    symbol: str
    side: Pred
    amount: Money
    entry: Money
    entry_ms: int
    stop: Money
    targets: list[Money]
    expires_ms: int
    price: Money | None
    unrealised: Money | None
    r: float | None
    prediction_id: str
    source: Source


class ClosedTradeBody(Body):
    """What was held; `net` is after fees and funding."""

    symbol: str
    side: Pred
    amount: Money
    entry: Money
    entry_ms: int
    exit: Money
    exit_ms: int
    reason: str
    gross: Money
    fees: Money
    funding: Money
    net: Money
    r: float
    prediction_id: str
    source: Source


class EquityPointBody(Body):
    """Worth of the account, and of its start in equal parts of all the coins."""

    at_ms: int
    equity: Money
    buy_and_hold: Money


class StatisticsBody(Body):
    """See `crypto_bot.domain.paper_report.AccountStatistics`."""

    trades: int
    return_share: float
    buy_and_hold_share: float
    max_drawdown: float
    sharpe: RangeBody
    sortino: float | None
    win_rate: RangeBody
    profit_factor: float | None
    expectancy_r: RangeBody
    turnover: float
    fees: Money
    funding: Money


class AccountBody(Body):
    """One account: its cash and the worth of what is open make its equity."""

    name: str
    market: str
    rules: dict[str, str]
    start: Money
    cash: Money
    equity: Money
    at_ms: int
    open_positions: list[OpenPositionBody]
    closed_trades: list[ClosedTradeBody]
    refusals: dict[str, int]
    curve: list[EquityPointBody]
    statistics: StatisticsBody


class KillSwitchBody(Body):
    """Whether a person has stopped paper trading."""

    on: bool
    since_ms: int | None
    by: str | None
    reason: str | None


class PaperReport(Body):
    """Every account; none where paper trading is switched off."""

    success: Literal[True] = True
    kill_switch: KillSwitchBody
    accounts: list[AccountBody]


class StopCall(BaseModel):
    """Closes every position and opens no more; says so in a word."""

    model_config = ConfigDict(extra="forbid")

    confirm: Literal["STOP"]
    reason: str = Field(default="", max_length=200)


class ResumeCall(BaseModel):
    """Lets positions be opened again; says so in a word."""

    model_config = ConfigDict(extra="forbid")

    confirm: Literal["RESUME"]


class PaperEventBody(Body):
    """A line of a paper account's ledger, as it was written."""

    account: str
    at_ms: int
    kind: Kind
    symbol: str | None
    side: Pred | None
    reason: str | None
    price: Money
    amount: Money
    fee: Money
    cash: Money
    prediction_id: str | None

    @classmethod
    def of(cls, event: Event) -> Self:
        """The event as callers see it."""
        return cls.model_validate(event)


def serve_paper(app: FastAPI, trading: PaperTrading) -> None:
    """Adds `/api/paper` and the two calls of its kill switch."""

    @app.get("/api/paper", tags=["paper"])
    def paper() -> PaperReport:
        """The paper accounts as they stand."""
        return PaperReport(
            kill_switch=KillSwitchBody.model_validate(trading.kill_switch()),
            accounts=[AccountBody.model_validate(account) for account in trading.accounts()],
        )

    @app.post("/api/paper/stop", tags=["paper"], responses=_REFUSED)
    def stop(call: StopCall) -> KillSwitchBody:
        """Closes every position at the next price and opens no more, until resumed."""
        return KillSwitchBody.model_validate(trading.stop("api", call.reason))

    @app.post("/api/paper/resume", tags=["paper"], responses=_REFUSED)
    def resume(_: ResumeCall) -> KillSwitchBody:
        """Lets positions be opened again; the drawdown is measured from here."""
        return KillSwitchBody.model_validate(trading.resume("api"))
