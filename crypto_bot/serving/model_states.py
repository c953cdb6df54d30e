"""Which models answer, in the log: one line for whatever changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from crypto_bot.domain.errors import ModelMissing, ModelStale, SignalUnavailable
from crypto_bot.domain.signal import Role

if TYPE_CHECKING:
    from crypto_bot.models.artifact import PublishedModel

_log = structlog.get_logger()


class ModelStates:
    """Logs `model.loaded`, and `model.refused` for each reason, with the coins that they are of.

    Waits until every one of `symbols` has been asked for, so that the first start is not a line for
    each; `flush` logs what is known by then. A coin without a published model is no news.
    """

    def __init__(self, symbols: Sequence[str], role: Role = Role.CHAMPION) -> None:
        self._log = _log if role is Role.CHAMPION else _log.bind(role=str(role))
        self._symbols = frozenset(symbols)
        self._known: dict[str, str] = {}
        self._loaded: dict[str, PublishedModel] = {}
        self._refused: dict[str, dict[str, None]] = {}

    def seen(self, found: Mapping[str, PublishedModel | SignalUnavailable]) -> None:
        """Takes in the models, or the refusals, of some coins."""
        for symbol, answer in found.items():
            known, state = self._known.get(symbol), _state(answer)
            if state == known:
                continue
            self._known[symbol] = state
            if not isinstance(answer, SignalUnavailable):
                self._loaded[symbol] = answer
            elif known is not None or not isinstance(answer, ModelMissing):
                self._refused.setdefault(str(answer), {})[symbol] = None
        if len(self._known) == len(self._symbols):
            self.flush()

    def flush(self) -> None:
        """Logs what has changed since the last time."""
        if self._loaded:
            models = self._loaded.values()
            self._log.info(
                "model.loaded",
                n=len(models),
                symbols=sorted(self._loaded),
                verdicts=dict(Counter(model.meta.verdict.value for model in models)),
                versions=sorted({model.name for model in models}),
            )
        for reason, symbols in self._refused.items():
            found = sorted(symbols)
            self._log.warning("model.refused", n=len(found), symbols=found, reason=reason)
        self._loaded, self._refused = {}, {}


def _state(answer: PublishedModel | SignalUnavailable) -> str:
    """What makes a difference: not the age of a stale model, which grows with every candle."""
    if isinstance(answer, ModelStale):
        return f"{answer.model} is stale"
    return str(answer) if isinstance(answer, SignalUnavailable) else answer.name
