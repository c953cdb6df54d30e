"""Finished models in MLflow too, for those who keep their experiments there."""

from __future__ import annotations

import os
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import structlog

from crypto_bot.domain.errors import ConfigError, first_line
from crypto_bot.domain.interval import Interval
from crypto_bot.training.events import Event, ModelPublished
from crypto_bot.training.plan import TrainingPlan
from crypto_bot.training.summary import published_line

_EXPERIMENT = "crypto_bot"
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""MLflow asks seven times for two minutes each before it gives a server up."""

log = structlog.get_logger()


class MlflowRuns:
    """One MLflow run for each published model. A server that fails stops nothing."""

    def __init__(self, uri: str, plan: TrainingPlan) -> None:
        """Raises ConfigError where MLflow is not installed. The server is not asked yet."""
        if find_spec("mlflow") is None:
            raise ConfigError("--mlflow needs MLflow: pip install 'crypto-bot[mlflow]'")
        self._uri, self._plan = uri, plan
        self._client: Any = None
        self._experiment = ""
        self._given_up = False

    def observe(self, event: Event) -> None:
        """Records a model that was published."""
        if self._given_up or not isinstance(event, ModelPublished):
            return
        try:
            self._record(event)
        except Exception as error:  # noqa: BLE001 - whatever a foreign server does, training continues
            self._given_up = True
            first = first_line(error)
            login = self._uri.partition("://")[2].rpartition("@")[0]
            public = first.replace(f"{login}@", "") if login else first
            reason = f"{type(error).__name__}: {public}"
            log.warning("mlflow.given_up", uri=_without_password(self._uri), reason=reason)

    def _record(self, published: ModelPublished) -> None:
        client = self._connected()
        line, meta = published_line(published), published.meta
        tags = {
            "symbol": line.symbol,
            "tf": meta.timeframe,
            "verdict": meta.verdict.value,
            "reasons": line.reason,
            "model_version": meta.version,
            "code_version": meta.code_version,
            "schema_hash": meta.schema_hash,
        }
        name = f"{line.symbol} {meta.version}"
        run_id = client.create_run(self._experiment, tags=tags, run_name=name).info.run_id
        family = self._plan.family
        params = {
            "seed": meta.seed,
            "label": meta.label.name,
            "features": meta.feature_set,
            "pooled": self._plan.pooled,
            "first_open_ms": meta.span.first_open_ms,
            "last_open_ms": meta.span.last_open_ms,
            "candles": meta.span.candles,
            "family": family.name,
            "size": family.size,
            "window_bars": meta.window_bars,
            **(asdict(family.settings) if family.settings else {}),
        }
        for key, value in params.items():
            client.log_param(run_id, key, value)
        for key in ("skill", "skill_climatology", "trees_skill", "gain", "direction_auc"):
            measured: Interval | None = getattr(line, key)
            if measured is not None and measured.is_estimated:
                client.log_metric(run_id, key, measured.value)
        if line.ece is not None:
            client.log_metric(run_id, "ece", line.ece)
        client.set_terminated(run_id)

    def _connected(self) -> Any:
        if self._client is None:
            for name, value in _IMPATIENT.items():
                os.environ.setdefault(name, value)
            from mlflow.tracking import MlflowClient  # noqa: PLC0415 - an optional extra

            client = MlflowClient(tracking_uri=self._uri)
            found = client.get_experiment_by_name(_EXPERIMENT)
            self._experiment = (
                found.experiment_id if found else client.create_experiment(_EXPERIMENT)
            )
            self._client = client
        return self._client


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
