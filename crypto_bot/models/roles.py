"""Champion and challenger of each coin: two folders of one layout, and how they change places.

What is served lies in one models folder; what answers beside it, to be compared, in another
(`registry.challengers_dir`). A coin's change is the rename of a link: at every moment it has one
champion.
"""

from __future__ import annotations

import os
from pathlib import Path

from crypto_bot.domain.errors import ModelMissing
from crypto_bot.models import versions
from crypto_bot.models.artifact import (
    META,
    folder_of,
    publish_files,
    read_file,
    verify,
)


def challenged(challengers: Path, timeframe: str) -> list[str | None]:
    """The coins that have a challenger, None for the pool, which comes first.

    One whose removal was interrupted is among them.
    """
    names = timeframe, versions.store(Path(timeframe)).name
    coins = {each.parent.name for name in names for each in challengers.glob(f"per_coin/*/{name}")}
    pool = any(os.path.lexists(challengers / "pool" / name) for name in names)
    return [*([None] if pool else []), *sorted(coins)]


def promote(
    champions: Path, challengers: Path, symbol: str | None, timeframe: str
) -> tuple[str, str | None]:
    """The challenger of `symbol` becomes champion, and the champion, if there is one, challenger.

    Returns the versions of the champion and of the challenger from now on. Where a crash came in
    the middle the challenger is the champion too: then only the second half is left to do. Raises
    ModelMissing where there is no challenger, ModelIncompatible where one is damaged, TrainingError
    where the disk refuses.
    """
    served = folder_of(champions, symbol, timeframe)
    beside = folder_of(challengers, symbol, timeframe)
    rising, now = versions.current(beside), versions.current(served)
    if rising is None:
        raise ModelMissing(f"{symbol or 'the pool'} {timeframe} has no challenger")
    champion = verify(rising).version
    if now is None or verify(now).version != champion:
        stepping_down = now
        publish_files(_files(rising), champions)
    else:
        stepping_down = _before(served, now, champion)
    if stepping_down is None:
        versions.remove(beside)
        return champion, None
    publish_files(_files(stepping_down), challengers)
    return champion, verify(stepping_down).version


def demote(
    champions: Path, challengers: Path, symbol: str | None, timeframe: str
) -> tuple[str, str]:
    """The champion of `symbol` becomes its challenger, and the version before it champion.

    Returns the versions of both. Raises as `promote`, ModelMissing where no version was before.
    """
    served = folder_of(champions, symbol, timeframe)
    now = versions.current(served)
    if now is None:
        raise ModelMissing(f"{symbol or 'the pool'} {timeframe} has no model")
    files, version = _files(now), verify(now).version
    back = versions.rollback(served)
    while verify(back).version == version:  # it was champion twice
        back = versions.rollback(served)
    publish_files(files, challengers)
    return verify(back).version, version


def _files(version: Path) -> dict[str, bytes]:
    meta = verify(version)
    kept = {name: read_file(version, name, meta) for name in meta.sha256}
    return {**kept, META: (version / META).read_bytes()}


def _before(folder: Path, version: Path, champion: str) -> Path | None:
    """The version that was stored before `version` and is another one than `champion`."""
    earlier = [each for each in versions.versions(folder) if each.name < version.name]
    others = (each for each in reversed(earlier) if verify(each).version != champion)
    return next(others, None)
