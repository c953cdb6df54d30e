"""Every database that the stores must work on."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.tables import metadata


@pytest.fixture(params=["sqlite file", "sqlite memory", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    urls = {
        "sqlite file": f"sqlite:///{tmp_path / 'store.db'}",
        "sqlite memory": "sqlite://",
        "postgresql": os.environ.get("CRYPTO_BOT_TEST_POSTGRES"),
    }
    url = urls[request.param]
    if url is None:
        pytest.skip("CRYPTO_BOT_TEST_POSTGRES names no database to test on")
    database = Database.open(url)
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    yield database
    database.close()
