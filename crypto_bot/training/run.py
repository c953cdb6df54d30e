"""From coins to a desk with a panel, ready for the jobs of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import structlog

from crypto_bot import __version__
from crypto_bot.domain.errors import ConfigError
from crypto_bot.features.kernel import Series
from crypto_bot.features.sets import schema_hash
from crypto_bot.statistics.metrics import as_json
from crypto_bot.training.panel import Coin, Question, build_panel
from crypto_bot.training.run_store import Desk, refused
from crypto_bot.training.study import Draft
from crypto_bot.training.walk import TrainingPlan, folds_of

_AUDITED = 2
"""Coins whose candles are looked through for leaks: features and labels are the same for all."""
_TRAINED_MS = "trained_ms"

log = structlog.get_logger()


def lay_out(
    desk: Desk,
    coins: Sequence[Coin],
    leader: Series | None,
    question: Question,
    plan: TrainingPlan,
    *,
    now_ms: int,
    resume: bool,
) -> Draft:
    """Puts the panel of `coins` on `desk`, or finds it there where a run is gone on from.

    A run that is gone on from keeps its time: its models come out as if it had not been stopped.
    Raises ConfigError where what is on the desk belongs to another run, NotEnoughData, and
    TrainingError where the disk is full.
    """
    trained_ms = _begun(desk, _identity(coins, question, plan), now_ms, resume=resume)
    folds = desk.folds()
    if folds is None:
        try:
            panel = build_panel(coins, leader, question, desk.panel)
        except OSError as error:
            raise refused(desk.panel, error) from error
        folds = tuple(folds_of(panel, plan))
        desk.laid_out(folds)
    judged = [coin for coin in coins if coin.symbol in plan.judged]
    return Draft(
        symbols=tuple(coin.symbol for coin in coins),
        question=question,
        plan=plan,
        folds=folds,
        audited=tuple(judged[:_AUDITED]),
        leader=leader,
        trained_ms=trained_ms,
    )


def _begun(desk: Desk, identity: dict[str, Any], now_ms: int, *, resume: bool) -> int:
    """The time that the models carry: of the run on the desk, or now for one that begins."""
    found = desk.identity()
    if found is None or not resume:
        if found is not None:
            log.warning("train.discarded", folder=str(desk.folder), reason="--resume 0")
        desk.begin({**identity, _TRAINED_MS: now_ms})
        return now_ms
    differing = [name for name, value in identity.items() if found.get(name) != value]
    if differing:
        raise ConfigError(
            f"--resume 1: the unfinished run in {desk.folder} was begun with other "
            f"{', '.join(differing)}; ask for the same, or begin anew with --resume 0"
        )
    log.info("train.resumed", folder=str(desk.folder))
    return int(found[_TRAINED_MS])


def _identity(coins: Sequence[Coin], question: Question, plan: TrainingPlan) -> dict[str, Any]:
    """All that the products of a run depend on, as JSON."""
    return {
        "code_version": __version__,
        "timeframe": question.timeframe.name,
        "features": schema_hash(question.features),
        "label": as_json(question.label),
        "plan": as_json(plan),
        "candles": {coin.symbol: _fingerprint(coin) for coin in coins},
    }


def _fingerprint(coin: Coin) -> str:
    digest = hashlib.sha256(coin.series.open_ms.tobytes())
    digest.update(coin.series.candles.tobytes())
    digest.update(str(coin.market_since_ms).encode())
    return digest.hexdigest()[:16]
