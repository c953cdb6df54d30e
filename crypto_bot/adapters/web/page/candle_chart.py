"""The chart of a coin: an element of the page that draws what `chart_pages` answers."""

from __future__ import annotations

from urllib.parse import quote

from nicegui import ui

from crypto_bot.adapters.web.page.chart_pages import span_ms, timeframes
from crypto_bot.adapters.web.page.frame import shown_at
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.timeframe import Timeframe


class CandleChart(ui.element, component="candle_chart.js", esm={"crypto-bot-candles": "candles"}):
    """Drawn by the browser, which reads its data itself: again when `version` changes.

    `at_ms` is the candle that it opens at, in place of the newest.
    """

    def __init__(self, symbol: str, base: Timeframe, viewer: Viewer, at_ms: int | None) -> None:
        super().__init__()
        self._props.update(
            url=shown_at(f"/coin/{quote(symbol, safe='')}/bars"),
            frames=[
                {"name": each.name, "step": each.ms // 1000, "span": span_ms(base, each) // 1000}
                for each in timeframes(base)
            ],
            look=viewer.palette._asdict(),
            zone=viewer.zone_name,
            at=None if at_ms is None else at_ms // 1000,
            version=0,
            price=None,
        )

    def show(self, version: int, price: float | None) -> None:
        """Lets the browser read the newest candles, where `version` is another; draws `price`."""
        if (self._props["version"], self._props["price"]) != (version, price):
            self._props.update(version=version, price=price)
            self.update()
