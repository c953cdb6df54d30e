"""`meta.json`: what a published model is, checked field by field before anything of it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from crypto_bot.domain.errors import ConfigError, ModelIncompatible
from crypto_bot.domain.gate import Gate
from crypto_bot.domain.interval import number
from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.registered import RULES
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.decision import ReturnMap
from crypto_bot.models.gates import Judgement
from crypto_bot.models.model import DecisionRule, Span, Trailing, TrainedModel
from crypto_bot.models.spec import ModelSpec, Scaler
from crypto_bot.models.verdict import Verdict

FORMAT: Literal[2] = 2


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Instant = Annotated[int, Field(ge=0, lt=253_402_300_800_000)]
"""UTC milliseconds before the year 10000."""


def _label(held: Any) -> LabelSpec:
    if isinstance(held, LabelSpec):
        return held
    if not isinstance(held, Mapping):
        raise ValueError("no object with the fields of a label")  # noqa: TRY004 - for pydantic
    try:
        spec = LabelSpec.from_json(held)
        RULES.require(spec.rule)
    except (KeyError, TypeError, ConfigError) as error:
        raise ValueError(f"no label: {error}") from error
    return spec


class _Decision(_Part):
    edges: tuple[float, ...] | None
    expected_atr: tuple[float, ...] | None
    tail: float = Field(gt=0.0, lt=0.5)
    cost_bps: float = Field(ge=0.0, allow_inf_nan=False)


class _Gate(_Part):
    name: str
    passed: bool
    value: float | None
    limit: float | None
    words: str

    @property
    def plain(self) -> Gate:
        return Gate(self.name, self.passed, number(self.value), number(self.limit), self.words)


class _Span(_Part):
    first_open_ms: _Instant
    last_open_ms: _Instant
    candles: _Count


class Acceptance(_Part):
    """The manual approval of a model that looked too good, and the audit behind it."""

    because: str = Field(min_length=1)
    audit: tuple[str, ...] = Field(min_length=1)


class Meta(_Part):
    """The content of `meta.json`; `sha256` has every other file of the folder."""

    format: Literal[1, 2]
    version: str
    symbol: str | None
    timeframe: str
    family: str
    size: str
    feature_set: str
    schema_hash: str
    columns: tuple[str, ...] = Field(min_length=1)
    reads: dict[str, tuple[str, ...]] = Field(min_length=1)
    window_bars: int = Field(ge=1, le=4_096)
    label: Annotated[LabelSpec, PlainValidator(_label), PlainSerializer(LabelSpec.as_json)]
    scaler_mean: tuple[float, ...]
    scaler_scale: tuple[Annotated[float, Field(gt=0.0)], ...]
    temperature: float = Field(gt=0.0, allow_inf_nan=False)
    shrink: float = Field(gt=0.0, allow_inf_nan=False)
    decision: _Decision
    span: _Span
    pooled_with: tuple[str, ...]
    recipe: str = "per_coin"  # models had no recipe before there was more than one
    seed: int = Field(ge=-(2**63), lt=2**64)
    code_version: str
    trained_ms: _Instant
    verdict: Verdict
    reasons: tuple[str, ...]
    gates: tuple[_Gate, ...]
    accepted: Acceptance | None = None
    simulated: bool = Field(default=False, exclude_if=lambda simulated: not simulated)
    """Learned from candles of the simulated exchange; of all other models nothing is written."""
    members: dict[str, tuple[float, float]] = Field(
        default_factory=dict, exclude_if=lambda members: not members
    )
    """Of an ensemble: the weight of each member, and that in the direction."""
    parent: str | None = Field(default=None, exclude_if=lambda parent: parent is None)
    """The version that was served when this one was published; none before the first."""
    sha256: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _read_format_1(cls, held: Any) -> Any:
        """Models had two heads, and their columns a field each."""
        if isinstance(held, dict) and held.get("format") == 1:
            held = dict(held)
            moving, direction = held.pop("move_columns", None), held.pop("direction_columns", None)
            if moving and direction:
                held["reads"] = {"move": moving, "up": direction}
        return held

    @model_validator(mode="after")
    def _agree(self) -> Meta:
        if not len(self.columns) == len(self.scaler_mean) == len(self.scaler_scale):
            raise ValueError("the scaler has not one mean and one scale for each column")
        try:
            Timeframe.parse(self.timeframe)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def spec(self) -> ModelSpec:
        """What the model reads and was asked."""
        return ModelSpec(
            family=self.family,
            size=self.size,
            timeframe=self.timeframe,
            features=self.feature_set,
            schema_hash=self.schema_hash,
            columns=self.columns,
            reads=self.reads,
            window_bars=self.window_bars,
            label=self.label,
        )

    @property
    def family_words(self) -> str:
        """Such as `ensemble_v1 (default) of cnn_lstm 50%, which way 34%; logistic 0%, …`."""
        own = [
            f"{name} {weight:.0%}, which way {way:.0%}"
            for name, (weight, way) in self.members.items()
        ]
        return f"{self.family} ({self.size}){' of ' if own else ''}{'; '.join(own)}"

    @property
    def calibration(self) -> Calibration:
        """How its probabilities are scaled."""
        return Calibration(self.temperature, self.shrink)

    @property
    def rule(self) -> DecisionRule:
        """How a score becomes a prediction."""
        held = self.decision
        learned = None
        if held.edges is not None and held.expected_atr is not None:
            learned = ReturnMap(held.edges, held.expected_atr)
        return DecisionRule(learned, held.cost_bps, held.tail)

    @property
    def data(self) -> Span:
        """The candles it was trained and measured on."""
        return Span(self.span.first_open_ms, self.span.last_open_ms, self.span.candles)

    @property
    def scaler(self) -> Scaler:
        """Mean and scale of each column over the fit rows."""
        return Scaler(self.scaler_mean, self.scaler_scale)

    @property
    def judgement(self) -> Judgement:
        """The verdict as it was made."""
        return Judgement(self.verdict, self.reasons, tuple(gate.plain for gate in self.gates))


class _Trailing(_Part):
    open_ms: tuple[_Instant, ...]
    score: tuple[float, ...]


def meta_of(model: TrainedModel, sha256: dict[str, str]) -> Meta:
    """What is to be written of `model`, whose files have these hashes."""
    spec, learned = model.spec, model.decision.learned
    return Meta(
        format=FORMAT,
        version=model.version,
        symbol=model.symbol,
        timeframe=spec.timeframe,
        family=spec.family,
        size=spec.size,
        feature_set=spec.features,
        schema_hash=spec.schema_hash,
        columns=spec.columns,
        reads=dict(spec.reads),
        window_bars=spec.window_bars,
        label=spec.label,
        scaler_mean=model.scaler.mean,
        scaler_scale=model.scaler.scale,
        temperature=model.calibration.temperature,
        shrink=model.calibration.shrink,
        decision=_Decision(
            edges=None if learned is None else learned.edges,
            expected_atr=None if learned is None else learned.values,
            tail=model.decision.tail,
            cost_bps=model.decision.cost_bps,
        ),
        span=_Span(**model.span._asdict()),
        pooled_with=model.pooled_with,
        recipe=model.recipe,
        seed=model.seed,
        code_version=model.code_version,
        trained_ms=model.trained_ms,
        verdict=model.judgement.verdict,
        reasons=model.judgement.reasons,
        gates=tuple(
            _Gate(
                name=gate.name,
                passed=gate.passed,
                value=_known(gate.value),
                limit=_known(gate.limit),
                words=gate.words,
            )
            for gate in model.judgement.gates
        ),
        simulated=model.simulated,
        members=dict(model.members),
        sha256=sha256,
    )


def meta_as_json(meta: Meta) -> bytes:
    """As it is stored."""
    return (meta.model_dump_json(indent=2) + "\n").encode()


def meta_from(content: bytes, origin: str) -> Meta:
    """Raises ModelIncompatible, naming `origin` and the first field that is wrong."""
    try:
        return Meta.model_validate_json(content)
    except ValidationError as error:
        raise ModelIncompatible(f"{origin}: {_first(error)}") from error


def trailing_as_json(trailing: Trailing) -> bytes:
    """As it is stored."""
    found = _Trailing(
        open_ms=tuple(trailing.open_ms.tolist()), score=tuple(trailing.score.tolist())
    )
    return found.model_dump_json().encode()


def trailing_from(content: bytes, origin: str) -> Trailing:
    """Raises ModelIncompatible where it is no series of scores."""
    try:
        found = _Trailing.model_validate_json(content)
    except ValidationError as error:
        raise ModelIncompatible(f"{origin}: {_first(error)}") from error
    open_ms, score = np.array(found.open_ms, np.int64), np.array(found.score, np.float64)
    if open_ms.size != score.size or (np.diff(open_ms) <= 0).any() or not np.isfinite(score).all():
        raise ModelIncompatible(f"{origin}: the trailing scores are not one ascending series")
    return Trailing(open_ms, score)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc'])) or 'content'}: {found['msg']}"
