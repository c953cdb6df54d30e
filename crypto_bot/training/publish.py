"""Publishing: a judged model becomes the newest version of its folder.

A model that is BLOCKED as too good to be true can be approved by hand: a new version with the same
weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crypto_bot.domain.errors import ConfigError, ModelRejected, SignalUnavailable
from crypto_bot.models import versions
from crypto_bot.models.artifact import (
    EVALUATION,
    META,
    METRICS,
    folder_of,
    publish_files,
    read_file,
    read_meta,
    verify,
)
from crypto_bot.models.gates import Judgement
from crypto_bot.models.meta import Acceptance, Meta, meta_as_json, meta_from
from crypto_bot.models.registry import champions_dir
from crypto_bot.models.verdict import Verdict
from crypto_bot.training.events import ModelPublished
from crypto_bot.training.gate import conclude
from crypto_bot.training.jobs import Job, Product
from crypto_bot.training.judge import artifact_of
from crypto_bot.training.leak_audit import Check


def publish(job: Job, product: Product, models_dir: Path) -> ModelPublished:
    """Publishes the model that the JUDGE job made. Raises TrainingError where the disk refuses.

    Its parent is the version that is served now. A resumed run may have published it already: then
    there is no second version.
    """
    files = artifact_of(product)
    meta = meta_from(files[META], META)
    folder = folder_of(models_dir, job.symbol, meta.timeframe)
    current = versions.current(folder)
    known = None if current is None else _meta(current)
    if current is None or known is None or known.model_copy(update={"parent": None}) != meta:
        served = folder_of(champions_dir(models_dir), job.symbol, meta.timeframe)
        before = versions.current(served)
        parent = None if before is None else _meta(before)
        known = meta.model_copy(update={"parent": parent and parent.version})
        current = publish_files({**files, META: meta_as_json(known)}, models_dir)
    return ModelPublished(job.symbol, current, known, files[METRICS], files[EVALUATION])


def _meta(version: Path) -> Meta | None:
    """None where it is damaged, which hinders no new one."""
    try:
        return read_meta(version)
    except SignalUnavailable:
        return None


def without_block(meta: Meta, because: str) -> Judgement:
    """What the other gates of a BLOCKED model say once it is approved by hand.

    Raises ConfigError where it is not BLOCKED or no reason is given, ModelRejected where a stored
    gate found a leak, ModelIncompatible where its stored gates are not those that make a verdict.
    """
    if meta.verdict is not Verdict.BLOCKED:
        raise ConfigError(f"{meta.version} is {meta.verdict}: only a BLOCKED model can be accepted")
    if not because.strip():
        raise ConfigError("--because must say why the model is sound: it is stored with it")
    found = conclude(meta.judgement.gates, alone=len(meta.pooled_with) == 1, audited=True)
    if found.verdict is Verdict.BLOCKED:
        raise ModelRejected(f"{meta.version} stays BLOCKED: {'; '.join(found.reasons)}")
    return found


def accept(folder: Path, current: Path, because: str, checks: Sequence[Check]) -> Meta:
    """Publishes the BLOCKED model of `current` anew in `folder`, by the verdict of its other gates.

    `checks`: the audit of its features and label that was made for this approval. Raises as
    `without_block`, ModelRejected where a check failed or none was made, ModelIncompatible where
    the folder is damaged, TrainingError where the disk refuses. Then nothing has changed.
    """
    meta = verify(current)
    found = without_block(meta, because)
    failed = [str(check) for check in checks if not check.passed]
    if failed or not checks:
        what = "; ".join(failed) or "nothing was audited"
        raise ModelRejected(f"{meta.version} stays BLOCKED, its audit did not pass: {what}")
    accepted = meta.model_copy(
        update={
            "verdict": found.verdict,
            "reasons": found.reasons,
            "accepted": Acceptance(because=because.strip(), audit=tuple(map(str, checks))),
        }
    )
    files = {name: read_file(current, name, meta) for name in meta.sha256}
    versions.add(folder, {**files, META: meta_as_json(accepted)}, last=META)
    return accepted
