"""Overview: what is on, and whether all is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlencode

from markupsafe import Markup
from nicegui import ui

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.page.figures import button, empty_state, html, vue_table
from crypto_bot.adapters.web.page.frame import shown_at
from crypto_bot.adapters.web.page.log_rows import ending
from crypto_bot.adapters.web.page.markup import drawings, pieces
from crypto_bot.adapters.web.page.notices import Notice
from crypto_bot.adapters.web.page.snapshot import Snapshot, settled_ms
from crypto_bot.adapters.web.page.starting import start_job
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.ports import TRAIN, LoggedSignal

_COLUMNS = (
    ("coin", "Coin", "symbol", "left"),
    ("price", "Price, USDT", "price_sort", "right"),
    ("change", "24 h", "change_sort", "right"),
    ("line", "Course of 24 hours", "coin", "left"),
    ("signal", "Signal", "signal", "left"),
    ("p", "Short | none | long", "p_sort", "left"),
    ("track", "Stop to target", "near_sort", "left"),
    ("r", "Now", "r_sort", "right"),
    ("bars", "Bars", "bars_sort", "right"),
    ("expected", "Exp. bp", "expected_sort", "right"),
    ("verdict", "Model", "verdict_sort", "left"),
    ("source", "Source", "source", "left"),
    ("record", "Hit rate 30 d, n", "rate_sort", "left"),
    ("last", "Last 10", "last_sort", "left"),
)
"""Name, heading, what is sorted and searched by, and side of each column."""

_LINE = """
<tr :class="{quiet: !props.row.live, divide: props.row.divide, stale: props.row.stale}">
  <th scope="row" class="coin"><a class="line" :href="props.row.href"
      :title="props.row.symbol">{{ props.row.coin }}</a></th>
  <td class="price num">{{ props.row.price }}</td>
  <td class="change num">{{ props.row.change }}</td>
  <td class="spark" v-html="props.row.line"></td>
  <td v-if="props.row.stale" class="signal crit" colspan="1">⚠ {{ props.row.stale }}</td>
  <td v-else class="signal" v-html="props.row.chip" :title="props.row.reasons"></td>
  <td v-if="props.row.live || props.row.bar" class="p"><div class="pair">
    <span class="bar" v-if="props.row.bar" v-html="props.row.bar"></span>
    <span v-else-if="props.row.live" class="muted">no probability</span>
    <b>{{ props.row.p }}</b></div></td>
  <td v-if="!props.row.live" class="near" :colspan="props.row.bar ? 4 : 5"
    v-html="props.row.near"></td>
  <template v-else><td class="track" v-html="props.row.track"></td>
  <td class="r num">{{ props.row.r }}</td>
  <td class="bars num">{{ props.row.bars }}</td>
  <td class="expected num">{{ props.row.expected }}</td></template>
  <td class="verdict" :title="props.row.model"><span v-html="props.row.verdict"></span>
    <span class="muted age">{{ props.row.age }}</span></td>
  <td class="source">{{ props.row.source }}</td>
  <td class="record"><div class="pair"><span class="bar" v-html="props.row.record"></span>
    <span class="rate num">{{ props.row.rate }}</span>
    <span class="n num muted">{{ props.row.n }}</span></div></td>
  <td class="last" v-html="props.row.last"></td>
</tr>
"""


async def build(board: Board, viewer: Viewer, asked: Mapping[str, str]) -> None:
    """The strip, the table of the coins, and the rail; the filter stands in the address."""
    snapshot = board.snapshot
    with ui.element("div").classes("strip"):
        strip = [html("card panel", pieces.card(card)) for card in snapshot.cards]
    with ui.element("div").classes("split"):
        with ui.element("div").classes("panel wide"):
            empty = empty_state(
                "No signal yet",
                "The first cycle runs once the candles are loaded, the next at every "
                f"{board.timeframe.name} close. Until then nothing is scored.",
                kind="empty",
            )
            empty.set_visibility(snapshot.scored == 0)
            search = (
                ui.input(
                    placeholder="Filter: coin, signal, verdict, source",
                    value=asked.get("q", ""),
                    on_change=lambda event: ui.navigate.history.replace(_address(event.value)),
                )
                .props('dense borderless clearable debounce=150 aria-label="Filter the coins"')
                .classes("search")
            )
            table = _table(snapshot)
            table.bind_filter_from(search, "value")
        with ui.element("div").classes("rail"):
            warnings = ui.element("div").classes("panel warnings")
            endings = html("panel endings", _endings(snapshot.endings, viewer))
            if board.about:
                ui.label(board.about).classes("muted small")
    with warnings:
        _warn(snapshot.notices, viewer, board)

    def push() -> None:
        nonlocal snapshot
        before, snapshot = snapshot, board.snapshot
        for drawn, card in zip(strip, snapshot.cards, strict=True):
            drawn.set_content(pieces.card(card))
        table.rows = list(snapshot.rows)
        empty.set_visibility(snapshot.scored == 0)
        endings.set_content(_endings(snapshot.endings, viewer))
        if (snapshot.notices, snapshot.scored == 0) != (before.notices, before.scored == 0):
            warnings.clear()
            with warnings:
                _warn(snapshot.notices, viewer, board)

    board.changed.subscribe(push)


def _address(wanted: str | None) -> str:
    return shown_at("/") + (f"?{urlencode({'q': wanted})}" if wanted else "")


def _table(snapshot: Snapshot) -> ui.table:
    columns = [
        {"name": name, "label": label, "field": field, "align": side}
        | {"sortable": name != "line", "hidden": name == "line"}
        | ({"sortOrder": "da"} if name == "track" else {})
        for name, label, field, side in _COLUMNS
    ]
    nothing = 'no-data-label="No coin matches the filter"'
    return vue_table(columns, _LINE, snapshot.rows, "symbol", nothing)


def _warn(warnings: Sequence[Notice], viewer: Viewer, board: Board) -> None:
    with ui.element("div").classes("head"):
        ui.label("Needs attention").classes("title")
        ui.label(str(len(warnings) or "")).classes("muted")
    if not warnings and board.snapshot.scored == 0:
        ui.label("–")
    elif not warnings:
        ui.label("Nothing needs you.").classes("strong")
        ui.label("The feed is fresh and no model is stale or blocked.").classes("muted")
    for warning in warnings:
        with ui.element("div").classes("warning"):
            name, colour = ("blocked", "crit") if warning.is_critical else ("warning", "warn")
            html("", drawings.mark(name, colour), tag="span")
            with ui.element("div"):
                ui.label(formats.in_zone(warning.what, viewer.zone))
                ui.label(warning.next).classes("muted small")
                if warning.command:
                    _act(warning, board)


def _act(warning: Notice, board: Board) -> None:
    """The command of `warning` to copy, and a button that starts the training."""
    with ui.element("code").classes("command small"):
        ui.label(warning.command)
    with ui.element("div").classes("acts"):
        button("Copy", lambda: ui.clipboard.write(warning.command), "switch")
        if warning.trains and board.jobs is not None:
            button("Train now", partial(start_job, board.jobs, TRAIN, {}), "switch solid")


def _endings(endings: Sequence[LoggedSignal], viewer: Viewer) -> Markup:
    """The latest outcomes."""
    head = pieces.heading("Latest outcomes", viewer.zone_label)
    if not endings:
        then = "A call resolves at its stop, its target, or after its horizon."
        return head + pieces.nothing("No outcome yet", then)
    for each in endings:
        symbol = each.stored.signal.symbol
        head += ending(each, settled_ms(each), formats.coin(symbol), viewer, symbol)
    return head
