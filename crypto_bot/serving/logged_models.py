"""The models that made logged calls, found again by their versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from crypto_bot.domain.errors import ModelIncompatible, ModelMissing, SignalUnavailable
from crypto_bot.domain.model_card import POOLED
from crypto_bot.domain.signal import MODEL_SOURCES, Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models import versions
from crypto_bot.models.artifact import PublishedModel, folder_of, load, read_meta
from crypto_bot.models.registry import ServingPolicy
from crypto_bot.models.verdict import Verdict


class LoggedModels:
    """A registry that goes by the log: each candle gets the model that answered for it then.

    `logged` gives the signals of the candle that opens at an instant, by symbol. Where no model
    answered, none answers now, for the reason that was logged. `lost` names what is stored no more.
    """

    def __init__(
        self,
        models_dir: Path,
        timeframe: Timeframe,
        policy: ServingPolicy,
        logged: Callable[[int], Mapping[str, Signal]],
    ) -> None:
        self._models_dir = models_dir
        self._timeframe = timeframe
        self._policy = policy
        self._logged = logged
        self._known: dict[tuple[str, str], PublishedModel | SignalUnavailable] = {}

    @property
    def policy(self) -> ServingPolicy:
        """What may answer."""
        return self._policy

    @property
    def lost(self) -> list[str]:
        """Symbol and version of the models that calls were made with and that cannot be loaded."""
        return [
            f"{symbol} {version}"
            for (symbol, version), found in sorted(self._known.items())
            if isinstance(found, SignalUnavailable)
        ]

    def leader(self, symbols: object) -> str | None:  # noqa: ARG002 - a replay has whole bars
        """None: nothing is waited for."""
        return None

    def find(self, symbol: str, open_ms: int) -> PublishedModel | SignalUnavailable:
        """The model that made the logged call, or the logged reason why none did."""
        signal = self._logged(open_ms).get(symbol)
        if signal is None:
            return SignalUnavailable("the log has no signal of this candle")
        if signal.source not in MODEL_SOURCES or signal.model_version is None:
            reasons = [each.reason for each in signal.declined if each.source in MODEL_SOURCES]
            return SignalUnavailable("".join(reasons[:1]))
        key = (symbol, signal.model_version)
        if key not in self._known:
            self._known[key] = self._version(*key)
        return self._known[key]

    def _version(self, symbol: str, name: str) -> PublishedModel | SignalUnavailable:
        version = name.removeprefix(POOLED)
        owner = symbol if version == name else None
        folder = folder_of(self._models_dir, owner, self._timeframe.name)
        try:
            now, stored = versions.current(folder), versions.versions(folder)
        except ModelIncompatible as error:
            return error
        for each in dict.fromkeys([*([now] if now else []), *stored]):
            try:
                meta = read_meta(each)
                # Of one that was accepted later the same weights are stored, BLOCKED, before it.
                if meta.version == version and meta.verdict is not Verdict.BLOCKED:
                    return load(each, owner, self._timeframe.name)
            except (ModelMissing, ModelIncompatible) as error:
                if each == now:
                    continue
                return error
        return ModelMissing(f"{name} of {symbol} is not among the stored versions")
