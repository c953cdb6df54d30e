"""`crypto-bot paper`, and the settings of paper accounts."""

from pathlib import Path
from typing import Any

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.app.paper import stop_file
from crypto_bot.app.settings import load
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.paper import Market, Sizing
from tests.app.conftest import Run
from tests.domain.paper_accounts import D, plan
from tests.engine.paper.paper_world import M15, World, flat, made


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The database of an engine whose account `spot` has one open long position."""
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    world = World(plan(name="spot", market=Market.SPOT), url=url)
    paper = world.start()
    for bar in range(2):
        world.close(bar, flat(bar), AUSDT=made("AUSDT", bar))
        paper.advance()
    world.database.close()
    return url


def test_status_stop_and_resume(url: str, tmp_path: Path, run: Run) -> None:
    symbols = tmp_path / "symbols.json"
    symbols.write_text('["AUSDT", "BUSDT", "CUSDT"]')
    flags = ("--database_url", url, "--symbols_file", str(symbols))
    code, printed = run("paper", "status", *flags)
    assert (code, "spot" in printed) == (0, True)
    assert "9,994.00" in printed, "a fee of 10 bp and 2 bp of spread on 5,000"
    assert "holding 1" not in printed
    assert "Paper trading is on." in printed
    _, printed = run("paper", "stop", "--reason", "a test", *flags)
    assert "by command: a test. Resume: crypto-bot paper resume" in printed
    database = Database.open(url)
    assert SqlPaperStore(database, M15).kill_switch().on
    database.close()
    (tmp_path / "PAPER_STOP").touch()
    assert run("paper", "resume", *flags) == (0, "Paper trading is on.\n")
    assert not (tmp_path / "PAPER_STOP").exists(), "the file would stop trading again"


def test_the_stop_file_is_beside_the_database(tmp_path: Path) -> None:
    settings = load({"database_url": f"sqlite:///{tmp_path / 'x' / 'engine.db'}"})
    assert stop_file(settings) == tmp_path / "x" / "PAPER_STOP"
    assert stop_file(load({"database_url": "sqlite://"})) == Path("data/PAPER_STOP")
    named = {"paper": {"stop_file": tmp_path / "halt"}}
    assert stop_file(load(named)) == tmp_path / "halt"


def test_the_accounts_of_the_settings() -> None:
    spot, perp = load({}).paper.plans()
    assert (spot.market, perp.market) == (Market.SPOT, Market.PERP)
    assert (spot.costs.taker_bps, perp.costs.taker_bps) == (D(10), D(5))
    assert (spot.costs.maker_bps, perp.costs.maker_bps) == (D(10), D(2))
    account = {"name": "k", "sizing": "kelly", "drawdown": 0, "max_positions": 0, "trail_atr": 0}
    (made_,) = load({"paper": {"accounts": [account]}}).paper.plans()
    assert made_.sizing.method is Sizing.KELLY
    assert (made_.rules.drawdown, made_.rules.max_positions, made_.exits.trail_atr) == (None,) * 3
    assert load({"paper": {"enabled": "0"}}).paper.plans() == []


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        ([{"name": "A b"}], "name"),
        ([{"name": "a", "parts": [0.5, 0.5, 0.5]}], "parts must add up to 1"),
        ([{"name": "a", "targets_atr": [3, 2, 4]}], "targets_atr must ascend"),
        ([{"name": "a", "leverage": 5}], "unknown setting paper.accounts.0.leverage"),
        ([{"name": "a"}, {"name": "a", "market": "perp"}], "must be unique; used twice: a"),
    ],
)
def test_invalid_settings(accounts: list[dict[str, Any]], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        load({"paper": {"accounts": accounts}})
