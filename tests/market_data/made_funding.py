"""A data series without any file: one file, one registration."""

from pathlib import Path

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.ports.market_data import Observation


class MadeFunding:
    """A value every 12 hours, of which the last 4 hours before the next are too old for some."""

    name = "made_funding"

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Observation]:
        step_ms = 12 * HOUR_MS
        first = -(-since_ms // step_ms)
        last = until_ms // step_ms
        return [
            Observation(at * step_ms, len(symbol) + at % 7 / 10.0) for at in range(first, last + 1)
        ]


def open_made_funding(folder: Path) -> MadeFunding:
    return MadeFunding()
