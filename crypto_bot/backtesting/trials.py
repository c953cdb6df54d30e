"""The ledger of trials: every account that was ever run over history, one line each.

Whoever tries fifty settings finds a good one by luck. So each run is noted before its results are
shown, and the deflated Sharpe ratio counts the different accounts that were run over the same time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from crypto_bot.domain.errors import StoreError


class Trial(NamedTuple):
    """One account over candles that open in `[since_ms, until_ms]`; `key` is of all its rules."""

    key: str
    account: str
    tf: str
    since_ms: int
    until_ms: int
    at_ms: int


def key_of(rules: Mapping[str, Any]) -> str:
    """The same for the same rules, engine and models, whatever the account is called."""
    text = json.dumps(rules, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def noted(path: Path, trials: Iterable[Trial]) -> dict[str, int]:
    """Adds `trials` to the ledger at `path`; how many there are over the time of each, by account.

    A repeated trial counts once. Raises StoreError where the file cannot be read or written.
    """
    new = list(trials)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8") as file:
            file.seek(0)
            before = [Trial(**json.loads(line)) for line in file]
            known = {_what(each) for each in before}
            for each in new:
                if _what(each) not in known:
                    file.write(json.dumps(each._asdict()) + "\n")
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"the ledger of trials {path} cannot be kept: {error}") from error
    every = [*before, *new]
    return {
        each.account: len({other.key for other in every if _overlap(each, other)}) for each in new
    }


def _what(trial: Trial) -> tuple[object, ...]:
    return trial.key, trial.tf, trial.since_ms, trial.until_ms


def _overlap(one: Trial, other: Trial) -> bool:
    same_time = one.since_ms <= other.until_ms and other.since_ms <= one.until_ms
    return one.tf == other.tf and same_time
