"""`crypto-bot optimise`: what a search sees, how it resumes, and what it counts."""

import json
from contextlib import closing
from itertools import starmap
from pathlib import Path

import numpy as np
import optuna
import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.search_space import applied, longest_bars, space_of
from crypto_bot.app.searches import Search
from crypto_bot.app.settings import load
from crypto_bot.backtesting.backtest import Past
from crypto_bot.backtesting.search import Span, cut
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.candle_table import CandleTable, candle_table
from simulated_exchange.generated import GeneratedMarket
from tests.app.conftest import Run

H1 = Timeframe.parse("1h")
MADE = ("BTCUSDT", "ETHUSDT")
SINCE_MS = 20_000 * DAY_MS
DAYS = 290
SPACE = """
[engine]
analyzer_threshold = { low = 0.1, high = 0.3 }
[account]
stop_atr = { low = 1, high = 3, step = 0.5 }
cooldown_bars = { low = 0, high = 8 }
targets_atr = { choices = [[1, 2, 3], [2, 3, 4]] }
"""
CONFIG = """
use_ml = false
tf = "1h"
symbols_file = "coins.json"
database_url = "sqlite:///engine.db"
"""


def history() -> dict[str, list[Candle]]:
    market = GeneratedMarket(MADE, HOUR_MS, seed=5)
    first_ms, last_ms = SINCE_MS - 700 * HOUR_MS, SINCE_MS + DAYS * DAY_MS - HOUR_MS
    return {
        symbol: list(starmap(Candle, market.candles(symbol, first_ms, last_ms))) for symbol in MADE
    }


@pytest.fixture
def candles(empty_folder: Path) -> Path:
    """A folder with a database of made candles, settings and a search space."""
    with closing(Database.open("sqlite:///engine.db")) as database:
        SqlCandleArchive(database, H1).add(history())
    Path("coins.json").write_text(json.dumps(MADE))
    Path("crypto_bot.toml").write_text(CONFIG)
    Path("space.toml").write_text(SPACE)
    return empty_folder


WORDS = (
    *("optimise", "--since", "2024-10-04", "--space", "space.toml", "--folds", "1"),
    *("--account", "perp", "--max_workers", "1", "--json", "s.json", "--toml", "s.toml"),
)


@pytest.mark.slow
def test_a_search_resumes_counts_its_looks_and_its_settings_can_be_used(
    candles: Path, run: Run
) -> None:
    code, printed = run(*WORDS, "--trials", "3", "--report", "s.html")
    assert code == 0, printed
    first = json.loads((candles / "s.json").read_text())
    assert (first["trials"], first["searches_judged"]) == (3, 1)
    assert first["accounts_tried"] == 4  # the default too
    assert "Not the first look" not in printed
    page = (candles / "s.html").read_text()
    assert first["sentence"].split(". ")[1] in page
    assert "http" not in page.split("</style>")[1]

    # The chosen settings, taken over, trade on the outer fold as they were judged.
    (fold,) = first["folds"]
    (candles / "s.toml").write_text(CONFIG + (candles / "s.toml").read_text())
    since, until = fold["judged"]
    words = ("--since", since, "--until", until, "--json", "b.json")
    code, printed = run("backtest", "--config", "s.toml", *words)
    assert code == 0, printed
    accounts = json.loads((candles / "b.json").read_text())["accounts"]
    (account,) = (each for each in accounts if each["name"] == "perp")
    assert account["return_pct"] == pytest.approx(fold["return_pct"]["best"], abs=1e-6)
    assert account["trades"] == first["shown"]["best"]["trades"]

    # A trial whose process was ended is made again; the others stand.
    storage = "sqlite:///searches.db"
    (name,) = optuna.get_all_study_names(storage)
    optuna.load_study(study_name=name, storage=storage).ask()
    code, printed = run(*WORDS, "--trials", "5", "--max_workers", "2")
    assert code == 0, printed
    more = json.loads((candles / "s.json").read_text())
    assert (more["trials"], more["searches_judged"]) == (5, 2)
    assert "Not the first look" in printed
    trials = optuna.load_study(study_name=name, storage=storage).trials
    states = [each.state.name for each in trials]
    assert states.count("FAIL") == 1
    assert len(states) == 6
    run(*WORDS, "--trials", "5")
    assert json.loads((candles / "s.json").read_text()) == more


def test_candles_after_the_search_change_nothing_of_it(empty_folder: Path) -> None:
    del empty_folder
    settings = load({"use_ml": False, "tf": "1h", "engine": {"analyzer_threshold": 0.2}})
    tables = {MADE[0]: candle_table(history()[MADE[0]])}
    span = Span(SINCE_MS, SINCE_MS + DAYS * DAY_MS - HOUR_MS)
    (fold,) = cut(span, 1, 3 * DAY_MS, HOUR_MS)
    rng = np.random.default_rng(1)
    other = {}
    for symbol, table in tables.items():
        later = table.open_ms > fold.searched.until_ms
        moved = np.exp(np.cumsum(later * rng.normal(0.0, 0.01, later.size)))
        other[symbol] = CandleTable(table.open_ms, table.candles * moved[:, None])
    values = {"engine.analyzer_threshold": 0.15, "account.stop_atr": 1.5}
    found = []
    for past in (Past(tables=tables), Past(tables=other)):
        search = Search(settings=settings, account="perp", past=past, since_ms=span.since_ms)
        found.append((search.tried(values, fold.inner), search.judged(values, fold.outer)[0]))
    (one, judged), (two, judged_on_others) = found
    assert one == two
    assert one.worth is not None
    assert judged.change != judged_on_others.change


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[engine]\nanalyser_threshold = { low = 0.1, high = 0.2 }", "did you mean analyzer_thr"),
        ("[accounts]\nrisk = { low = 0.1, high = 0.2 }", "did you mean account?"),
        ("[account]\ntaker_bps = { low = 1, high = 2 }", "unknown name taker_bps"),
        ("[account]\nrisk = { low = 0.1, high = 2 }", "account.risk = 2.0: Input should be less"),
        ("[account]\nrisk = { low = 0.2, high = 0.1 }", "low and a higher high"),
        ("[account]\nrisk = { low = 0.1, hihg = 0.2 }", "account.risk.hihg"),
        ("[account]\nrisk = { low = 0.0, high = 0.2, log = true }", "log needs a low above 0"),
        ("[account]\nmax_positions = { low = 1.5, high = 3 }", "account.max_positions = 1.5"),
        ("[account]\nsizing = { low = 1, high = 3 }", "account.sizing = 1.0"),
        ("[account]\ntargets_atr = { choices = [[3, 2, 1]] }", "must ascend"),
        ("[account]\nlate = { choices = [true] }", "unknown name late"),
        ("[family]\nleaves = { low = 3, high = 9 }", "needs --walk_forward and one --family"),
        ("risk = 1", "unknown name risk"),
        ("", "nothing to search"),
        ("[", "is not TOML"),
    ],
)
def test_a_wrong_search_space_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        space_of(path, {})
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_the_shipped_space_and_that_of_a_family_are_taken(tmp_path: Path) -> None:
    settings = load({"use_ml": False})
    space = space_of(None, {})
    assert {each.key for each in space} >= {"engine.horizon_bars", "account.targets_atr"}
    assert longest_bars(settings, "spot", space) == 48
    short = load({"use_ml": False, "engine": {"record_lag_bars": 40}})
    with pytest.raises(ConfigError, match="record_lag_bars = 40 must exceed"):
        longest_bars(short, "spot", space)
    path = tmp_path / "space.toml"
    path.write_text("[family]\nleaves = { low = 7, high = 63, log = true }")
    (leaves,) = space_of(path, {"leaves": 31, "learning_rate": 0.03})
    assert (leaves.whole, leaves.value(12.0)) == (True, 12)
    threshold = next(each for each in space if each.name == "analyzer_threshold")
    changed = applied(settings, "perp", {threshold.key: threshold.value(0.3456789)})
    assert changed.engine.analyzer_threshold == 0.3457
    assert [each.name for each in changed.paper.accounts] == ["perp"]
