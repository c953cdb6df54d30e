"""Backtests whose every word is given."""

from __future__ import annotations

import json
from pathlib import Path

from crypto_bot.backtesting.kept import FIGURES, KeptBacktests
from tests.adapters.web.page.conftest import NOW_MS


def backtests_of(folder: Path, word: str, second: int = 0) -> KeptBacktests:
    """Those in `folder` and one more, of which every text is `word`, the account's name too."""
    kept = KeptBacktests(folder / "kept")
    held = {"name": word, "return_pct": 2.5, "trades": 7, "months_pct": {"2025-10": [2.5, 1.0]}}
    figures = {"sentence": f"{word}. {word}", "command": word, "models": word, "since": word}
    each = {**figures, "accounts": [held], "until": word, "timeframe": word}
    kept.keep(NOW_MS + 1000 * second, {FIGURES: json.dumps(each).encode()})
    return kept
