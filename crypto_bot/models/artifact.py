"""Published models: written whole or not at all, read only where every hash is right."""

from __future__ import annotations

import errno
import hashlib
import json
import pickle
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crypto_bot.domain.errors import (
    ConfigError,
    ModelIncompatible,
    ModelMissing,
    SignalUnavailable,
)
from crypto_bot.domain.model_card import POOLED
from crypto_bot.features.sets import feature_set, schema_hash
from crypto_bot.models import versions
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.families.family import Family, FitOptions, Model, Scaled
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.models.meta import (
    Meta,
    meta_as_json,
    meta_from,
    meta_of,
    trailing_as_json,
    trailing_from,
)
from crypto_bot.models.model import DecisionRule, Span, Trailing, TrainedModel, version_of
from crypto_bot.models.spec import ModelSpec, Scaler
from crypto_bot.statistics.metrics import as_json

META = "meta.json"
METRICS = "metrics.json"
EVALUATION = "evaluation_metrics.json"
"""The measurements under the names that people know, for them and other programs."""
SCALER = "scaler.pkl"
TRAILING = "trailing.json"
INPUTS = "inputs.json"
_FOR_PEOPLE = (".png", ".csv")


@dataclass(frozen=True, eq=False)
class PublishedModel:
    """A model as it is served, and what turns its probabilities into a call."""

    version: str
    symbol: str | None
    spec: ModelSpec
    model: Model
    calibration: Calibration
    decision: DecisionRule
    trailing: Trailing
    span: Span
    meta: Meta

    @property
    def name(self) -> str:
        """Its version, and whether it is the pool's: as it stands with the signals."""
        return f"{POOLED}{self.version}" if self.symbol is None else self.version

    @property
    def leader(self) -> str | None:
        """The coin that its features look at beside its own."""
        return feature_set(self.spec.features).leader


def folder_of(models_dir: Path, symbol: str | None, timeframe: str) -> Path:
    """Where the model of `symbol` is published; None is the pool of all the coins."""
    if symbol is None:
        return models_dir / "pool" / timeframe
    return models_dir / "per_coin" / symbol / timeframe


def published(models_dir: Path) -> list[tuple[str | None, str]]:
    """(symbol, timeframe) of every folder with a model, the pool's first, then by name."""
    pools = [(None, each.name) for each in sorted(models_dir.glob("pool/[!.]*"))]
    coins = [(each.parent.name, each.name) for each in sorted(models_dir.glob("per_coin/*/[!.]*"))]
    return [*pools, *coins]


def artifact_files(model: TrainedModel) -> dict[str, bytes]:
    """Everything that is published of `model`, `meta.json` with the hashes of the others."""
    metrics = dict(model.metrics)
    metrics.setdefault("curves", as_json(dict(model.curves)))
    files = {
        **model.files,
        **model.reports,
        SCALER: _pickled(model.scaler, model.span.candles),
        METRICS: (json.dumps(metrics, indent=2, allow_nan=False) + "\n").encode(),
        TRAILING: trailing_as_json(model.trailing),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return {**files, META: meta_as_json(meta_of(model, hashes))}


def publish(model: TrainedModel, models_dir: Path) -> Path:
    """As `publish_files`, of what `artifact_files` makes of `model`."""
    return publish_files(artifact_files(model), models_dir)


def publish_files(files: Mapping[str, bytes], models_dir: Path) -> Path:
    """Makes an artifact the current version of its coin; returns the version's folder.

    Raises TrainingError where the disk refuses: then nothing has changed.
    """
    meta = meta_from(files[META], META)
    return versions.add(folder_of(models_dir, meta.symbol, meta.timeframe), files, last=META)


def verify(folder: Path) -> Meta:
    """Checks a version's folder: `meta.json` and the hash of every file it names.

    Raises ModelMissing without a `meta.json`, ModelIncompatible where anything differs from it.
    """
    meta = read_meta(folder)
    for name in meta.sha256:
        read_file(folder, name, meta)
    return meta


def read_meta(folder: Path) -> Meta:
    """`meta.json` of a version's folder alone. Raises ModelMissing, ModelIncompatible."""
    path = folder / META
    try:
        content = _content(path)
    except FileNotFoundError as error:
        raise ModelMissing(f"{folder} has no {META}: no model has been published") from error
    except OSError as error:
        raise ModelIncompatible(f"{path} cannot be read: {error.strerror}") from error
    return meta_from(content, str(path))


def load(folder: Path, symbol: str | None, timeframe: str) -> PublishedModel:
    """The model in a version's folder, for serving `symbol`.

    Nothing is unpickled: weights are read as state dicts, all numbers from JSON. The model has
    answered once. Raises ModelMissing, and ModelIncompatible for anything else that is wrong, such
    as other features, another coin, or damage.
    """
    try:
        return _loaded(folder, symbol, timeframe)
    except SignalUnavailable:
        raise
    except Exception as error:  # whatever files say that others wrote is the fault of one model
        raise ModelIncompatible(
            f"{folder} holds no model that can be used ({type(error).__name__}: {error}): publish "
            "it again, or go back with crypto-bot models rollback"
        ) from error


def _loaded(folder: Path, symbol: str | None, timeframe: str) -> PublishedModel:
    meta = verify(folder)
    if (meta.symbol, meta.timeframe) != (symbol, timeframe):
        raise ModelIncompatible(
            f"{folder} holds the model of {meta.symbol or 'the pool'} {meta.timeframe}, "
            f"not of {symbol or 'the pool'} {timeframe}"
        )
    spec = meta.spec
    require_features(spec, str(folder))
    weights = {name: read_file(folder, name, meta) for name in weight_names(meta.sha256)}
    published = PublishedModel(
        version=meta.version,
        symbol=meta.symbol,
        spec=spec,
        model=_family(spec, str(folder)).load(weights),
        calibration=meta.calibration,
        decision=meta.rule,
        trailing=trailing_from(read_file(folder, TRAILING, meta), str(folder / TRAILING)),
        span=meta.data,
        meta=meta,
    )
    _require_answer(published, str(folder))
    hashes = {name: meta.sha256[name] for name in weights}
    if published.version != version_of(spec.family, meta.members, hashes):
        raise ModelIncompatible(f"{folder / META}: version {meta.version} is not of these weights")
    return published


def _require_answer(published: PublishedModel, origin: str) -> None:
    """Raises ModelIncompatible unless it scales as `meta.json` says, and answers."""
    model, spec = published.model, published.spec
    if isinstance(model, Scaled) and not model.is_scaled_by(published.meta.scaler):
        raise ModelIncompatible(
            f"{origin}: the scaler of {META} is not that of the weights: publish the model again"
        )
    rows = np.zeros((spec.window_bars, len(spec.columns)), np.float32)
    p = model.predict_proba(rows, np.array([spec.window_bars - 1]))
    if p.shape != (1, len(spec.label.classes)) or not np.isfinite(p).all():
        raise ModelIncompatible(f"{origin}: its answer is no probabilities: train it again")


def weight_names(names: Iterable[str]) -> list[str]:
    """Those of the files of an artifact that its family stored, in their order."""
    others = {METRICS, EVALUATION, SCALER, TRAILING, INPUTS}
    return [name for name in names if name not in others and not name.endswith(_FOR_PEOPLE)]


def require_features(spec: ModelSpec, origin: str) -> None:
    """Raises ModelIncompatible unless this program has the features that the model was made for."""
    try:
        features = feature_set(spec.features)
    except ConfigError as error:
        raise ModelIncompatible(f"{origin}: {error}") from error
    if schema_hash(features) != spec.schema_hash or features.columns != spec.columns:
        raise ModelIncompatible(
            f"{origin}: made for features {spec.features} {spec.schema_hash[:8]}, this program has "
            f"{schema_hash(features)[:8]}: train it again"
        )
    unknown = {name for names in spec.reads.values() for name in names} - set(spec.columns)
    if unknown:
        raise ModelIncompatible(f"{origin}: unknown columns {', '.join(sorted(unknown))}")


def _family(spec: ModelSpec, origin: str) -> Family:
    try:
        kind = FAMILIES.get(spec.family)
        return kind(spec, kind.settings_for(FitOptions(device="cpu")))
    except ConfigError as error:
        raise ModelIncompatible(f"{origin}: {error}") from error


def read_file(folder: Path, name: str, meta: Meta) -> bytes:
    """A file of a version's folder. Raises ModelIncompatible unless it is what `meta` names."""
    if Path(name).name != name:
        raise ModelIncompatible(f"{folder / META}: {name!r} is no name of a file beside it")
    if name not in meta.sha256:
        raise ModelIncompatible(f"{folder / META} does not name {name}")
    try:
        content = _content(folder / name)
    except OSError as error:
        raise ModelIncompatible(
            f"{folder / name} cannot be read: {error.strerror}: publish the model again, or "
            "go back with crypto-bot models rollback"
        ) from error
    if hashlib.sha256(content).hexdigest() != meta.sha256[name]:
        raise ModelIncompatible(
            f"{folder / name} is not what {META} says (SHA-256): publish the model again, or "
            "go back with crypto-bot models rollback"
        )
    return content


def _content(path: Path) -> bytes:
    """Raises OSError for anything but a file: reading a pipe would wait for ever."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    return path.read_bytes()


def _pickled(scaler: Scaler, candles: int) -> bytes:
    """A fitted StandardScaler for other programs; this one never reads it."""
    # 140 MB that only those who publish need
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - see above

    fitted = StandardScaler()
    fitted.mean_ = np.array(scaler.mean)
    fitted.scale_ = np.array(scaler.scale)
    fitted.var_ = fitted.scale_**2
    fitted.n_features_in_ = len(scaler.mean)
    fitted.n_samples_seen_ = candles
    return pickle.dumps(fitted)
