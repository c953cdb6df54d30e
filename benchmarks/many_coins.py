"""The engine with more coins than are shipped: `python -m benchmarks.many_coins 32 128 512`.

A first start with the usual record of a week, closes, memory and the page, on a simulated exchange
whose time runs 30 times as fast.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.page import SYMBOLS, Daemon, ready

SPEED = 30
CLOSES = 5
FIRST_S = 1_800.0


def measure(count: int) -> None:
    """Prints the figures of `count` coins."""
    symbols = [*SYMBOLS, *(f"SIM{number:03}USDT" for number in range(1, count))][:count]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "symbols.json"
        file.write_text(json.dumps(symbols))
        began = time.perf_counter()
        engine = Daemon(f"sqlite:///{folder / 'engine.db'}", folder, file, SPEED)
        try:
            while engine.event("cycle.finished", FIRST_S)["owed"]:
                pass
            first_s = time.perf_counter() - began
            before_ms = engine.cpu_ms()
            closes = [engine.event("cycle.finished", FIRST_S) for _ in range(CLOSES)]
            processor_ms = (engine.cpu_ms() - before_ms) / CLOSES
            cycle_ms, round_s = (
                statistics.median(float(str(each[name])) for each in closes)
                for name in ("cycle_ms", "round_s")
            )
            print(
                f"{count} coins: first start {first_s:.1f} s; close {cycle_ms:.1f} ms, "
                f"round {round_s / SPEED:.2f} s, {processor_ms:.0f} ms of a processor; "
                f"memory {engine.memory_bytes / 1e6:.0f} MB; "
                f"database {(folder / 'engine.db').stat().st_size / 1e6:.0f} MB",
                flush=True,
            )
            ready(engine)
        finally:
            engine.end()


def main() -> None:
    """Measures each number of coins that is named."""
    for count in map(int, sys.argv[1:] or ("32", "128", "512")):
        measure(count)


if __name__ == "__main__":
    main()
