"""Every head of every view is explained by the glossary."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from nicegui import ElementFilter, ui
from nicegui.testing import UserInteraction

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page.frame import View
from crypto_bot.adapters.web.page.views import VIEWS
from crypto_bot.reports.glossary import TERMS, meaning
from tests.adapters.web.page.conftest import NOW_MS
from tests.adapters.web.page.made_figures import MadeCatalog, MadePaper, board_of
from tests.adapters.web.page.made_kept import backtests_of
from tests.adapters.web.page.made_log import fill
from tests.adapters.web.page.pages import inside, markup, shown, until

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
ADD = "add each to crypto_bot/reports/glossary.toml"


class Heads(HTMLParser):
    """The heads of columns without a tooltip, and how many there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.count, self.unexplained, self._inside = 0, list[str](), False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "th" and dict(attrs).get("scope") == "col"
        if self._inside:
            self.count += 1
            self._inside = not dict(attrs).get("title")

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.unexplained.append(data)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_every_head_is_in_the_glossary(
    view: View, database: Database, tmp_path: Path
) -> None:
    fill(database, symbols=SYMBOLS, bars=200)
    made: dict[str, Any] = {"symbols": SYMBOLS, "paper": MadePaper(NOW_MS, SYMBOLS)}
    made["catalog"] = MadeCatalog.of_every_verdict(SYMBOLS, NOW_MS)
    made["backtests"] = backtests_of(tmp_path, "rules")
    async with shown(board_of(database, NOW_MS, **made), view.build) as user:
        if view.name == "Performance":
            await until(lambda: "Reading the record" not in markup(user))
        with inside(user):
            details = [each for each in ElementFilter(kind=ui.element) if each.tag == "details"]
            tables = list(ElementFilter(kind=ui.table))
        for opens in details[:1]:
            UserInteraction(user, {opens}, None).trigger("toggle", True)
        heads = Heads(markup(user))
        columns = [column for table in tables for column in table.columns]
        unexplained = [column["label"] for column in columns if not column["title"]]
        assert heads.unexplained + unexplained == [], ADD
        assert heads.count + len(columns) > 5 or view.name in {"Coin", "System"}


def test_a_word_has_one_sentence_of_plain_text() -> None:
    for term, sentence in TERMS.items():
        assert sentence.endswith("."), term
        assert "<" not in sentence, term
        assert len(sentence) <= 160, term
    assert meaning("Started, Tokyo") == TERMS["Started"]
    assert meaning("no such word") == ""
