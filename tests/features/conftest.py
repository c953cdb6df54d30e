"""One more feature set, which reads a data series."""

import pytest

from crypto_bot.features.sets import FEATURE_SETS
from tests.features.funded import FUNDED


@pytest.fixture(autouse=True)
def funded(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {**FEATURE_SETS._entries, FUNDED.name: FUNDED}
    monkeypatch.setattr(FEATURE_SETS, "_entries", entries)
