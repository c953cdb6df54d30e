"""Memory of training 32 coins: a driver that builds the panel, and a worker for each core.

The workers learn the network of all the coins, then grow trees from the same rows, which is what
takes most; both are as they are in a run but for their length, on which memory does not depend.

Real candles: `CRYPTO_BOT_TEST_DATA` or ../shared/data. What each process keeps for itself is added
up; pages that several share, such as the panel's, count once in all (Linux, smaps_rollup).
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import structlog

from crypto_bot.adapters.store.candle_files import read_candles
from crypto_bot.app.symbols import load_symbols
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.lightgbm import LightGbmFamily, LightGbmSettings
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.models.memory import give_back
from crypto_bot.training.fit import fit_rows
from crypto_bot.training.folds import folds_of, rows_to_fit
from crypto_bot.training.panel import Coin, Question, build_panel, load_panel
from crypto_bot.training.plan import TrainingPlan, spec_of

ROOT = Path(__file__).parents[1]
SYMBOLS = load_symbols(ROOT / "symbols_32.json")
WORKERS = os.cpu_count() or 1
EVERY_S = 0.2
QUESTION = Question(Timeframe.parse("15m"), feature_set("per_coin_v2"), LABELS.get("A"), 16)
SHORT = NetSettings(epochs=1, up_epochs=1, epoch_examples=20_000, device="cpu")
FEW = LightGbmSettings(move_rounds=5, up_rounds=5)
BUILT, LEARNED = "built", "learned"


def drive(folder: Path, data: Path) -> None:
    """The driver: builds the panel of all the coins, then waits for the workers."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    coins = []
    for symbol in SYMBOLS:
        columns = read_candles(data / f"{symbol}.parquet")
        coins.append(Coin(symbol, CandleTable(columns.open_ms, np.column_stack(columns[1:]))))
    leader = next(coin.table for coin in coins if coin.symbol == QUESTION.features.leader)
    panel = build_panel(coins, leader, QUESTION, folder)
    (folder / BUILT).write_text(f"{panel.usable.size:,} rows, {int(panel.usable.sum()):,} usable")
    del coins, leader, panel
    give_back()
    spawn = multiprocessing.get_context("spawn")
    all_here = spawn.Barrier(WORKERS)
    workers = [spawn.Process(target=work, args=(folder, fold, all_here)) for fold in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0


def work(folder: Path, fold: int, all_here: Barrier) -> None:
    """A worker: the pool's model on one fold, and trees beside it."""
    panel = load_panel(folder, tuple(SYMBOLS), QUESTION)
    plan = TrainingPlan(judged=tuple(SYMBOLS), family=FamilyChoice(settings=SHORT))
    rows = rows_to_fit(panel, folds_of(panel, plan), -1 - fold)
    fit_rows(panel, plan, rows)
    give_back(panel.features)
    all_here.wait()
    (folder / LEARNED).touch()
    spec = spec_of(QUESTION, FamilyChoice("lightgbm_v1"))
    LightGbmFamily(spec, FEW).fit(panel.examples(rows.fit), panel.separate(rows.validation))


class Held(NamedTuple):
    """Memory of all processes together, in bytes: whole, and without what files back."""

    whole: int
    own: int


def held(driver: psutil.Process) -> Held:
    """Of the driver and all that it has started."""
    whole = own = 0
    for process in (driver, *driver.children(recursive=True)):
        try:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:  # it has ended
            continue
        parts = {line.split()[0]: line.split()[1] for line in lines.splitlines()[1:]}
        whole += int(parts["Pss:"]) * 1024
        own += int(parts["Pss_Anon:"]) * 1024
    return Held(whole, own)


def main() -> None:
    """Prints the largest sums met while the panel is built and while the workers learn."""
    data = Path(os.environ.get("CRYPTO_BOT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "candles_15m").is_dir():
        print(f"memory: no real candles in {data}")
        return
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spawn = multiprocessing.get_context("spawn")
        child = spawn.Process(target=drive, args=(folder, data / "candles_15m"))
        child.start()
        assert child.pid is not None
        driver = psutil.Process(child.pid)
        most = {
            "building the panel": Held(0, 0),
            f"{WORKERS} workers, the network": Held(0, 0),
            f"{WORKERS} workers, trees": Held(0, 0),
        }
        while child.is_alive():
            phase = list(most)[sum((folder / each).exists() for each in (BUILT, LEARNED))]
            now = held(driver)
            most[phase] = Held(*(max(pair) for pair in zip(most[phase], now, strict=True)))
            time.sleep(EVERY_S)
        assert child.exitcode == 0
        built = (folder / BUILT).read_text()
    print(f"memory: {len(SYMBOLS)} coins, {built}; {time.perf_counter() - begun:.0f} s")
    print("| | GB, shared pages once | of which not backed by files |\n|---|---|---|")
    for phase, peak in most.items():
        print(f"| {phase} | {peak.whole / 1e9:.2f} | {peak.own / 1e9:.2f} |")


if __name__ == "__main__":
    main()
