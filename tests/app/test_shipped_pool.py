"""A first start in an empty folder has the network that comes with the program."""

from pathlib import Path

import pytest

from crypto_bot.app.settings import load
from crypto_bot.app.shipped_pool import publish_shipped_pool
from crypto_bot.app.wiring import model_registry
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, read_meta
from crypto_bot.models.artifact import load as load_model
from tests.e2e.processes import ROOT

SHIPPED = ROOT / "models" / "pool" / "15m"


@pytest.fixture(autouse=True)
def in_an_empty_folder(empty_folder: Path) -> None:
    """Where no settings are."""


def start(**settings: str) -> Path | None:
    """The current version of the pool's model after a start."""
    registry = model_registry(load(settings))
    publish_shipped_pool(registry)
    return versions.current(registry.folder(None))


def test_it_is_published_once_and_whole() -> None:
    version = start()
    assert version is not None
    assert load_model(version, None, "15m").version == read_meta(SHIPPED).version
    assert start() == version
    assert len(versions.versions(folder_of(Path("models"), None, "15m"))) == 1


@pytest.mark.parametrize("settings", [{"models_dir": "mine"}, {"tf": "1h"}])
def test_other_folders_and_timeframes_have_none(settings: dict[str, str]) -> None:
    assert start(**settings) is None


def test_a_network_of_ones_own_stays(empty_folder: Path) -> None:
    own = versions.add(empty_folder / "models/pool/15m", {"meta.json": b"{}"}, last="meta.json")
    assert start() == own.resolve()


def test_a_start_without_a_place_for_it_goes_on(empty_folder: Path) -> None:
    (empty_folder / "models").write_text("a file")
    assert start() is None
