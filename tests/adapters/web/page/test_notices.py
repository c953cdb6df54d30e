"""What needs a person: stale models first, as one notice with what trains them anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.web.page.notices import notices
from crypto_bot.adapters.web.page.readings import read
from crypto_bot.adapters.web.page.rows import states
from crypto_bot.adapters.web.page.training_table import RunLine
from crypto_bot.domain.model_card import Staleness
from tests.adapters.web.page.conftest import NOW_MS, Engine, MakeBoard
from tests.adapters.web.page.made_figures import card, entry
from tests.adapters.web.page.made_log import NEWEST_MS, QUARTER, fill

STALE = Staleness(1_756_683_900_000, 45.0)  # 2025-08-31T23:45Z


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (None, ("until it is trained on newer candles.", "crypto-bot train all", True)),
        (
            RunLine("15m, process", "running", NOW_MS - 600_000, None, 8, 32, ""),
            ("made 8 of 32 models, about 30 min left.", "", False),
        ),
    ],
)
def test_stale_models_are_one_notice_and_the_first(
    make_board: MakeBoard,
    engine: Engine,
    run: RunLine | None,
    expected: tuple[str, str, bool],
) -> None:
    engine.loses_the_exchange(NOW_MS - 90_000)
    board = make_board()
    known = read(board, board.record.headline(1))
    model = entry("ETHUSDT", card("STALE"))._replace(stale=STALE)
    coins = [coin._replace(model=model) for coin in known.coins]
    runs = () if run is None else (run,)
    first, second = notices(known._replace(coins=coins, runs=runs, now_ms=NOW_MS), [])
    assert first.what == (
        "Every model is STALE: its data ended on 2025-08-31, 45 days are the limit."
    )
    then, command, trains = expected
    assert first.next.endswith(then)
    assert (first.command, first.trains) == (command, trains)
    assert second.what.startswith("The exchange is down")
    (some, _) = notices(known._replace(coins=[coins[0], *known.coins[1:]]), [])
    assert some.what.startswith("The model of BTC is STALE")


def test_an_outage_is_one_notice_with_what_happens_next(
    make_board: MakeBoard, database: Database, engine: Engine
) -> None:
    fill(database, newest_ms=NEWEST_MS - 2 * QUARTER.ms)
    engine.health = replace(
        engine.health,
        exchange_down_since_ms=NOW_MS - 90_000,
        exchange_problem="binance gave no reply",
        owed_candles=9,
        oldest_owed_open_ms=NEWEST_MS - QUARTER.ms,
    )
    board = make_board()
    known = read(board, board.record.headline(1))
    (outage,) = notices(known, states(known))
    assert outage.what.startswith("The exchange is down since 2025-12-01T")
    assert outage.what.endswith(": binance gave no reply")
    assert "all missed candles are fetched" in outage.next
