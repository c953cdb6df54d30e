"""Which model of a coin may answer, and why not: read anew when its files change, no restart."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crypto_bot.domain.errors import (
    ConfigError,
    ModelIncompatible,
    ModelMissing,
    ModelRejected,
    ModelStale,
    SignalUnavailable,
)
from crypto_bot.domain.instant import instant
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.models import versions
from crypto_bot.models.verdict import Verdict

if TYPE_CHECKING:
    from crypto_bot.models.artifact import PublishedModel

_TIERS = (Verdict.REJECTED, Verdict.LOW, Verdict.WARMUP, Verdict.ACTIVE)
_META = "meta.json"
_CHALLENGERS = "challengers"


@dataclass(frozen=True, slots=True)
class ServingPolicy:
    """What may answer, and whose trades stand.

    `max_age_ms`: from the end of a model's data to the candle it is asked about, and
    `pool_max_age_ms` the same for the pool's model. `served` is the lowest verdict that answers,
    `traded` the lowest whose LONG and SHORT stand; of a model below it the probabilities are
    served, and the call is NO_TRADE.
    `simulated`: whether a model of simulated candles may answer, which is so on that market alone.
    """

    max_age_ms: int
    pool_max_age_ms: int
    served: Verdict = Verdict.WARMUP
    traded: Verdict = Verdict.ACTIVE
    simulated: bool = False

    def serves(self, verdict: Verdict) -> bool:
        """BLOCKED is served by no policy: it takes an audit and `models accept`."""
        return verdict in _TIERS[_TIERS.index(self.served) :]

    def withheld(self, model: PublishedModel) -> str | None:
        """Why LONG and SHORT of `model` do not stand, in words; None: they do."""
        verdict = model.meta.verdict
        if verdict not in _TIERS[_TIERS.index(self.traded) :]:
            return f"LONG and SHORT of a {verdict} model are not traded alone"
        return None


def challengers_dir(models_dir: Path) -> Path:
    """Where the challengers of the models in `models_dir` are published; see `models.roles`."""
    return models_dir / _CHALLENGERS


def champions_dir(models_dir: Path) -> Path:
    """Where the champions are whose challengers are in `models_dir`; itself where it has none."""
    *before, last = str(models_dir).rsplit(f"{os.sep}{_CHALLENGERS}", 1)
    return Path(before[0] + last) if before and last[:1] in {"", os.sep} else models_dir


Fingerprint = tuple[tuple[int, int, int] | None, ...]


class _Found(NamedTuple):
    """What was read last, and how its files looked then."""

    names: tuple[str, ...]
    fingerprint: Fingerprint
    answer: PublishedModel | SignalUnavailable


class ModelRegistry:
    """The published models of one timeframe under `models_dir`.

    A coin for which none has been published, such as a new listing, is answered for by the pool's
    network. One whose own model is refused is not: the reason stands, and the rules answer.

    Every question looks at the files' sizes and times, so that a model that was published, rolled
    back, damaged or deleted counts at the next cycle. Nothing of torch is imported before there is
    a model to load.
    """

    def __init__(self, models_dir: Path, timeframe: Timeframe, policy: ServingPolicy) -> None:
        self._models_dir = models_dir
        self._timeframe = timeframe
        self._policy = policy
        self._found: dict[str | None, _Found] = {}

    @property
    def policy(self) -> ServingPolicy:
        """What may answer."""
        return self._policy

    @property
    def models_dir(self) -> Path:
        """Where the models are published."""
        return self._models_dir

    def is_model_available(self, symbol: str, open_ms: int) -> bool:
        """Whether `load_model` has one for this candle."""
        return not isinstance(self.find(symbol, open_ms), SignalUnavailable)

    def load_model(self, symbol: str, open_ms: int) -> PublishedModel:
        """The model that answers for the candle of `symbol` that opens at `open_ms`.

        Raises ModelMissing, ModelIncompatible, ModelRejected or ModelStale, and SignalUnavailable
        for a candle that the model has learned from.
        """
        answer = self.find(symbol, open_ms)
        if isinstance(answer, SignalUnavailable):
            raise answer
        return answer

    def find(self, symbol: str, open_ms: int) -> PublishedModel | SignalUnavailable:
        """As `load_model`, the refusal as a value. From any thread."""
        read = self._read(symbol)
        if isinstance(read, ModelMissing):
            pool = self.find_own(None, open_ms)
            return read if isinstance(pool, ModelMissing) else pool
        return read if isinstance(read, SignalUnavailable) else self._allowed(read, open_ms)

    def find_own(self, symbol: str | None, open_ms: int) -> PublishedModel | SignalUnavailable:
        """As `find`, of the coin's own model alone; of the pool's model for None."""
        read = self._read(symbol)
        return read if isinstance(read, SignalUnavailable) else self._allowed(read, open_ms)

    def owner(self, symbol: str) -> str | None:
        """Whose model is asked for `symbol`: its own, or None for the pool's."""
        own = isinstance(self._read(symbol), ModelMissing)
        return None if own and self.folder(None).exists() else symbol

    def folder(self, symbol: str | None) -> Path:
        """Where the model of `symbol` is published; None is the pool of all the coins."""
        if symbol is None:
            return self._models_dir / "pool" / self._timeframe.name
        return self._models_dir / "per_coin" / symbol / self._timeframe.name

    def has_models(self) -> bool:
        """Whether a model of any coin or of the pool has been published; opens no file."""
        names = self._timeframe.name, versions.store(self.folder(None)).name
        return any(
            next(self._models_dir.glob(f"{of}/{name}"), None) is not None
            for of in ("pool", "per_coin/*")
            for name in names
        )

    def leader(self, symbols: Sequence[str]) -> str | None:
        """The coin that the models of `symbols` look at beside their own, where there is one."""
        for symbol in (*symbols, None):
            model = self._read(symbol)
            if not isinstance(model, SignalUnavailable) and model.leader is not None:
                return model.leader
        return None

    def series(self, symbols: Sequence[str]) -> frozenset[str]:
        """The data series that the features of the published models read. From any thread."""
        found: set[str] = set()
        for symbol in (*symbols, None):
            found.update(_series_of(self.folder(symbol)))
        return frozenset(found)

    def _read(self, symbol: str | None) -> PublishedModel | SignalUnavailable:
        folder = self.folder(symbol)
        known = self._found.get(symbol)
        if (
            known is not None
            and fingerprint(_served_from(folder), known.names) == known.fingerprint
        ):
            return known.answer
        if not os.path.lexists(folder) and not os.path.isdir(versions.store(folder)):  # noqa: PTH112 - which raises where it may not look
            self._found.pop(symbol, None)
            who = symbol or "the pool"
            return ModelMissing(f"no model of {who} {self._timeframe.name} has been published")
        found = self._load(symbol, folder)
        self._found[symbol] = found
        return found.answer

    def _load(self, symbol: str | None, folder: Path) -> _Found:
        from crypto_bot.models import artifact  # noqa: PLC0415 - torch: see the class

        names: tuple[str, ...] = (_META,)
        before = fingerprint(folder, names)
        answer: PublishedModel | SignalUnavailable
        try:
            version = versions.current(folder)
            if version is None:
                return _Found(names, (None,), _nowhere(folder))
            before = fingerprint(version, names)
            names = (_META, *artifact.read_meta(version).sha256)
            before = fingerprint(version, names)
            answer = artifact.load(version, symbol, self._timeframe.name)
        except ModelMissing as error:  # a folder that is there and holds no model is refused
            answer = ModelIncompatible(str(error))
        except ModelIncompatible as error:
            answer = error
        return _Found(names, before, answer)

    def _allowed(self, model: PublishedModel, open_ms: int) -> PublishedModel | SignalUnavailable:
        verdict, ends_ms = model.meta.verdict, model.span.last_open_ms
        if model.meta.simulated and not self._policy.simulated:
            return ModelRejected(
                f"{model.name} was trained on simulated candles: it answers with --exchange sim "
                "alone"
            )
        if not self._policy.serves(verdict):
            why = model.meta.reasons[0] if model.meta.reasons else "no reason given"
            return ModelRejected(f"{model.name} is {verdict}: {why}")
        if open_ms <= ends_ms:
            return SignalUnavailable(
                f"{model.name} has learned from candles up to {instant(ends_ms)}, "
                "it answers for later ones alone"
            )
        policy = self._policy
        most_ms = policy.pool_max_age_ms if model.symbol is None else policy.max_age_ms
        if open_ms - ends_ms > most_ms:
            return ModelStale(model.name, ends_ms, open_ms - ends_ms, most_ms)
        return model


def _served_from(folder: Path) -> Path:
    """`folder`, or what a file in its place says: a system without links writes one."""
    if os.path.isfile(folder):  # noqa: PTH113 - as in `fingerprint`
        return versions.current(folder) or folder
    return folder


def _nowhere(folder: Path) -> SignalUnavailable:
    """Why no version is served from `folder`: a link without an end, or nothing published yet."""
    if os.path.lexists(folder):
        return ModelIncompatible(
            f"{folder} leads to no model: publish it again, or go back with crypto-bot models "
            "rollback"
        )
    return ModelMissing(f"{folder} has no version yet")


def _series_of(folder: Path) -> Iterator[str]:
    from crypto_bot.models import artifact  # noqa: PLC0415 - torch: see `ModelRegistry`

    try:
        version = versions.current(folder)
        if version is None:
            return
        features = feature_set(artifact.read_meta(version).feature_set)
    except (ConfigError, SignalUnavailable):  # a model that is refused, as the log says elsewhere
        return
    yield from (each.series for each in features.series)


def fingerprint(folder: Path, names: tuple[str, ...]) -> Fingerprint:
    """Inode, size and time of change of each file; None where it is missing."""
    looks: list[tuple[int, int, int] | None] = []
    for name in names:
        try:
            stat = os.stat(f"{folder}/{name}")  # noqa: PTH116 - hundreds of these at every close
        except (OSError, ValueError):  # ValueError: no name of a file
            looks.append(None)
            continue
        looks.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(looks)
