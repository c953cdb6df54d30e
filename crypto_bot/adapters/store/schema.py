"""The schema of a database: brings an old one up to date, refuses one from a newer program."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from crypto_bot.adapters.store import paper_tables  # noqa: F401 - its tables join the metadata
from crypto_bot.adapters.store.tables import metadata
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.domain.errors import ConfigError

NEWEST = "0013"
"""The revision that the tables of this program have; a test holds it to the migrations."""

_SCRIPTS = Path(__file__).parent / "migrations"
_VERSION_TABLE = text(
    "CREATE TABLE alembic_version "
    "(version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY)"
)
_VERSION = text("INSERT INTO alembic_version VALUES (:version)")


def migrate(connection: Connection, name: str, key: EngineKey) -> None:
    """Applies what is missing inside the transaction of `connection` to the database `name`.

    A new database gets the tables as they are now. The rows of one from before there were keys
    become those of `key`. Raises ConfigError where the database has a revision that this program
    does not know.
    """
    revision = revision_of(connection)
    if revision == NEWEST:
        return
    if revision is None:
        metadata.create_all(connection)
        connection.execute(_VERSION_TABLE)
        connection.execute(_VERSION, {"version": NEWEST})
        return
    # Alembic takes 0.2 s and 12 MB to import: only a start with something to migrate pays.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    known = {script.revision for script in ScriptDirectory(str(_SCRIPTS)).walk_revisions()}
    if revision not in known:
        raise ConfigError(
            f"database {name} has schema {revision}, made by a newer crypto_bot (this one knows "
            f"up to {NEWEST}): install that version, or name another --database_url"
        )
    config = Config(attributes={"connection": connection, "key": key})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    command.upgrade(config, "head")


def revision_of(connection: Connection) -> str | None:
    """The revision written in the database, None where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
