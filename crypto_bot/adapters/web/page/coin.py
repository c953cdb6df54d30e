"""Coin: what it was called, why, who declined, and how its calls ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup
from nicegui import ui

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.candle_chart import BARS, chart, moved
from crypto_bot.adapters.web.page.chart_marks import ChartData
from crypto_bot.adapters.web.page.coin_panels import Panels
from crypto_bot.adapters.web.page.figures import html
from crypto_bot.adapters.web.page.markup import NOTHING, drawings, pieces
from crypto_bot.adapters.web.page.outlook_panel import outlook_panel, read_outlook
from crypto_bot.adapters.web.page.rows import CoinState, change_of
from crypto_bot.adapters.web.page.trade import calibrated
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.signal import Pred

_LEGEND = (
    (drawings.mark("up", "long"), "long call"),
    (drawings.mark("down", "short"), "short call"),
    (drawings.mark("full"), "target"),
    (drawings.mark("cross"), "stop"),
    (drawings.mark("clock"), "expired"),
)


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The coin that the address names; without a name the first of the overview."""
    found = _asked_for(board, asked.get("symbol"))
    if found is None:
        _unknown(board, asked.get("symbol", ""))
        return
    symbol = found.reading.symbol
    data = await _data(board, found)
    names = sorted(board.symbols)
    at = names.index(symbol)
    around = names[at - 1], names[(at + 1) % len(names)]
    spoken = "".join(letter for letter in symbol if letter.isalnum())  # in a quoted property
    head = html("coin-head", _head(board, found, around))
    with ui.element("div").classes("split coin"):
        with ui.element("div").classes("panel chart-panel"):
            html("legend muted", pieces.legend(_LEGEND))
            drawn = ui.echart(chart(data, viewer), renderer="canvas").classes("chart")
            drawn.props(
                f'role=img aria-label="Candles of {spoken} with calls and outcomes; '
                'the numbers stand in the panels beside it"'
            )
            ui.label(
                "Shaded: reward and risk of the open call until it expires. The lowest band shows "
                "a model's P(long) above and P(short) below zero; rules have none."
            ).classes("muted small")
        with ui.element("div").classes("rail"):
            panels = Panels()
    daily = await asyncio.to_thread(read_outlook, board.outlook, symbol)
    panels.show(found, data.lines, outlook_panel(daily, board.now_ms()), viewer)
    version = board.snapshot.version

    async def push() -> None:
        nonlocal data, daily, version
        state = _asked_for(board, symbol)
        assert state is not None
        head.set_content(_head(board, state, around))
        if board.snapshot.version != version:
            version = board.snapshot.version
            data = await _data(board, state)
            daily = await asyncio.to_thread(read_outlook, board.outlook, symbol)
            drawn.options.update(chart(data, viewer))
            drawn.update()
        elif state.price != data.price:
            data = data._replace(price=state.price, trade=state.trade)
            drawn.run_chart_method("setOption", moved(data, viewer))
        panels.show(state, data.lines, outlook_panel(daily, board.now_ms()), viewer)

    board.changed.subscribe(push)


def _asked_for(board: Board, name: str | None) -> CoinState | None:
    """The state of `BTCUSDT` or `btc`; of the first coin where none is named."""
    states = board.snapshot.states
    if name is None:
        return states[0] if states else None
    wanted = {name.upper(), f"{name.upper()}USDT"}
    return next((state for state in states if state.reading.symbol in wanted), None)


async def _data(board: Board, state: CoinState) -> ChartData:
    symbol = state.reading.symbol
    candles = await asyncio.to_thread(board.queries.candles, symbol, BARS)
    wanted = LogFilter(symbol, since_ms=candles[0].open_ms if candles else 0)
    lines = await asyncio.to_thread(board.queries.log_page, wanted, None, BARS)
    return ChartData(candles, lines, board.timeframe, state.signal, state.trade, state.price)


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
