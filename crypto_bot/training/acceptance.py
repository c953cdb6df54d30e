"""A person's word on a model that looked too good to be true: a new version of the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crypto_bot.domain.errors import ConfigError, ModelRejected
from crypto_bot.models import versions
from crypto_bot.models.artifact import META, read_file, verify
from crypto_bot.models.gates import Judgement
from crypto_bot.models.meta import Acceptance, Meta, meta_as_json
from crypto_bot.models.verdict import Verdict
from crypto_bot.training.gate import conclude
from crypto_bot.training.leak_audit import Check


def lifted(meta: Meta, because: str) -> Judgement:
    """What the other gates of a BLOCKED model say once a person's word lifts the block.

    Raises ConfigError where it is not BLOCKED or nothing is said, ModelRejected where a stored gate
    found a leak, ModelIncompatible where its stored gates are not those that make a verdict.
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

    `checks` is the audit of its features and label that was made for this. Raises as `lifted`, and
    ModelRejected where a check failed or none was made, ModelIncompatible where the folder is
    damaged, TrainingError where the disk refuses. Then nothing has changed.
    """
    meta = verify(current)
    found = lifted(meta, because)
    leaks = [_told(check) for check in checks if not check.passed]
    if leaks or not checks:
        what = "; ".join(leaks) or "nothing was audited"
        raise ModelRejected(f"{meta.version} stays BLOCKED, its audit did not pass: {what}")
    accepted = meta.model_copy(
        update={
            "verdict": found.verdict,
            "reasons": found.reasons,
            "accepted": Acceptance(
                because=because.strip(), audit=tuple(_told(check) for check in checks)
            ),
        }
    )
    files = {name: read_file(current, name, meta) for name in meta.sha256}
    versions.add(folder, {**files, META: meta_as_json(accepted)}, last=META)
    return accepted


def _told(check: Check) -> str:
    return f"{check.name}: {check.words}"
