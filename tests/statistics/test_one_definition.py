"""Every view, command and answer of the API gives one figure equal to the last digit shown."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import starmap
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from nicegui import ElementFilter, ui
from nicegui.testing import User

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.web.coverage import Coverage
from crypto_bot.adapters.web.history import serve_history
from crypto_bot.adapters.web.models import serve_models
from crypto_bot.adapters.web.page import coin, formats, log, models, overview, paper, performance
from crypto_bot.adapters.web.page.board import Board
from crypto_bot.adapters.web.paper import serve_paper
from crypto_bot.app.cli import main
from crypto_bot.app.paper import trading
from crypto_bot.app.settings import load
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.ports import ModelCatalog, PaperTrading
from simulated_exchange.generated import GeneratedMarket
from tests.adapters.web.page.made_figures import QUARTER, MadeCatalog, board_of, stored_calls
from tests.adapters.web.page.pages import charts, inside, markup, shown, until
from tests.reports.made_calls import BAR_MS, T0, market

COINS = tuple(f"{name}USDT" for name in ("BTC", "ETH", "SOL", "ADA", "XRP", "LTC"))
WEEK_MS = 7 * DAY_MS
ACCOUNTS = ("spot", "perp")
NUMBER = r"[-+−]?\d[\d,]*(?:\.\d+)?"
Figures = dict[str, dict[str, tuple[str, ...]]]
"""By name: the digits at each place."""


class Walk:
    """Collects figures by name and place."""

    def __init__(self) -> None:
        self.found: Figures = {}

    def note(self, name: str, place: str, *shown: str) -> None:
        digits = tuple(
            each.replace("−", "-").replace(",", "").strip("+%R") for each in shown if each
        )
        self.found.setdefault(name, {})[place] = digits

    def read(self, name: str, place: str, pattern: str, text: str) -> None:
        """The numbers of the one match of `pattern` in `text`; `#` stands for a number."""
        found = re.search(pattern.replace("#", f"({NUMBER})"), text)
        assert found is not None, f"{place} does not show {name}: {pattern}\n{text}"
        self.note(name, place, *(each for each in found.groups() if each))


def plain(markup_: str) -> str:
    """Markup without drawings and tags."""
    text = html.unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", markup_, flags=re.DOTALL))
    return " ".join(text.split())


def seen(user: User) -> str:
    """The text of a view: its markup, then its labels."""
    with inside(user):
        labels = [str(element.text) for element in ElementFilter(kind=ui.label)]
    return " ".join([plain(markup(user)), *labels])


def rows_of(user: User) -> dict[str, list[list[str]]]:
    """The rows of all figures tables by their first cell."""
    found: dict[str, list[list[str]]] = {}
    for row in re.findall(r"<tr>(.*?)</tr>", markup(user), flags=re.DOTALL):
        cells = re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL)
        first, *others = map(plain, cells)
        found.setdefault(first, []).append(others)
    return found


def printed_rows(text: str) -> dict[str, list[str]]:
    """The rows of printed tables by their first cell."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def terminal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


async def walk_models(walk: Walk, board: Board, database: Database) -> None:
    """Models and the API; the tested skill stands on Performance too."""
    body = (await answers(database, "/api/models", catalog=board.catalog))["models"]
    async with shown(board, models.build) as user:
        text = seen(user)
    for symbol in COINS:
        walk.read(f"skill of {symbol}", "models", rf"{formats.coin(symbol)} \D.*? #%", text)
        skill = body[symbol]["model"]["metrics"]["skill_prior"]["value"]
        walk.note(f"skill of {symbol}", "api", formats.signed(100 * skill, 2))


async def answers(
    database: Database,
    path: str,
    held: PaperTrading | None = None,
    catalog: ModelCatalog | None = None,
) -> dict[str, Any]:
    app = FastAPI()
    if catalog is not None:
        serve_models(app, catalog, Coverage(COINS, QUARTER))
    serve_history(app, SqlPredictionQueries(database, QUARTER), Coverage(COINS, QUARTER))
    if held is not None:
        serve_paper(app, held)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer: dict[str, Any] = (await client.get(path)).json()
    return answer


SENTENCE = r"Hit rate #% \[#, #\], n # \(# calls\); break-even #%, after costs"
FEW = {"fewer than 30": formats.MISSING}
"""Where there is no estimate a table says why."""


def rate_of(decisions: Mapping[str, Any]) -> str:
    rate, n = decisions["hit_rate"], decisions["n"]
    return formats.MISSING if rate is None else formats.rate(rate, n)


async def walk_record(walk: Walk, board: Board, database: Database) -> None:
    """Overview, Performance, every coin, and the API."""
    async with shown(board, overview.build) as user:
        text = seen(user)
        pattern = r"Hit rate, 30 days.*?#% 95% \[#, #\], n # \(# calls\); break-even #"
        walk.read("hit rate", "overview", pattern, text)
        if "Log loss against baseline, 7 days –" not in text:
            pattern = r"Log loss against baseline, 7 days \S+ (?:proven )?#% 95% \[#, #\]"
            walk.read("log loss", "overview", pattern, text)
        (table,) = user.find(ui.table).elements
        for row in table.rows:
            walk.note(f"hit rate of {row['symbol']}", "overview", row["rate"], row["n"])
    async with shown(board, performance.build) as user:
        await until(lambda: "Reading the record" not in markup(user))
        walk.read("hit rate", "performance", SENTENCE, seen(user))
        table_rows = rows_of(user)
        for symbol in COINS:
            (_, rate, n), *tested = table_rows[formats.coin(symbol)][::-1]
            walk.note(f"hit rate of {symbol}", "performance", FEW.get(rate, rate), n)
            for cells in tested:
                walk.note(f"skill of {symbol}", "performance", cells[2].partition("%")[0])
        ends = [each.options["series"][-1].get("endLabel") for each in charts(user)]
        for label in filter(None, ends):
            walk.note("log loss of the newest week", "performance", label["formatter"])
    for symbol in COINS:
        async with shown(board, coin.build, symbol=symbol) as user:
            found = re.search(r"Hit rate (\S+) \[[^]]*\], n (\S+) \(", seen(user))
            assert found is not None
            walk.note(f"hit rate of {symbol}", "coin", *found.groups())
            walk.read(f"newest result of {symbol}", "coin", "Last calls .*? #R", seen(user))
        async with shown(board, log.build, coin=symbol, result="trade") as user:
            (table,) = user.find(ui.table).elements
            newest = table.rows[0]
        walk.note(f"newest result of {symbol}", "log", newest["r"])
        prices = [newest[each] for each in ("entry", "stop", "target")]
        walk.note(f"prices of {symbol}", "log", *prices)
        lines = (await answers(database, f"/api/signals?symbol={symbol}&limit=1000"))["signals"]
        line = next(each for each in lines if each["id"] == newest["id"])
        exact = (line["entry"], line["stop_loss"], line["take_profits"][0])
        rounded = map(formats.number, exact, [len(each.partition(".")[2]) for each in prices])
        walk.note(f"prices of {symbol}", "api", *rounded)
    body = await answers(database, "/api/performance")
    held = body["overall"]["episodes"]
    interval = Interval(held["hit_rate"], *held["interval"])
    counts = formats.number(held["n"]), formats.number(body["overall"]["trades"])
    ends = re.findall(NUMBER, formats.interval(interval, held["n"]))
    walk.note("hit rate", "api", rate_of(held), *ends, *counts, formats.percent(held["break_even"]))
    for symbol, record in body["by_symbol"].items():
        held = record["episodes"]
        walk.note(f"hit rate of {symbol}", "api", rate_of(held), formats.number(held["n"]))


def walk_review(walk: Walk, printed: str) -> None:
    walk.read("hit rate", "review", SENTENCE, printed)
    rows = printed_rows(printed)
    for symbol in COINS:
        n, _, rate, *_ = rows[symbol]
        walk.note(f"hit rate of {symbol}", "review", rate, n)


async def walk_paper(walk: Walk, board: Board, database: Database, held: PaperTrading) -> None:
    """Overview's card, the two accounts of Paper with all their parts, and the API."""
    async with shown(board, overview.build) as user:
        text = seen(user)
        walk.read("equity of spot", "overview", "Paper equity, spot USDT #", text)
        walk.read("return of spot", "overview", rf"Paper equity, spot USDT {NUMBER} #%", text)
        walk.read("drawdown of spot", "overview", "worst drawdown #%", text)
    bodies = (await answers(database, "/api/paper", held))["accounts"]
    for account, body in zip(ACCOUNTS, bodies, strict=True):
        async with shown(board, paper.build, account=account) as user:
            text, rows = seen(user), rows_of(user)
            curve = next(each.options for each in charts(user) if "axisPointer" in each.options)
        walk.read(f"equity of {account}", "card", rf"Equity # {NUMBER}% start", text)
        walk.read(f"return of {account}", "card", rf"Equity {NUMBER} #% start", text)
        walk.read(f"drawdown of {account}", "card", "Drawdown, worst #%", text)
        described = curve["aria"]["label"]["description"]
        walk.read(f"equity of {account}", "chart", "now #,", described)
        walk.read(f"drawdown of {account}", "chart", "drawdown #%", described)
        (mark,) = curve["series"][2]["markPoint"]["data"]
        walk.note(f"drawdown of {account}", "mark", mark["value"])
        deepest = min(below for _, below in curve["series"][2]["data"])
        walk.note(f"drawdown of {account}", "curve", f"{deepest:.1f}")
        walk.read(f"mean of {account}", "sentence", r"Mean result of a trade #R", text)
        walk.read(f"mean of {account}", "card", r"Result a trade #R", text)
        walk.read(f"mean of {account}", "bridge", r"mean #R", rows["ended"][0][1])
        walk.read(f"trades of {account}", "sentence", r"95% \[[^]]*\], n #, after fees", text)
        walk.note(f"trades of {account}", "bridge", rows["ended"][0][0])
        walk.read(f"trades of {account}", "pages", r"1 to \d+ of #", text)
        walk.read(f"fees of {account}", "card", r"Fees and funding # funding", text)
        walk.note(f"fees of {account}", "bridge", rows["fees"][0][0].strip("−"))
        known = body["statistics"]
        walk.note(f"equity of {account}", "api", formats.number(body["equity"], 2))
        walk.note(f"return of {account}", "api", formats.signed(100 * known["return_share"], 2))
        walk.note(f"drawdown of {account}", "api", formats.signed(-100 * known["max_drawdown"], 1))
        mean = known["expectancy_r"]["estimate"]
        walk.note(f"mean of {account}", "api", formats.signed(mean, 2))
        walk.note(f"trades of {account}", "api", formats.number(known["trades"]))
        walk.note(f"fees of {account}", "api", formats.number(known["fees"], 2))
        for by, groups in held.parts(account).by.items():
            walk.note(f"trades of {account}", by, str(sum(each.trades for each in groups)))
        total = sum((day.change for day in held.days(account)), Decimal(0))
        walk.note(f"result of {account}", "days", formats.signed(float(total), 2))
        walk.note(f"result of {account}", "bridge", rows["equity less the start"][0][0])


def walk_status(walk: Walk, printed: str) -> None:
    rows = printed_rows(printed)
    for account in ACCOUNTS:
        _, equity, _, _, trades, change, _, drawdown, mean, fees, _ = rows[account]
        shown_there = {"equity": equity, "trades": trades, "return": change}
        shown_there |= {"drawdown": drawdown, "mean": mean, "fees": fees}
        for name, figure in shown_there.items():
            walk.note(f"{name} of {account}", "status", figure)


def differences(walk: Walk) -> Figures:
    """Figures that differ from place to place."""
    return {name: at for name, at in walk.found.items() if len(set(at.values())) != 1}


def a_week(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """A replayed week as a database with its candles; what the backtest printed."""
    source, into = (f"sqlite:///{folder / name}" for name in ("candles.db", "signals.db"))
    (folder / "symbols_32.json").write_text(json.dumps(COINS))
    made = GeneratedMarket(COINS, BAR_MS, seed=3)
    candles = {
        symbol: list(starmap(Candle, made.candles(symbol, T0 - 10 * DAY_MS, T0 + WEEK_MS - 1)))
        for symbol in COINS
    }
    database = Database.open(source)
    SqlCandleArchive(database, QUARTER).add(candles)
    database.close()
    words = ("--use_ml", "0", "--symbols_file", str(folder / "symbols_32.json"))
    period = ("--since", "2025-12-01", "--until", "2025-12-07T23:45", "--into", into)
    printed = terminal(capsys, "backtest", "--database_url", source, *words, *period)
    database = Database.open(into)
    SqlCandleArchive(database, QUARTER).add(candles)
    database.close()
    return into, printed


def traded(database: Database, url: str) -> PaperTrading:
    """Both accounts over the whole log, which live ones would call late."""
    accounts: Sequence[dict[str, Any]] = [
        {"name": name, "market": name, "late": False, "drawdown": 0, "daily_loss": 0}
        for name in ACCOUNTS
    ]
    settings = load({"database_url": url, "paper": {"accounts": accounts}})
    held = trading(settings, COINS, database, lambda: T0 + WEEK_MS)
    held.recover(at_open=True, instruments={})
    held.advance()
    return held


@pytest.mark.slow
async def test_a_week_of_replay_shows_each_figure_alike_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, printed = a_week(tmp_path, capsys)
    walk = Walk()
    walk.read("hit rate", "backtest", SENTENCE, printed)
    database = Database.open(url)
    held = traded(database, url)
    board = board_of(
        database, T0 + WEEK_MS, symbols=COINS, newest_ms=T0 + WEEK_MS - BAR_MS, paper=held
    )
    await walk_record(walk, board, database)
    await walk_paper(walk, board, database, held)
    database.close()
    words = ("--database_url", url, "--symbols_file", str(tmp_path / "symbols_32.json"))
    walk_review(walk, terminal(capsys, "review", *words, "--use_ml", "0"))
    walk_status(walk, terminal(capsys, "paper", "status", *words))
    assert differences(walk) == {}
    places = {name: len(at) for name, at in walk.found.items()}
    assert places["hit rate"] == 5
    assert [places[f"hit rate of {symbol}"] for symbol in COINS] == [5] * len(COINS)
    assert [places[f"drawdown of {account}"] for account in ACCOUNTS] == [7, 6]
    assert [places[f"trades of {account}"] for account in ACCOUNTS] == [11, 11]


async def test_log_loss_of_models_is_alike_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    database = Database.open(url)
    rows = [row._replace(symbol=COINS[int(row.symbol[1])]) for row in market(20, coins=len(COINS))]
    stored_calls(database, rows)
    now_ms = rows[-1].candle_open_ms + BAR_MS
    walk = Walk()
    catalog = MadeCatalog.of_every_verdict(COINS, now_ms)
    board = board_of(database, now_ms, symbols=COINS, catalog=catalog)
    await walk_record(walk, board, database)
    await walk_models(walk, board, database)
    database.close()
    printed = terminal(capsys, "review", "--database_url", url, "--use_ml", "0")
    walk_review(walk, printed)
    walk.read("log loss", "review", r"over 7 days: #% \[#, #\]", printed)
    whole = walk.found["log loss"]["review"]
    walk.note("log loss of the newest week", "review", whole[0])
    assert differences(walk) == {}
    assert len(walk.found["log loss"]) == len(walk.found["log loss of the newest week"]) == 2
    assert [len(walk.found[f"skill of {symbol}"]) for symbol in COINS] == [3] * len(COINS)
    assert [len(walk.found[f"prices of {symbol}"]) for symbol in COINS] == [2] * len(COINS)
