"""What was read again and differs is stored, unless it cannot be the same candle."""

from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.plausibility import Plausibility
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.candle_intake import Arrived
from crypto_bot.engine.revisions import Revisions

M15 = Timeframe.parse("15m")


def candle(index: int) -> Candle:
    return Candle(index * M15.ms, 10.0, 10.1, 9.9, 10.05, 1.0)


def test_prices_of_something_else_are_no_revision() -> None:
    database = Database.open("sqlite://")
    archive, judge = SqlCandleArchive(database, M15), Plausibility(M15)
    past = [candle(index) for index in range(40)]
    archive.add({"BTCUSDT": past})
    judge.learn("BTCUSDT", past)
    revisions = Revisions(archive, ReplayClock(), judge)
    foreign = past[37]._replace(open=15.0, high=15.15, low=14.85, close=15.075)
    added = past[38]._replace(volume=2.0, close=10.04)
    again = (foreign, added, past[39], candle(40))  # the last one is not stored
    revisions.take({"BTCUSDT": Arrived([], [], complete=True, again=again)})
    assert revisions.store() == {"BTCUSDT": 1}
    assert archive.read("BTCUSDT", 0, EVER_MS, revised=True) == [*past[:38], added, past[39]]
    revisions.take({"BTCUSDT": Arrived([], [], complete=True, again=again)})
    assert revisions.store() == {}
    database.close()
