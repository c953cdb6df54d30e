"""Once a day: has a challenger earned the place of its champion?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from math import fsum, nan
from typing import TYPE_CHECKING, NamedTuple

import structlog

from crypto_bot.app.schedule import look_s
from crypto_bot.domain.errors import SignalUnavailable, TrainingError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.notice import Level, Notice, Topic
from crypto_bot.domain.role_change import Because, PairedDay, RoleChange
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.registry import ModelRegistry
from crypto_bot.ports import Clock
from crypto_bot.ports.roles import Pair, RoleLog
from crypto_bot.statistics.e_process import PROMOTING, e_process

if TYPE_CHECKING:
    from crypto_bot.models.artifact import PublishedModel

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
    def of(cls, found: Sequence[PairedDay], turned: Container[str] = ()) -> Evidence:
        """Of the coins' days, put together day by day; of those `turned` for their champions."""
        if not found:
            return cls(frozenset(), 0, nan, 1.0, proven=False)
        means = []
        for _, coins in groupby(found, lambda each: each.day):
            day = list(coins)
            gains = (-each.summed if each.symbol in turned else each.summed for each in day)
            means.append(fsum(gains) / sum(each.n for each in day))
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


Owner = str | None
"""Whose models are compared: a coin's, or None for those of the pool."""
Pairs = Mapping[Owner, tuple["PublishedModel", "PublishedModel"]]
"""The champion and the challenger of each owner; both may answer."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Promotion:
    """Compares the challengers of an engine with its champions, and changes the roles.

    Challengers of a timeframe are compared together: they are of one training run, and a day's
    coins are too alike to prove anything by themselves. `stages` are the shares of the coins,
    percent, that get the newer models one after the other, in an order made of their names: the
    test that leads from one to the next begins anew, and in the other direction leads back.
    """

    champions: ModelRegistry
    challengers: ModelRegistry
    symbols: Sequence[str]
    timeframe: Timeframe
    roles: RoleLog
    clock: Clock
    stages: Sequence[int] = (100,)
    notify: Callable[[Notice], None] = lambda _: None

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

        A promotion that was interrupted is finished. Raises StoreError.
        """
        from crypto_bot.models.roles import challenged  # noqa: PLC0415 - torch: see ModelRegistry

        pairs: dict[Owner, tuple[PublishedModel, PublishedModel]] = {}
        rising: dict[Owner, tuple[Because, str]] = {}
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
            else:
                pairs[symbol] = ours, theirs
        moving, words = self._earned(pairs) if compare and pairs else ((), "")
        earned = {symbol: (Because.EVIDENCE, words) for symbol in pairs if symbol in moving}
        return self._changed(rising | earned)

    def evidence(self) -> Evidence:
        """Of the challengers over the champions, both as they answer now. Raises StoreError."""
        return Evidence.of(self._days())

    def _days(self) -> list[PairedDay]:
        """The days that are over."""
        newest_ms, pairs = self._newest_ms(), dict[str, Pair]()
        for symbol in self.symbols:
            ours = self.champions.find(symbol, newest_ms)
            theirs = self.challengers.find(symbol, newest_ms)
            if isinstance(ours, SignalUnavailable) or isinstance(theirs, SignalUnavailable):
                continue
            pairs[symbol] = Pair(ours.name, theirs.name)
        return self.roles.paired_days(pairs, self.clock.now_ms() // DAY_MS)

    def _earned(self, pairs: Pairs) -> tuple[Collection[Owner], str]:
        """The owners whose models change places by the evidence of the days, and that in words."""
        newer = frozenset(each for each, models in pairs.items() if _is_newer(*models))
        steps, days = self._steps(pairs), self._days()
        at = max(number for number, step in enumerate(steps) if step <= newer)
        owner = {symbol: self.challengers.owner(symbol) for symbol in self.symbols}
        if newer != steps[at]:  # a step was interrupted: on its way up, or back
            for moving in (steps[at + 1] - newer, newer - steps[at]):
                found = Evidence.of([each for each in days if owner[each.symbol] in moving])
                if found.proven:
                    return moving, str(found)
        since = max((each.at_ms // DAY_MS for each in self._made(pairs)), default=-1)
        days = [each for each in days if each.day > since]
        for to, moving in _moves(steps, at, newer):
            # What is to gain a place is champion already of these coins.
            held = newer if to > at else frozenset(pairs) - newer
            found = Evidence.of(days, [each for each, own in owner.items() if own in held])
            if found.days:
                _log.info("challenger.compared", evidence=str(found), proven=found.proven)
            if found.proven:
                part = f"{len(steps[to])} of {len(pairs)}: " if len(steps) > 2 else ""
                return moving, f"{part}{found}"
        return (), ""

    def _steps(self, owners: Collection[Owner]) -> list[frozenset[Owner]]:
        """Nobody, then the owners of each stage."""
        order = sorted(owners, key=lambda owner: sha256((owner or "").encode()).digest())
        counts = {0, *(-(-len(order) * share // 100) for share in self.stages)}
        return [frozenset(order[:count]) for count in sorted(counts)]

    def _made(self, pairs: Pairs) -> Iterator[RoleChange]:
        """The changes by evidence that `pairs` came from."""
        for change in self.roles.changes():
            pair = pairs.get(change.symbol)
            if pair is not None and change.because is Because.EVIDENCE:
                ours, theirs = pair
                if (change.champion, change.challenger) == (ours.version, theirs.version):
                    yield change

    def _newest_ms(self) -> int:
        return self.timeframe.last_closed(self.clock.now_ms())

    def _changed(self, rising: Mapping[Owner, tuple[Because, str]]) -> list[RoleChange]:
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
            text = f"{symbol or 'the pool'}: {names[0]} is served, by {because}: {words}"
            self.notify(Notice(Topic.MODEL, Level.INFO, text))
            _log.info("model.promoted", symbol=symbol or "pool", because=because, evidence=words)
        return changes


def _is_newer(ours: PublishedModel, theirs: PublishedModel) -> bool:
    """Whether the champion is the newer of the two."""
    ages = [(each.span.last_open_ms, each.meta.trained_ms) for each in (ours, theirs)]
    return ages[0] > ages[1]


def _moves(
    steps: Sequence[frozenset[Owner]], at: int, newer: frozenset[Owner]
) -> Iterator[tuple[int, frozenset[Owner]]]:
    """The next step and the one before, and whose models change places for it."""
    if at + 1 < len(steps):
        yield at + 1, steps[at + 1] - newer
    if at > 0:
        yield at - 1, newer - steps[at - 1]
