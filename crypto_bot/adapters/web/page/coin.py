"""Coin: what it was called, why, who declined, and how its calls ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup
from nicegui import ui

from crypto_bot.adapters.web.filters import parse_instant
from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.candle_chart import CandleChart
from crypto_bot.adapters.web.page.coin_panels import Panels
from crypto_bot.adapters.web.page.figures import html
from crypto_bot.adapters.web.page.markup import NOTHING, drawings, pieces
from crypto_bot.adapters.web.page.outlook_panel import outlook_panel, read_outlook
from crypto_bot.adapters.web.page.rows import CoinState, change_of
from crypto_bot.adapters.web.page.trade import calibrated
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.ports import LoggedSignal

_LEGEND = (
    (drawings.mark("up", "long"), "long call"),
    (drawings.mark("down", "short"), "short call"),
    (drawings.mark("full"), "target"),
    (drawings.mark("cross"), "stop"),
    (drawings.mark("clock"), "expired"),
    (drawings.mark("diamond"), "paper entry"),
    (drawings.mark("diamond_hollow"), "paper exit"),
)


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The coin that the address names; without a name the first of the overview."""
    found = state_of(board, asked.get("symbol"))
    if found is None:
        _unknown(board, asked.get("symbol", ""))
        return
    symbol = found.reading.symbol
    score = await _score(board, symbol)
    names = sorted(board.symbols)
    at = names.index(symbol)
    around = names[at - 1], names[(at + 1) % len(names)]
    head = html("coin-head", _head(board, found, around))
    with ui.element("div").classes("split coin"):
        with ui.element("div").classes("panel chart-panel"):
            drawn = CandleChart(symbol, board.timeframe, viewer, _candle(asked.get("at")))
            html("legend muted", pieces.legend(_LEGEND))
            ui.label(
                "Shaded: reward and risk of the open call until it expires. Below the volume: a "
                "model's P(long) upward and P(short) downward; rules have none."
            ).classes("muted small")
        with ui.element("div").classes("rail"):
            panels = Panels()
    daily = await asyncio.to_thread(read_outlook, board.outlook, symbol)
    panels.show(found, score, outlook_panel(daily, board.now_ms()), viewer)
    version = board.snapshot.version
    drawn.show(version, found.price)

    async def push() -> None:
        nonlocal score, daily, version
        state = state_of(board, symbol)
        assert state is not None
        head.set_content(_head(board, state, around))
        if board.snapshot.version != version:
            version = board.snapshot.version
            score = await _score(board, symbol)
            daily = await asyncio.to_thread(read_outlook, board.outlook, symbol)
        drawn.show(version, state.price)
        panels.show(state, score, outlook_panel(daily, board.now_ms()), viewer)

    board.changed.subscribe(push)


def _candle(text: str | None) -> int | None:
    """The open of a candle that an address names."""
    try:
        return None if text is None else parse_instant(text)
    except ValueError:
        return None


def state_of(board: Board, name: str | None) -> CoinState | None:
    """The state of `BTCUSDT` or `btc`; of the first coin where none is named."""
    states = board.snapshot.states
    if name is None:
        return states[0] if states else None
    wanted = {name.upper(), f"{name.upper()}USDT"}
    return next((state for state in states if state.reading.symbol in wanted), None)


async def _score(board: Board, symbol: str) -> LoggedSignal | None:
    """The newest call of the analyzer, which has its score in parts."""
    wanted = LogFilter(symbol, source=Source.PROFESSIONAL_ANALYZER)
    found = await asyncio.to_thread(board.queries.log_page, wanted, None, 1)
    return found[0] if found else None


def _head(board: Board, state: CoinState, around: tuple[str, str]) -> Markup:
    coin = state.reading
    change = change_of(coin, board.timeframe, state.price)
    chip = pieces.tag("not scored", "muted")
    if state.signal is not None:
        chip = cells.chip(state.pred or Pred.NO_TRADE, filled=calibrated(state.signal))
    card = coin.model.card if coin.model else None
    return pieces.coin_head(
        coin.symbol,
        around,
        formats.number(state.price, state.decimals),
        formats.signed(None if change is None else 100 * change, 2, "%"),
        chip,
        drawings.verdict(card.verdict) if card else NOTHING,
        board.timeframe.name,
    )


def _unknown(board: Board, name: str) -> None:
    with ui.element("div").classes("panel empty"):
        ui.label(f"There is no coin '{name}' here" if name else "No coin is followed")
        ui.label("This engine follows:")
        with ui.element("div").classes("names"):
            for symbol in sorted(board.symbols):
                ui.link(formats.coin(symbol), f"/coin/{quote(symbol, safe='')}")
