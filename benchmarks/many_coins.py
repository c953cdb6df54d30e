"""The engine with more coins than are shipped: `python -m benchmarks.many_coins 32 128 512`.

A first start with the usual record of a week, closes, memory and the page, on a simulated exchange
that replays a minute in a second.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.page import SYMBOLS, Daemon, ready

SPEED = 60
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
            rounds = [engine.event("cycle.finished") for _ in range(CLOSES)]
            cycle_ms, processor_ms = engine.cycles(CLOSES)
            round_s = statistics.median(float(str(each["round_s"])) for each in rounds) / SPEED
            print(
                f"{count} coins: first start {first_s:.1f} s; close {cycle_ms:.1f} ms, "
                f"round {round_s:.2f} s, {processor_ms:.0f} ms of a processor; "
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
