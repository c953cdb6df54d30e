"""`crypto-bot models audit | accept`: what may know the future, and a person's approval."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.table import Table

from crypto_bot.app.commands.screen import screen
from crypto_bot.app.settings import Settings
from crypto_bot.app.symbols import symbols_in
from crypto_bot.app.training.candles import training_candles
from crypto_bot.app.training.survey import leader_of
from crypto_bot.domain.errors import ConfigError, ModelMissing
from crypto_bot.domain.label import LabelSpec
from crypto_bot.features.sets import FeatureSet, feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, require_features, verify
from crypto_bot.training.leak_audit import Check, audit
from crypto_bot.training.panel import Question
from crypto_bot.training.plan import splits_for
from crypto_bot.training.publish import accept, without_block

FAILED = 1
Named = tuple[str | None, str]
"""(symbol or None for the pool, timeframe)."""
_WINDOW_BARS = 32


def served_version(folder: Path) -> Path:
    """The version that is served from `folder`. Raises ModelMissing."""
    if (version := versions.current(folder)) is None:
        raise ModelMissing(f"{folder} has no model")
    return version


def audit_features(flags: argparse.Namespace, settings: Settings) -> int:
    """1 where a check fails. Raises ConfigError, NotEnoughData."""
    features, label = feature_set(flags.features), LABELS.get(flags.label)
    checks = _checks(flags, settings, features, label, flags.symbols)
    return 0 if all(check.passed for check in checks) else FAILED


def accept_model(flags: argparse.Namespace, settings: Settings, name: Named) -> int:
    """Audits a BLOCKED model and publishes it anew. Raises as `training.publish.accept`."""
    audited = flags.symbols or name[0]
    if audited is None:
        raise ConfigError("the pool covers all coins: name the ones to audit with --symbols")
    folder = folder_of(settings.models_dir, *name)
    now = served_version(folder)
    meta = verify(now)
    without_block(meta, flags.because)
    spec = meta.spec
    require_features(spec, str(now))
    checks = _checks(flags, settings, feature_set(spec.features), spec.label, audited)
    accepted = accept(folder, now, flags.because, checks)
    screen().print(
        f"{accepted.version} is {accepted.verdict} from the next candle on: "
        f"{'; '.join(accepted.reasons)}",
        markup=False,
        highlight=False,
    )
    return 0


def _checks(
    flags: argparse.Namespace,
    settings: Settings,
    features: FeatureSet,
    label: LabelSpec,
    symbols: str,
) -> tuple[Check, ...]:
    """Audits on the candles of `symbols` (separated by commas), and prints the result."""
    question = Question(settings.timeframe, features, label, _WINDOW_BARS)
    held = training_candles(flags.candles, settings, None, features.series)
    coins = [held.read(symbol) for symbol in symbols_in(symbols, held.symbols, "--symbols")]
    leader = leader_of(question, coins, held)
    checks = audit(coins, leader, question, splits_for(question, flags.folds), flags.seed).checks
    table = Table("check", "passed", "result")
    for check in checks:
        table.add_row(check.name, "yes" if check.passed else "NO", check.words)
    screen().print(table)
    return checks
