"""Months of the simulated exchange without a hand: `python -m benchmarks.months --days 182`.

An engine starts in an empty folder, on real candles and faster than time, with no command but
`crypto-bot run`: it fetches its history, trains, serves, retrains and changes the roles by itself.
Printed are every model with its roles, evidence and age, and what was missed.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.domain.instant import DAY_MS, HOUR_MS, instant
from crypto_bot.models.artifact import METRICS
from crypto_bot.models.catalog import headline
from crypto_bot.models.meta import Meta, meta_from
from tests.e2e.processes import Event, Process

_RECIPE = """\
name = "quick"
title = "Logistic regression alone"
features = "per_coin_v2"
window_bars = 16
serves = "logistic"
source = "ML_PER_COIN_V1"
[[outputs]]
horizon = "4b"
label = "A"
split = { kind = "walk_forward", folds = 4 }
[[families]]
name = "logistic"
"""
_SETTINGS = """\
tf = "1h"
symbols_file = "symbols.json"
database_url = "sqlite:///run.db"
models_dir = "models"
recipe = "quick.toml"
[exchange]
id = "sim"
[engine]
late_after_s = 21600.0  # a second of the machine is two hours of the market
[models]
served = "LOW"  # of an hour these models know no more than its time of day
[sim]
speed = {speed}
candles = "candles"
start = "{start}"
[retrain]
first = true
[api]
port = 0
"""
_BAR_MS = HOUR_MS
_HISTORY_DAYS = 731


class Known(NamedTuple):
    """A model that was published."""

    meta: Meta
    skill: str
    """Against the prior, as it was tested."""


def prepare(folder: Path, candles: Path, symbols: list[str], start: datetime, speed: float) -> None:
    """Writes settings, recipe and the candles of `symbols` from two years before `start` on."""
    (folder / "candles").mkdir()
    first_ms = int(start.timestamp() * 1000) - _HISTORY_DAYS * DAY_MS
    for symbol in symbols:
        held = pq.read_table(candles / f"{symbol}.parquet")
        kept = held.filter(pc.greater_equal(held["timestamp"].cast("int64"), first_ms))
        pq.write_table(kept, folder / "candles" / f"{symbol}.parquet")
    (folder / "symbols.json").write_text(str(symbols).replace("'", '"'), "utf-8")
    (folder / "quick.toml").write_text(_RECIPE, "utf-8")
    settings = _SETTINGS.format(speed=speed, start=start.isoformat())
    (folder / "crypto_bot.toml").write_text(settings, "utf-8")


def run(
    folder: Path, until_ms: int, most_s: float
) -> tuple[dict[tuple[str | None, str], Known], list[str]]:
    """The models that were published until then, and the lines of the engine's log."""
    known: dict[tuple[str | None, str], Known] = {}
    ends_s = time.monotonic() + most_s
    engine = Process(["-m", "crypto_bot", "run"], {}, folder)
    try:
        day = -1
        while (now_ms := _candle_ms(engine.event("cycle.finished"))) < until_ms:
            if time.monotonic() > ends_s:
                break
            if now_ms // DAY_MS != day:
                day = now_ms // DAY_MS
                known.update(_published(folder / "models"))
        known.update(_published(folder / "models"))
    finally:
        engine.kill()
    return known, engine.lines


def _candle_ms(event: Event) -> int:
    return int(datetime.fromisoformat(event["candle"]).timestamp() * 1000)


def _published(models: Path) -> Iterator[tuple[tuple[str | None, str], Known]]:
    for path in models.glob("**/meta.json"):
        try:
            meta = meta_from(path.read_bytes(), str(path))
            held = headline((path.parent / METRICS).read_bytes())
        except (OSError, ModelIncompatible):  # written or deleted in this moment
            continue
        skill = (
            ""
            if held is None
            else "{:.2f} [{:.2f}, {:.2f}]".format(*(100 * each for each in held.skill_prior))
        )
        yield (meta.symbol, meta.version), Known(meta, skill)


class Role(NamedTuple):
    """What a model answered in a role."""

    first_ms: int
    last_ms: int
    candles: int

    def words(self, ends_ms: int) -> str:
        """Its days, and the age of the model's data then."""
        ages = ((each - ends_ms) / DAY_MS for each in (self.first_ms, self.last_ms))
        first, last = (instant(each)[5:10] for each in (self.first_ms, self.last_ms))
        return "{} to {} (age {:.0f} to {:.0f} days), {:,} candles".format(
            first, last, *ages, self.candles
        )


def table(file: Path, known: dict[tuple[str | None, str], Known]) -> Iterator[str]:
    """A line for each model, by the end of its data and by coin."""
    with closing(sqlite3.connect(file)) as connection:
        answered: dict[tuple[str, str, str], Role] = {}
        query = """SELECT model_version, symbol, coalesce(role, 'champion'), min(candle_open_ms),
            max(candle_open_ms), count(*) FROM predictions WHERE model_version IS NOT NULL
            GROUP BY 1, 2, 3"""
        for version, symbol, role, *span in connection.execute(query):
            answered[version, symbol, role] = Role(*span)
        changes = connection.execute(
            "SELECT symbol, champion, at_ms, because, evidence FROM role_changes ORDER BY at_ms"
        ).fetchall()
    yield "| model | data until | skill as tested, % | challenger | champion | why |"
    yield "|---|---|---|---|---|---|"
    order = sorted(
        known.items(), key=lambda each: (each[1].meta.span.last_open_ms, each[0][0] or "")
    )
    for (symbol, version), (meta, skill) in order:
        ends_ms = meta.span.last_open_ms
        roles = []
        for role in ("challenger", "champion"):
            held = answered.get((version, symbol or "", role))
            roles.append("" if held is None else held.words(ends_ms))
        why = [
            f"{instant(at_ms)[:10]} {because}: {evidence}"
            for of, champion, at_ms, because, evidence in changes
            if (of or None, champion) == (symbol, version)
        ]
        name = f"{symbol or 'pool'} {version[:20]} {meta.verdict}"
        row = (name, instant(ends_ms)[:10], skill, *roles, "; ".join(why))
        yield f"| {' | '.join(row)} |"


def missed(file: Path) -> Iterator[str]:
    """What was answered, by whom, and whether each candle has exactly one signal."""
    with closing(sqlite3.connect(file)) as connection:
        ask = connection.execute
        # What the start computed of the week before it is no live signal.
        first_ms = ask("SELECT min(candle_open_ms) FROM predictions WHERE NOT late").fetchone()[0]
        served = "role IS NULL AND candle_open_ms >= ?"
        rows: list[tuple[Any, ...]] = ask(
            f"SELECT symbol, count(*), count(DISTINCT candle_open_ms), min(candle_open_ms),"  # noqa: S608 - no input
            f" max(candle_open_ms), sum(late), sum(model_version IS NOT NULL)"
            f" FROM predictions WHERE {served} GROUP BY 1",
            (first_ms,),
        ).fetchall()
    for symbol, signals, candles, oldest_ms, newest_ms, late, models in rows:
        expected = (newest_ms - oldest_ms) // _BAR_MS + 1
        yield (
            f"{symbol}: {signals:,} signals for {candles:,} of {expected:,} candles, {late} late, "
            f"{models:,} of models"
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=182.0)
    parser.add_argument("--speed", type=float, default=7500.0)
    parser.add_argument("--minutes", type=float, default=40.0, help="it ends then at the latest")
    parser.add_argument("--symbols", default="BTCUSDT,ETHUSDT,SOLUSDT")
    parser.add_argument("--start", default="2025-02-01")
    parser.add_argument("--folder", help="an empty one that is kept; default a temporary one")
    flags = parser.parse_args()
    candles = Path(os.environ["CRYPTO_BOT_TEST_DATA"]) / "candles_15m"
    start = datetime.fromisoformat(flags.start).replace(tzinfo=UTC)
    until_ms = int(start.timestamp() * 1000 + flags.days * DAY_MS)
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(flags.folder or aside)
        prepare(folder, candles, flags.symbols.split(","), start, flags.speed)
        known, lines = run(folder, until_ms, 60 * flags.minutes)
        for line in (*table(folder / "run.db", known), *missed(folder / "run.db")):
            print(line)
        for event in ("train.due", "job.ended", "model.drifted", "model.promoted"):
            print(event, sum(f'"event": "{event}"' in line for line in lines))


if __name__ == "__main__":
    main()
