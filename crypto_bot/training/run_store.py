"""The folder of a run: its panel, the products of its jobs, the checkpoints of those under way."""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crypto_bot.domain.errors import ConfigError, TrainingError
from crypto_bot.training.folds import Fold
from crypto_bot.training.jobs import Job, Product

_PLAN, _PRODUCTS, _CHECKPOINTS, _PANEL = "plan.json", "products", "checkpoints", "panel"
_FOLDS = "folds.json"


class RunStore:
    """Panel, products and checkpoints in one folder; a file is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def panel(self) -> Path:
        """The folder for `panel.build_panel`."""
        return self.folder / _PANEL

    def folds(self) -> tuple[Fold, ...] | None:
        """The folds of the stored panel; None until the panel is whole."""
        try:
            held = json.loads((self.panel / _FOLDS).read_bytes())
        except FileNotFoundError:
            return None
        return tuple(Fold(*each) for each in held)

    def put_folds(self, folds: Sequence[Fold]) -> None:
        """Stores the folds, which marks the panel as whole."""
        _write(self.panel / _FOLDS, json.dumps(folds).encode())

    def begin(self, identity: dict[str, Any]) -> None:
        """Empties the store for a run that `identity` (JSON) describes."""
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            for name in (_PRODUCTS, _CHECKPOINTS, _PANEL):
                (self.folder / name).mkdir(parents=True)
        except OSError as error:
            raise refused(self.folder, error) from error
        _write(self.folder / _PLAN, json.dumps(identity, indent=1).encode())

    def identity(self) -> dict[str, Any] | None:
        """Of the unfinished run in this store; None where there is none."""
        try:
            held: dict[str, Any] = json.loads((self.folder / _PLAN).read_bytes())
        except (OSError, ValueError):
            return None
        return held

    def has(self, job: Job) -> bool:
        """Whether `job` is done."""
        return self._product(job).exists()

    def get(self, job: Job) -> dict[str, bytes]:
        """The product of `job`."""
        with zipfile.ZipFile(self._product(job)) as held:
            return {name: held.read(name) for name in held.namelist()}

    def put(self, job: Job, product: Product) -> None:
        """Stores the product of `job`; its checkpoint is no longer needed."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as held:
            for name in sorted(product):
                held.writestr(zipfile.ZipInfo(name), product[name])
        _write(self._product(job), packed.getvalue())
        self._checkpoint(job).unlink(missing_ok=True)

    def checkpoint(self, job: Job) -> bytes | None:
        """The newest checkpoint of `job`; None where there is none."""
        try:
            return self._checkpoint(job).read_bytes()
        except FileNotFoundError:
            return None

    def put_checkpoint(self, job: Job, content: bytes) -> None:
        """Replaces the checkpoint of `job`."""
        _write(self._checkpoint(job), content)

    def clear(self) -> None:
        """Removes all of it: the run has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _product(self, job: Job) -> Path:
        return self.folder / _PRODUCTS / f"{job.name}.zip"

    def _checkpoint(self, job: Job) -> Path:
        return self.folder / _CHECKPOINTS / f"{job.name}.pt"


class TrainerLock:
    """One trainer to a models folder. The kernel releases it, however the process ends."""

    def __init__(self, models_dir: Path) -> None:
        path = models_dir / ".training" / "lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise refused(path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise ConfigError(
                f"another trainer (process {holder}) works on {models_dir}: wait for it, or name "
                "another --models_dir"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Lets the next one in."""
        self._file.close()


def _write(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise refused(path, error) from error


def refused(path: Path, error: OSError) -> TrainingError:
    """The error of a disk that refuses, with what to do about it."""
    return TrainingError(
        f"{path} could not be written ({error.strerror or error}): make room or name another "
        "--models_dir, then resume with --resume 1; what is published stays as it was"
    )
