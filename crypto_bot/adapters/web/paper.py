"""Routes of paper trading: the accounts, and the kill switch, which needs a confirmation."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI
from pydantic import Field

from crypto_bot.adapters.web.bodies import Body, Json, Sent, body
from crypto_bot.adapters.web.schemas import Problem
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.paper_report import AccountReport, KillSwitch
from crypto_bot.ports import PaperTrading

PaperEventBody = body(Event)
_REFUSED: dict[int | str, dict[str, Any]] = {422: {"model": Problem}}


class PaperReport(Body):
    """Every account; none where paper trading is switched off."""

    success: Literal[True] = True
    kill_switch: Json[KillSwitch]
    accounts: list[Json[AccountReport]]


class StopCall(Sent):
    """Body of a stop request, with its confirmation word."""

    confirm: Literal["STOP"]
    reason: str = Field(default="", max_length=200)


class ResumeCall(Sent):
    """Body of a resume request, with its confirmation word."""

    confirm: Literal["RESUME"]


def serve_paper(app: FastAPI, trading: PaperTrading) -> None:
    """Adds `/api/paper` and the two routes of the kill switch."""

    @app.get("/api/paper", tags=["paper"])
    def paper() -> PaperReport:
        """The current paper accounts."""
        return PaperReport(kill_switch=trading.kill_switch(), accounts=trading.accounts())

    @app.post("/api/paper/stop", tags=["paper"], responses=_REFUSED)
    def stop(call: StopCall) -> Json[KillSwitch]:
        """Closes every position at the next price and opens no more, until resumed."""
        return trading.stop("api", call.reason)

    @app.post("/api/paper/resume", tags=["paper"], responses=_REFUSED)
    def resume(_: ResumeCall) -> Json[KillSwitch]:
        """Lets positions be opened again; the drawdown is measured from here."""
        return trading.resume("api")
