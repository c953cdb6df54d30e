"""The closed trades of a paper account as a table for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crypto_bot.domain.instant import instant
from crypto_bot.domain.paper_report import ClosedTrade
from crypto_bot.ports import PaperTrading
from crypto_bot.reports.log_formats.csv_text import csv_pieces

_CHUNK = 1000
NAMES = (
    *("prediction_id", "symbol", "side", "source", "entered", "ended", "amount", "entry", "exit"),
    *("reason", "gross", "fees", "funding", "net", "r"),
)


def trades_csv(paper: PaperTrading, account: str) -> Iterator[bytes]:
    """All of them, the newest first, in pages; money to the last digit."""

    def pages() -> Iterator[list[dict[str, Any]]]:
        skip = 0
        while page := paper.trades(account, skip, _CHUNK):
            yield [_line(trade) for trade in page]
            skip += len(page)

    return csv_pieces(NAMES, pages())


def _line(trade: ClosedTrade) -> dict[str, Any]:
    times = {"entered": instant(trade.entry_ms), "ended": instant(trade.exit_ms)}
    return {name: times.get(name) or getattr(trade, name) for name in NAMES}
