"""A model's folder on disk and its versions: one is current, and the change to another is atomic.

`models/per_coin/BTCUSDT/15m` is a symbolic link into the hidden folder `.15m` beside it, which has
one numbered folder for each version. A version is written aside, synced, and renamed to its
number; then the link is replaced by a rename. A crash at any moment leaves the old one or the new
one whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from crypto_bot.domain.errors import ModelMissing, TrainingError

KEPT = 6
"""So many versions stay: enough to recompute half a year of predictions of monthly models."""
_ASIDE = "writing-"


def store(folder: Path) -> Path:
    """Where the versions of `folder` are kept."""
    return folder.with_name(f".{folder.name}")


def versions(folder: Path) -> list[Path]:
    """The folders of all stored versions, oldest first."""
    kept = store(folder)
    if not kept.is_dir():
        return []
    return sorted((each for each in kept.iterdir() if each.name.isdigit()), key=_number)


def current(folder: Path) -> Path | None:
    """The folder that is served: what `folder` is or points to; None where there is none.

    Where a crash came between making a plain folder a version and linking to it, the newest version
    is the one that was served.
    """
    if folder.is_dir():
        return folder.resolve()
    if folder.is_symlink() or folder.exists():
        return None
    stored = versions(folder)
    return stored[-1] if stored else None


def add(folder: Path, files: Mapping[str, bytes], last: str) -> Path:
    """Makes `files` the current version; the file `last` is written after all the others.

    Raises TrainingError where the disk refuses; what was served before is then served still.
    """
    kept = store(folder)
    try:
        kept.mkdir(parents=True, exist_ok=True)
        for left in kept.glob(f"{_ASIDE}*"):
            shutil.rmtree(left)
        _adopt(folder)
        stored = versions(folder)
        number = _number(stored[-1]) + 1 if stored else 1
        aside = kept / f"{_ASIDE}{number}"
        aside.mkdir()
        for name in sorted(files, key=lambda name: name == last):
            _write(aside / name, files[name])
        _sync(aside)
        made = kept / f"{number:04d}"
        aside.rename(made)
        _sync(kept)
        _point(folder, made)
        _forget_old(folder, made)
    except OSError as error:
        raise TrainingError(
            f"the model could not be published to {folder}: {error.strerror or error}; "
            "the model that was served before is served still"
        ) from error
    return made


def rollback(folder: Path) -> Path:
    """Makes the version before the current one current; returns it. Raises ModelMissing."""
    stored, now = versions(folder), current(folder)
    earlier = [each for each in stored if now is None or _number(each) < _number(now)]
    if not earlier:
        raise ModelMissing(f"{folder} has no earlier version to go back to")
    try:
        _point(folder, earlier[-1])
    except OSError as error:
        raise TrainingError(f"{folder} could not be changed: {error.strerror or error}") from error
    return earlier[-1]


def _adopt(folder: Path) -> None:
    """A plain folder (one that was copied here) becomes a version, and the link to it."""
    if folder.is_symlink():
        return
    if folder.is_dir():
        stored = versions(folder)
        number = _number(stored[-1]) + 1 if stored else 1
        folder.rename(store(folder) / f"{number:04d}")
    left = current(folder)
    if left is not None:
        _point(folder, left)


def _point(folder: Path, to: Path) -> None:
    link = store(folder) / "next"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(store(folder).name) / to.name)
    link.replace(folder)
    _sync(folder.parent)


def _forget_old(folder: Path, made: Path) -> None:
    for old in versions(folder)[:-KEPT]:
        if old != made:
            # meta.json goes first: a version that is half deleted is none.
            (old / "meta.json").unlink(missing_ok=True)
            shutil.rmtree(old)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _number(version: Path) -> int:
    return int(version.name)
