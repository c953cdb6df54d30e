"""The table of the coins on the overview, of which the browser gets a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments, ValueChangeEventArguments

from crypto_bot.adapters.web.page.figures import button, vue_table
from crypto_bot.adapters.web.page.rows import Row

PAGE_COINS = 64
"""With all their drawings 512 rows took a browser 3 s and more, and every price took them again."""
_SEARCHED = ("symbol", "coin", "signal", "verdict_sort", "source", "stale")

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


_FORGET = "() => history.replaceState(history.state, '', location.pathname)"


class CoinsTable:
    """Rows that are filtered, sorted and turned over here.

    The browser keeps the filter in the address (`ticker.js`): written from here, it would come
    after a key that leads elsewhere, and stop that.
    """

    def __init__(self, rows: Sequence[Row], wanted: str) -> None:
        self._rows, self._wanted = rows, wanted
        self._first = 0
        self._order: dict[str, Any] = {"sortBy": None, "descending": False}
        ui.input(
            placeholder="Filter: coin, signal, verdict, source",
            value=wanted,
            on_change=self._filter,
        ).props('dense borderless clearable debounce=150 aria-label="Filter the coins"').classes(
            "search"
        ).on("clear", js_handler=_FORGET)
        columns: list[dict[str, Any]] = [
            {"name": name, "label": label, "field": field, "align": side}
            | {"sortable": name != "line", "hidden": name == "line"}
            | ({"sortOrder": "da"} if name == "track" else {})
            for name, label, field, side in _COLUMNS
        ]
        nothing = 'no-data-label="No coin matches the filter"'
        self._table = vue_table(columns, _LINE, [], "symbol", nothing)
        self._table.on("request", self._sort, ["pagination"])
        with ui.element("div").classes("further") as self._pages:
            self._back = button("Before", lambda: self._turn(-PAGE_COINS), "switch")
            self._on = button("Next", lambda: self._turn(PAGE_COINS), "switch")
            self._where = ui.label().classes("muted")
        self.show(rows)

    def show(self, rows: Sequence[Row]) -> None:
        """The page that is open, of `rows` in their own order or the one that was asked for."""
        self._rows = rows
        found = self._found()
        last = max(0, len(found) - 1) // PAGE_COINS * PAGE_COINS
        self._first = min(max(0, self._first), last)
        until = min(len(found), self._first + PAGE_COINS)
        # That there is a number of rows makes the browser ask here for another order.
        self._table.pagination = {**self._order, "rowsPerPage": 0, "rowsNumber": len(found)}
        self._table.props["data-filter"] = self._wanted  # Enter waits for it (`ticker.js`)
        self._table.rows = found[self._first : until]
        self._pages.set_visibility(last > 0)
        self._where.set_text(f"Coins {self._first + 1} to {until} of {len(found)}")
        for each, more in ((self._back, self._first > 0), (self._on, self._first < last)):
            each.props(remove="disabled") if more else each.props("disabled")

    def _found(self) -> list[Row]:
        wanted = self._wanted.casefold()
        found = [
            row
            for row in self._rows
            if any(wanted in str(row[field]).casefold() for field in _SEARCHED)
        ]
        field = next((each[2] for each in _COLUMNS if each[0] == self._order["sortBy"]), None)
        if field is not None:
            found.sort(key=lambda row: row[field], reverse=self._order["descending"])
        return found

    def _filter(self, event: ValueChangeEventArguments[str | None]) -> None:
        self._wanted, self._first = event.value or "", 0
        self.show(self._rows)

    def _sort(self, event: GenericEventArguments) -> None:
        asked = event.args["pagination"]
        self._order = {name: asked.get(name) for name in self._order}
        self._first = 0
        self.show(self._rows)

    def _turn(self, by: int) -> None:
        self._first += by
        self.show(self._rows)
