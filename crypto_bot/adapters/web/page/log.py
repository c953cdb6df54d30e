"""Log: every prediction and its outcome, a hundred lines at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from markupsafe import Markup
from nicegui import ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.figures import empty_state, html, vue_table
from crypto_bot.adapters.web.page.log_filters import RESULTS, LogAddress, read_address
from crypto_bot.adapters.web.page.log_rows import Row, log_row
from crypto_bot.adapters.web.page.markup import pieces
from crypto_bot.adapters.web.page.trade import SOURCES
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.adapters.web.templating import render
from crypto_bot.domain.signal import Source
from crypto_bot.ports import LoggedSignal, LogPosition
from crypto_bot.reports.log_export import LOG_FORMATS

PAGE_LINES = 100
_COLUMNS = (
    ("time", "Close", "left"),
    ("coin", "Coin", "left"),
    ("source", "Source", "left"),
    ("p", "Short | none | long", "left"),
    ("call", "Call", "left"),
    ("entry", "Entry", "right"),
    ("stop", "Stop", "right"),
    ("target", "Target", "right"),
    ("outcome", "Outcome", "left"),
    ("r", "Result", "right"),
    ("lag", "Made after", "right"),
)

_LINE = """
<tr class="entry" @click="props.expand = !props.expand">
  <td class="time"><button class="opens" :data-line="props.row.id"
    :aria-expanded="String(props.expand)" :title="props.row.iso"
    @click.stop="props.expand = !props.expand">{{ props.row.time }}</button></td>
  <th scope="row" class="coin"><a :href="props.row.href" @click.stop>{{ props.row.coin }}</a></th>
  <td class="source">{{ props.row.source }}</td>
  <td class="p"><div class="pair" v-if="props.row.bar"><span class="bar" v-html="props.row.bar">
    </span><b>{{ props.row.p }}</b></div></td>
  <td class="signal" v-html="props.row.chip"></td>
  <td class="price num">{{ props.row.entry }}</td>
  <td class="stop num">{{ props.row.stop }}</td>
  <td class="target num">{{ props.row.target }}</td>
  <td class="outcome"><span v-html="props.row.glyph"></span> {{ props.row.word }}</td>
  <td class="r num" :class="props.row.tone">{{ props.row.r }}</td>
  <td class="lag num">{{ props.row.lag }} <b class="warn">{{ props.row.late }}</b></td>
</tr>
<tr v-if="props.expand" class="opened"><td colspan="11"><div class="inside">
  <div><div class="title">Reasons</div><ul class="chain">
    <li v-for="reason in props.row.declined" class="muted">{{ reason }}</li>
    <li v-for="reason in props.row.reasons">{{ reason }}</li></ul></div>
  <div><div class="title">Inputs and result</div><dl class="facts">
    <template v-for="input in props.row.inputs"><dt>{{ input[0] }}</dt><dd>{{ input[1] }}</dd>
    </template></dl></div>
</div></td></tr>
"""


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The filters, a page of lines, and the way to older ones."""
    address = read_address(asked, board.symbols, viewer.zone)
    found = await _read(board, address)
    html("", _form(board, viewer, address))
    for message in address.refused:
        ui.label(message).classes("refused warn")
    with ui.element("div").classes("panel wide"):
        table = _table(board, found, viewer)
        empty = _nothing(address)
        empty.set_visibility(not found)
        further = html("further", _further(address, found))
    if address.before is not None:
        return

    version = board.snapshot.version

    async def push() -> None:
        nonlocal found, version
        if board.snapshot.version == version:
            return
        version = board.snapshot.version
        news = await _read(board, address)
        if news != found:
            found = news
            table.rows = _rows(board, news, viewer)
            empty.set_visibility(not news)
            further.set_content(_further(address, news))

    board.changed.subscribe(push)


async def _read(board: Board, address: LogAddress) -> list[LoggedSignal]:
    """The lines of a page, and one more where there are older ones."""
    page = board.queries.log_page
    return await asyncio.to_thread(page, address.wanted, address.before, PAGE_LINES + 1)


def _table(board: Board, found: Sequence[LoggedSignal], viewer: Viewer) -> ui.table:
    columns = [
        {"name": name, "label": label, "field": name, "align": side}
        for name, label, side in _COLUMNS
    ]
    columns[0] |= {"label": f"Close, {viewer.zone_label}", "term": "Close"}
    rows = _rows(board, found, viewer)
    return vue_table(columns, _LINE, rows, "id", "hide-no-data").classes("lines")


def _rows(board: Board, found: Sequence[LoggedSignal], viewer: Viewer) -> list[Row]:
    states = {state.reading.symbol: state for state in board.snapshot.states}
    rows = []
    for line in found[:PAGE_LINES]:
        state = states.get(line.stored.signal.symbol)
        decimals, model = (state.decimals, state.reading.model) if state else (2, None)
        rows.append(log_row(line, board.timeframe, decimals, viewer, model))
    return rows


def _nothing(address: LogAddress) -> ui.element:
    if address.texts:
        empty = empty_state(
            "No line matches", "Widen the filters, or leave them out.", kind="empty"
        )
        with empty:
            ui.link("Show all", "/log")
        return empty
    first = "The first come with the first cycle, once the candles are loaded."
    return empty_state("No prediction yet", first, kind="empty")


def _form(board: Board, viewer: Viewer, address: LogAddress) -> Markup:
    """The filters as a form that leads to their address."""
    texts = address.texts
    coins = [(symbol, formats.coin(symbol)) for symbol in sorted(board.symbols)]
    sources = [
        (source.value, name)
        for source, name in SOURCES.items()
        if source is not Source.DAILY_OUTLOOK  # stands in logs of its own
    ]
    results = [(ended.value, name) for ended, name in RESULTS.items()]
    return render(
        "log_filters.html",
        choices=(
            ("coin", "Coin", coins, address.wanted.symbol or ""),
            ("source", "Source", sources, texts.get("source", "")),
            ("result", "Result", results, texts.get("result", "")),
        ),
        times=[
            ("from", "From", texts.get("from", "")),
            ("to", "To", texts.get("to", "")),
        ],
        zone=viewer.zone_label,
        query=address.query(),
        formats=[
            (ending, ending.upper() if ending == "csv" else ending.title())
            for ending in LOG_FORMATS.names()
        ],
    )


def _further(address: LogAddress, found: Sequence[LoggedSignal]) -> Markup:
    """Links to the newest and to older lines, where there are any."""
    older = None
    if len(found) > PAGE_LINES:
        last = found[PAGE_LINES - 1].stored.signal
        older = address.query(LogPosition(last.candle_open_ms, last.symbol))
    return pieces.further(address.query() if address.before is not None else None, older)
