"""A first start has a model: the shipped one is published where there is none."""

from __future__ import annotations

import structlog

from crypto_bot.app.shipped import MODELS, shipped
from crypto_bot.domain.errors import TrainingError
from crypto_bot.models import versions
from crypto_bot.models.registry import ModelRegistry

_META = "meta.json"

_log = structlog.get_logger()


def publish_shipped_pool(registry: ModelRegistry) -> None:
    """Publishes the shipped model of the pool in the default models folder, if that has none.

    Any other folder holds what its owner puts there. It is a copy, because a replay of the log
    needs the model that answered then, also after an upgrade of the program. An engine whose
    folder cannot be written runs without it.
    """
    folder = registry.folder(None)
    if MODELS not in folder.parents or versions.current(folder) is not None:
        return
    source = shipped(folder)
    if not (source / _META).is_file():
        return
    files = {each.name: each.read_bytes() for each in source.iterdir() if each.is_file()}
    try:
        versions.add(folder, files, last=_META)
    except TrainingError as error:
        _log.warning("model.not_installed", reason=str(error))
        return
    _log.info("model.installed", folder=str(folder))
