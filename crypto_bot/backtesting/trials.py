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
    """One account over candles that open in `[since_ms, until_ms]`; `key` is of all its rules.

    `search`: which search judged it on this time, after it had been chosen on earlier time.
    """

    key: str
    account: str
    tf: str
    since_ms: int
    until_ms: int
    at_ms: int
    search: str | None = None


def key_of(rules: Mapping[str, Any]) -> str:
    """The same for the same rules, engine and models, whatever the account is called."""
    text = json.dumps(rules, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def noted(path: Path, trials: Iterable[Trial]) -> list[Trial]:
    """Adds `trials` to the ledger at `path`; all that it holds then.

    A repeated trial is one line. Raises StoreError where the file cannot be read or written.
    """
    new = list(trials)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8") as file:
            file.seek(0)
            held = [Trial(**json.loads(line)) for line in file]
            known = {_what(each) for each in held}
            for each in new:
                if _what(each) not in known:
                    known.add(_what(each))
                    held.append(each)
                    file.write(json.dumps(each._asdict()) + "\n")
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"the ledger of trials {path} cannot be kept: {error}") from error
    return held


def tried(held: Iterable[Trial], of: Trial) -> int:
    """How many different accounts were run over the time of `of`."""
    return len({each.key for each in held if _overlap(of, each)})


def judged(held: Iterable[Trial], of: Trial) -> int:
    """How many different searches were judged on the time of `of`."""
    return len({each.search for each in held if each.search and _overlap(of, each)})


def _what(trial: Trial) -> tuple[object, ...]:
    return trial.key, trial.tf, trial.since_ms, trial.until_ms, trial.search


def _overlap(one: Trial, other: Trial) -> bool:
    same_time = one.since_ms <= other.until_ms and other.since_ms <= one.until_ms
    return one.tf == other.tf and same_time
