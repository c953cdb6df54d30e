"""One engine for each database, on every kind of database that several can share."""

import os

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.domain.errors import ConfigError


def test_one_engine_at_a_time(shared_url: str) -> None:
    first, second = Database.open(shared_url), Database.open(shared_url)
    first.lock()
    with pytest.raises(ConfigError, match=rf"another engine \(pid {os.getpid()}\) already runs"):
        second.lock()
    first.close()
    second.lock()
    second.close()
