"""A model's folder on disk and its versions: one is current, and the change to another is atomic.

`models/per_coin/BTCUSDT/15m` is a symbolic link into the hidden folder `.15m` beside it, which has
one numbered folder for each version. A version is written aside, synced, and renamed to its
number; then the link is replaced by a rename. A crash at any moment leaves the old one or the new
one whole.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from crypto_bot.domain.errors import ModelIncompatible, ModelMissing, TrainingError

KEPT = 6
"""So many versions stay: enough to recompute half a year of predictions of monthly models."""
_ASIDE = "writing-"
_NUMBER = re.compile("[0-9]{1,9}")
_LONGEST_LINK = 4_096


def store(folder: Path) -> Path:
    """Where the versions of `folder` are kept."""
    return folder.with_name(f".{folder.name}")


def versions(folder: Path) -> list[Path]:
    """The folders of all stored versions, oldest first. Raises ModelIncompatible.

    One whose deletion was interrupted is none.
    """
    kept = store(folder)
    with _readable(folder):
        if not kept.is_dir():
            return []
        return sorted((each for each in _numbered(kept) if not _is_left_over(each)), key=_number)


def current(folder: Path) -> Path | None:
    """The folder that is served: what `folder` is or points to; None where there is none.

    Where a crash came between making a plain folder a version and linking to it, the newest version
    is the one that was served. A system without links writes a file with what a link says. Raises
    ModelIncompatible where the system refuses to look.
    """
    with _readable(folder):
        if folder.is_dir():
            return folder.resolve()
        if folder.is_symlink():
            return None
        if folder.is_file():
            said = folder.read_bytes()[:_LONGEST_LINK].decode(errors="replace").strip()
            linked = [each for each in versions(folder) if said == _link_to(each).as_posix()]
            return linked[0].resolve() if linked else None
    stored = versions(folder)
    return stored[-1] if stored else None


def add(folder: Path, files: Mapping[str, bytes], last: str) -> Path:
    """Makes `files` the current version; the file `last` is written after all the others.

    Raises TrainingError where the disk refuses; what was served before is then served still.
    """
    kept = store(folder)
    try:
        kept.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
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
    """Makes the version before the current one current; returns it.

    Raises ModelMissing where there is none, TrainingError where the disk refuses.
    """
    try:
        if versions(folder):
            _sweep(folder)
            _adopt(folder)
        now = current(folder)
        stored = versions(folder)
        earlier = [each for each in stored if now is None or _number(each) < _number(now)]
        if not earlier:
            raise ModelMissing(f"{folder} has no earlier version to go back to")
        _point(folder, earlier[-1])
    except OSError as error:
        raise TrainingError(f"{folder} could not be changed: {error.strerror or error}") from error
    return earlier[-1]


def remove(folder: Path) -> None:
    """Deletes the link and all versions. Raises TrainingError where the disk refuses."""
    try:
        folder.unlink(missing_ok=True)
        shutil.rmtree(store(folder), ignore_errors=True)
        _sync(folder.parent)
    except OSError as error:
        raise TrainingError(f"{folder} could not be deleted: {error.strerror or error}") from error


def trim(folders: Iterable[Path], most_bytes: int) -> list[Path]:
    """Deletes the oldest versions of `folders` until all of them take `most_bytes`; which ones.

    What is served stays, and what `rollback` would go back to, also where that is more. Raises
    TrainingError where the disk refuses.
    """
    taken, removable = 0, list[tuple[int, Path, int]]()
    try:
        for folder in folders:
            now, stored = current(folder), versions(folder)
            sizes = {each: sum(f.stat().st_size for f in each.iterdir()) for each in stored}
            taken += sum(sizes.values())
            served = None if now is None else now.resolve()
            before = [each for each in stored if served and each.name < served.name]
            kept = {served, *(each.resolve() for each in before[-1:])}
            removable += [
                ((each / "meta.json").stat().st_mtime_ns, each, sizes[each])
                for each in stored
                if each.resolve() not in kept
            ]
        gone = []
        for _, old, size in sorted(removable):
            if taken <= most_bytes:
                break
            _delete(old)
            gone.append(old)
            taken -= size
    except OSError as error:
        raise TrainingError(f"old models could not be deleted: {error}") from error
    return gone


def _numbered(kept: Path) -> Iterator[Path]:
    return (each for each in kept.iterdir() if _NUMBER.fullmatch(each.name))


def _is_left_over(version: Path) -> bool:
    """Whether its deletion was interrupted; `_delete` begins with its `meta.json`."""
    return not os.path.lexists(version / "meta.json")


def _sweep(folder: Path) -> None:
    """Deletes what a crash left of versions that were being written or deleted."""
    kept, now = store(folder), current(folder)
    half = [each for each in _numbered(kept) if _is_left_over(each) and each.resolve() != now]
    for left in [*kept.glob(f"{_ASIDE}*"), *half]:
        shutil.rmtree(left, ignore_errors=True)


def _adopt(folder: Path) -> None:
    """A plain folder (one that was copied here) becomes a version, and the link to it.

    A copy that followed the links has one of the versions twice: that version is linked to.
    """
    if folder.is_symlink():
        return
    left, copy = current(folder), store(folder) / f"{_ASIDE}copy"
    shutil.rmtree(copy, ignore_errors=True)
    if folder.is_dir():
        stored = versions(folder)
        same = [each for each in stored if _meta_of(each) == _meta_of(folder) is not None]
        number = _number(stored[-1]) + 1 if stored else 1
        left = same[-1] if same else store(folder) / f"{number:04d}"
        folder.rename(copy if same else left)
    if left is not None:
        _point(folder, left)
    shutil.rmtree(copy, ignore_errors=True)


def _point(folder: Path, to: Path) -> None:
    link = store(folder) / "next"
    link.unlink(missing_ok=True)
    link.symlink_to(_link_to(to))
    link.replace(folder)
    _sync(folder.parent)


def _link_to(version: Path) -> Path:
    """As it stands in the link to `version`, which lies beside the store."""
    return Path(version.parent.name) / version.name


def _meta_of(version: Path) -> bytes | None:
    try:
        return (version / "meta.json").read_bytes()
    except OSError:
        return None


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or error
        raise ModelIncompatible(f"{folder} cannot be read: {reason}") from error


def _forget_old(folder: Path, made: Path) -> None:
    for old in versions(folder)[:-KEPT]:
        if old != made:
            _delete(old)


def _delete(version: Path) -> None:
    """meta.json goes first: a version that is half deleted is none."""
    (version / "meta.json").unlink(missing_ok=True)
    shutil.rmtree(version)


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
