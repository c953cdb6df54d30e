"""Days of the simulated exchange with every fault: `python -m benchmarks.soak --days 7`.

Engines that take it for a live exchange are killed, suspended, given a full disk and wrong replies,
in the last third of the time without their end, so that what one process takes can be compared.
Then nothing may be lost, doubled, early or different from an undisturbed run.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks.disturbed_engines import (
    ALL,
    FAULT_RATE,
    HELD_RATE,
    WHILE_IT_RUNS,
    Disturbance,
    Engines,
    Plan,
    Starts,
)
from benchmarks.undisturbed import Stored, compared
from crypto_bot.app.symbols import load_symbols
from simulated_exchange.intervals import DAY_MS
from tests.e2e.processes import ROOT, Process

_CALM_CANDLES = 1.0
_GROWTH = 1.05
_SHOWN = 20


class Taken(NamedTuple):
    """What one engine takes."""

    memory_bytes: int
    descriptors: int


@dataclass(slots=True)
class Figures:
    """The results."""

    plan: Plan
    disturbances: Counter[str] = field(default_factory=Counter)
    faults: dict[str, int] = field(default_factory=dict)
    """Injected by the exchange, by kind."""
    taken: list[Taken] = field(default_factory=list)
    """By the engine of the last third, after each disturbance."""
    seconds: float = 0.0
    processor_s: float = 0.0
    """Of the engines and the exchange."""
    stored: Stored = field(default_factory=Stored)

    def wrong(self) -> list[str]:
        """What must not be."""
        early, late = self.taken[len(self.taken) // 4], self.taken[-1]
        found = list(self.stored.wrong)
        if late.memory_bytes > early.memory_bytes * _GROWTH:
            found.append(f"memory grows: {early} {late}")
        if late.descriptors > early.descriptors + len(self.plan.symbols):  # a connection each
            found.append(f"descriptors are kept: {early} {late}")
        return found

    def __str__(self) -> str:
        plan, stored, wrong = self.plan, self.stored, self.wrong()
        most = Taken(*map(max, zip(*self.taken, strict=True)))
        lines = (
            f"{plan.days:g} days of {len(plan.symbols)} coins at {plan.speed:g} times real time",
            f"{self.seconds:.0f} s, {self.processor_s:.0f} s of a processor",
            f"disturbances {sum(self.disturbances.values())}: {dict(self.disturbances)}",
            f"faults of replies {sum(self.faults.values())}: {self.faults}",
            f"the last engine: {self.taken[0]} at first, {self.taken[-1]} at last, at most {most}",
            f"{stored.candles:,} candles with one prediction each, {stored.revised} revised later",
            f"ledgers: {stored.events} events, {stored.trades} closed trades",
            *(wrong[:_SHOWN] or ["nothing lost, doubled, early or different"]),
            *([f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []),
        )
        return "\n".join(lines)


def soak(folder: Path, starts: Starts, plan: Plan, seed: int = 1) -> Figures:
    """Disturbs engines for `plan.days`, each kind of disturbance at least once."""
    rng = random.Random(seed)  # noqa: S311 - when to disturb what, not secrets
    began, figures = time.monotonic(), Figures(plan)
    engines = Engines(folder, starts, plan)
    engines.now.event("cycle.finished")
    engines.faults(FAULT_RATE, HELD_RATE)
    start_ms = engines.clock.now_ms()
    for share, kinds in ((2 / 3, ALL), (1.0, WHILE_IT_RUNS)):
        until_ms = start_ms + share * plan.days * DAY_MS
        is_over = False
        while not is_over:
            for disturb in kinds:
                _disturb(engines, disturb, rng, figures)
                if kinds is WHILE_IT_RUNS:
                    figures.taken.append(Taken(*engines.taken()))
            is_over = engines.clock.now_ms() >= until_ms
    figures.faults = engines.end()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures.processor_s = used.ru_utime + used.ru_stime
    figures.seconds = time.monotonic() - began
    figures.stored = compared(folder, engines)
    return figures


def _disturb(engines: Engines, disturb: Disturbance, rng: random.Random, figures: Figures) -> None:
    engines.now.event("cycle.finished")
    disturb(engines, rng)
    engines.wait(_CALM_CANDLES)
    figures.disturbances[disturb.__name__] += 1


def main() -> None:
    """Prints the figures; exits with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--speed", type=float, default=600.0)
    parser.add_argument("--coins", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    flags = parser.parse_args()
    symbols = load_symbols(ROOT / "symbols_32.json")[: flags.coins]
    running: list[Process] = []
    with tempfile.TemporaryDirectory() as folder:

        def starts(words: list[str], environment: Mapping[str, str]) -> Process:
            running.append(Process(words, dict(environment), Path(folder)))
            return running[-1]

        try:
            plan = Plan(symbols, flags.speed, flags.days)
            figures = soak(Path(folder), starts, plan, flags.seed)
        finally:
            for process in running:
                process.kill()
    print(figures)
    raise SystemExit(bool(figures.wrong()))


if __name__ == "__main__":
    main()
