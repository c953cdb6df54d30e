"""One engine for each database, on every kind of database that several can share."""

import os
from pathlib import Path

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.domain.errors import ConfigError


@pytest.mark.parametrize("kind", ["sqlite file", "postgresql"])
def test_one_engine_at_a_time(kind: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    if kind == "postgresql":
        url = os.environ.get("CRYPTO_BOT_TEST_POSTGRES", "")
        if not url:
            pytest.skip("CRYPTO_BOT_TEST_POSTGRES names no database to test on")
    first, second = Database.open(url), Database.open(url)
    first.lock()
    with pytest.raises(ConfigError, match=rf"another engine \(pid {os.getpid()}\) already runs"):
        second.lock()
    first.close()
    second.lock()
    second.close()
