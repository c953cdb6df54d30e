"""The published models as a person asks for them: which are served, why not, and how they did."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from crypto_bot.domain.errors import (
    ModelIncompatible,
    ModelMissing,
    ModelStale,
    SignalUnavailable,
)
from crypto_bot.domain.instant import DAY_MS, instant
from crypto_bot.domain.interval import Interval, number
from crypto_bot.domain.model_card import (
    STALE,
    ModelCard,
    ModelEntry,
    ModelMetrics,
    Staleness,
)
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models import versions
from crypto_bot.models.registry import Fingerprint, ModelRegistry, fingerprint

_META, _METRICS = "meta.json", "metrics.json"


class SwitchedOff:
    """The catalogue of an engine that asks no models."""

    note = "models are switched off: start the engine with --use_ml 1"

    def entries(self) -> list[ModelEntry]:
        """None."""
        return []

    def entry(self, symbol: str) -> ModelEntry:
        """That models are switched off."""
        return ModelEntry(symbol, served=False, traded=False, reason=self.note, card=None)


class PublishedCatalog:
    """What `registry` serves to `symbols` for the newest closed candle, beside what is stored.

    `newest_open_ms` gives that candle, `challengers` what answers beside. Reads no file that looks
    as it did; may be asked from any thread.
    """

    note = None

    def __init__(
        self,
        registry: ModelRegistry,
        symbols: Sequence[str],
        newest_open_ms: Callable[[], int],
        challengers: ModelRegistry | None = None,
    ) -> None:
        self._registry = registry
        self._challengers = challengers
        self._symbols = tuple(symbols)
        self._newest_open_ms = newest_open_ms
        self._known: dict[str | None, _Known] = {}

    def entries(self) -> list[ModelEntry]:
        """One for each coin, with a model or without."""
        return [self.entry(symbol) for symbol in self._symbols]

    def entry(self, symbol: str) -> ModelEntry:
        """What is known of the model of `symbol`."""
        entry = self._entry(symbol)
        if self._challengers is None:
            return entry
        beside = self._challengers.find(symbol, self._newest_open_ms())
        if isinstance(beside, SignalUnavailable):
            return entry
        return entry._replace(challenger=beside.name)

    def _entry(self, symbol: str) -> ModelEntry:
        found = self._registry.find(symbol, self._newest_open_ms())
        owner = self._registry.owner(symbol)
        if isinstance(found, ModelStale):
            return _stale(symbol, owner, self._card(owner), found)
        if isinstance(found, SignalUnavailable):
            missing, card = isinstance(found, ModelMissing), self._card(owner)
            pooled = owner is None and card is not None
            return ModelEntry(
                *(symbol, False, False, str(found), card), missing=missing, pooled=pooled
            )
        withheld = self._registry.policy.withheld(found)
        ends = "" if withheld is None else f"; {withheld}"
        reason = f"{found.name} is {found.meta.verdict}: it answers{ends}"
        return ModelEntry(
            symbol,
            served=True,
            traded=withheld is None,
            reason=reason,
            card=self._card(found.symbol),
            pooled=found.symbol is None,
        )

    def _card(self, symbol: str | None) -> ModelCard | None:
        folder = self._registry.folder(symbol)
        looks = fingerprint(folder, (_META, _METRICS))
        known = self._known.get(symbol)
        if known is None or known.looks != looks:
            known = self._known[symbol] = _Known(looks, read_card(folder))
        return known.card


def _stale(symbol: str, owner: str | None, card: ModelCard | None, found: ModelStale) -> ModelEntry:
    """The entry of a stale model: its words stay the same while it ages."""
    limit_days = found.limit_ms / DAY_MS
    until = instant(found.until_ms)[:10]
    reason = f"{found.model} is STALE: its data ended on {until}, {limit_days:g} days are the limit"
    if card is not None:
        measured = f"its data ended on {until}, {limit_days:g} days are the limit; "
        card = card._replace(verdict=STALE, reasons=(f"{measured}measured {card.verdict}",))
    return ModelEntry(
        *(symbol, False, False, reason, card),
        pooled=owner is None,
        stale=Staleness(found.until_ms, limit_days),
    )


def served_words(
    registry: ModelRegistry, symbol: str | None, open_ms: int, symbols: Sequence[str]
) -> str:
    """Whether the model of `symbol` answers for the candle at `open_ms`, in words.

    None is the pool's, which answers for those of `symbols` that have no model of their own.
    """
    if symbol is not None:
        found = registry.find(symbol, open_ms)
        return f"refused: {found}" if isinstance(found, SignalUnavailable) else "yes"
    refused = registry.find_own(None, open_ms)
    if isinstance(refused, SignalUnavailable):
        return f"refused: {refused}"
    looked = [registry.find(each, open_ms) for each in symbols]
    count = sum(not isinstance(each, SignalUnavailable) and each.symbol is None for each in looked)
    if not symbols:
        return "for every coin without a model of its own"
    return f"for {count} of {len(symbols)} coins: those without a model of their own"


def is_stale(registry: ModelRegistry, symbol: str | None, open_ms: int) -> bool:
    """Whether the model of `symbol`, or of the pool (None), is too old for the candle."""
    found = registry.find_own(None, open_ms) if symbol is None else registry.find(symbol, open_ms)
    return isinstance(found, ModelStale)


class _Known(NamedTuple):
    """What was read last, and how its files looked then."""

    looks: Fingerprint
    card: ModelCard | None


def read_card(folder: Path) -> ModelCard | None:
    """What `meta.json` and `metrics.json` of a model's folder say; None without a sound meta.json.

    Nothing of torch is imported, and no weight is read. Measurements that are not those that
    `meta.json` names are left out.
    """
    from crypto_bot.models.meta import meta_from  # noqa: PLC0415 - SciPy: only where there are models

    try:
        version = versions.current(folder)
        if version is None:
            return None
        meta = meta_from((version / _META).read_bytes(), str(version / _META))
    except (OSError, ModelIncompatible):
        return None  # the registry gives the reason
    return ModelCard(
        version=meta.version,
        verdict=meta.verdict.value,
        reasons=meta.reasons,
        accepted_because=None if meta.accepted is None else meta.accepted.because,
        gates=tuple(gate.plain for gate in meta.gates),
        family=meta.family,
        size=meta.size,
        features=meta.feature_set,
        window_bars=meta.window_bars,
        label=meta.label.name,
        horizon_bars=meta.label.horizon.bars(Timeframe.parse(meta.timeframe)),
        first_open_ms=meta.span.first_open_ms,
        last_open_ms=meta.span.last_open_ms,
        candles=meta.span.candles,
        trained_ms=meta.trained_ms,
        trained_with=meta.pooled_with,
        metrics=_metrics(version / _METRICS, meta.sha256.get(_METRICS)),
    )


def _metrics(path: Path, sha256: str | None) -> ModelMetrics | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return headline(content) if hashlib.sha256(content).hexdigest() == sha256 else None


def headline(content: bytes) -> ModelMetrics | None:
    """The first lines of a `metrics.json`; None where it has not these measurements."""
    try:
        held = _Metrics.model_validate_json(content)
    except ValidationError:
        return None
    own, together = held.coin.model, held.coins_together.model.direction
    return ModelMetrics(
        rows=own.rows,
        days=own.days,
        skill_prior=own.probabilities.skill_prior.plain,
        skill_climatology=own.probabilities.skill_climatology.plain,
        direction_auc=own.direction.auc.plain,
        direction_auc_together=together.auc.plain,
        coins_together=together.coins,
        ece=number(own.probabilities.ece),
        ece_floor=number(own.probabilities.ece_floor),
        curves=tuple((name, tuple(losses)) for name, losses in held.curves.items()),
        labels=tuple(held.labels.items()),
    )


class _Estimate(BaseModel):
    value: float | None
    low: float | None
    high: float | None

    @property
    def plain(self) -> Interval:
        return Interval.of((self.value, self.low, self.high))


class _Probabilities(BaseModel):
    skill_prior: _Estimate
    skill_climatology: _Estimate
    ece: float | None
    ece_floor: float | None


class _Direction(BaseModel):
    auc: _Estimate
    coins: int


class _Evaluation(BaseModel):
    rows: int
    days: int
    probabilities: _Probabilities
    direction: _Direction


class _Assessment(BaseModel):
    model: _Evaluation


class _Metrics(BaseModel):
    coin: _Assessment
    coins_together: _Assessment
    curves: dict[str, list[float]] = {}
    labels: dict[str, int] = {}
