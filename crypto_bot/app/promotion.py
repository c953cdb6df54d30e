"""Once a day: has a challenger earned the place of its champion?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import fsum, nan
from typing import NamedTuple

import structlog

from crypto_bot.app.schedule import look_s
from crypto_bot.domain.errors import SignalUnavailable, TrainingError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.role_change import Because, PairedDay, RoleChange
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.registry import ModelRegistry
from crypto_bot.ports import Clock
from crypto_bot.ports.roles import Pair, RoleLog
from crypto_bot.statistics.e_process import PROMOTING, e_process

LEAST_DAYS = 14

_log = structlog.get_logger()


class Evidence(NamedTuple):
    """What is known of the challengers, all of them together."""

    symbols: frozenset[str]
    """The coins that both have answered for."""
    days: int
    difference: float
    """Mean daily advantage of the challengers in log loss, nats; NaN without a day."""
    wealth: float
    """Of the e-process now; 1 at the start."""
    proven: bool
    """Whether the wealth has reached its limit on a day from `LEAST_DAYS` on."""

    @classmethod
    def of(cls, found: Sequence[PairedDay]) -> Evidence:
        """Of the coins' days, put together day by day."""
        if not found:
            return cls(frozenset(), 0, nan, 1.0, proven=False)
        means = []
        for _, coins in groupby(found, lambda each: each.day):
            day = list(coins)
            means.append(fsum(each.summed for each in day) / sum(each.n for each in day))
        wealth = e_process(means)
        return cls(
            frozenset(each.symbol for each in found),
            len(means),
            fsum(means) / len(means),
            float(wealth[-1]),
            proven=bool((wealth[LEAST_DAYS - 1 :] >= PROMOTING).any()),
        )

    def __str__(self) -> str:
        return (
            f"{self.days} days, {len(self.symbols)} coins: log loss lower by "
            f"{1000 * self.difference:+.2f} thousandths of a nat a candle, wealth "
            f"{self.wealth:.2f} (promoted at {PROMOTING:g} after {LEAST_DAYS} days)"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Promotion:
    """Compares the challengers of an engine with its champions, and changes the roles.

    All challengers of a timeframe rise together: they are of one training run, and a day's coins
    are too alike to prove anything by themselves.
    """

    champions: ModelRegistry
    challengers: ModelRegistry
    symbols: Sequence[str]
    timeframe: Timeframe
    roles: RoleLog
    clock: Clock

    async def run(self) -> None:
        """Until it is cancelled; compares once a day. Raises StoreError."""
        day = -1
        while True:
            today = self.clock.now_ms() // DAY_MS
            if self.challengers.has_models():
                await asyncio.to_thread(self.look, compare=today != day)
                day = today
            await asyncio.sleep(look_s(self.clock))

    def look(self, *, compare: bool = True) -> list[RoleChange]:
        """Promotes what may answer where the champion may not; with `compare` what has earned it.

        A promotion that was interrupted is finished: coins that have changed places already are
        not compared by the days before. Raises StoreError.
        """
        from crypto_bot.models.roles import challenged  # noqa: PLC0415 - torch: see ModelRegistry

        evidence = self.evidence() if compare else Evidence.of(())
        if evidence.days:
            _log.info("challenger.compared", evidence=str(evidence), proven=evidence.proven)
        rising: dict[str | None, tuple[Because, str]] = {}
        earned = {self.challengers.owner(each) for each in evidence.symbols if evidence.proven}
        newest_ms = self._newest_ms()
        for symbol in challenged(self.challengers.models_dir, self.timeframe.name):
            theirs = self.challengers.find_own(symbol, newest_ms)
            if isinstance(theirs, SignalUnavailable):
                continue
            ours = self.champions.find_own(symbol, newest_ms)
            if isinstance(ours, SignalUnavailable):
                rising[symbol] = Because.SUCCESSION, str(ours)
            elif ours.version == theirs.version:
                rising[symbol] = Because.EVIDENCE, "a promotion that was interrupted"
            elif symbol in earned:
                rising[symbol] = Because.EVIDENCE, str(evidence)
        return self._changed(rising)

    def evidence(self) -> Evidence:
        """Of the days that are over, of the models that answer now. Raises StoreError."""
        newest_ms, pairs = self._newest_ms(), dict[str, Pair]()
        for symbol in self.symbols:
            ours = self.champions.find(symbol, newest_ms)
            theirs = self.challengers.find(symbol, newest_ms)
            if isinstance(ours, SignalUnavailable) or isinstance(theirs, SignalUnavailable):
                continue
            pairs[symbol] = Pair(ours.name, theirs.name)
        return Evidence.of(self.roles.paired_days(pairs, self.clock.now_ms() // DAY_MS))

    def _newest_ms(self) -> int:
        return self.timeframe.last_closed(self.clock.now_ms())

    def _changed(self, rising: Mapping[str | None, tuple[Because, str]]) -> list[RoleChange]:
        """Changes the roles of the coins of `rising`, each for its reason."""
        from crypto_bot.models.roles import promote  # noqa: PLC0415 - as above

        folders = self.champions.models_dir, self.challengers.models_dir
        changes = []
        for symbol, (because, words) in rising.items():
            try:
                names = promote(*folders, symbol, self.timeframe.name)
            except (SignalUnavailable, TrainingError) as error:
                _log.warning("model.not_promoted", symbol=symbol or "pool", reason=str(error))
                continue
            changes.append(RoleChange(self.clock.now_ms(), symbol, *names, because, words))
            self.roles.add(changes[-1:])
            _log.info("model.promoted", symbol=symbol or "pool", because=because, evidence=words)
        return changes
