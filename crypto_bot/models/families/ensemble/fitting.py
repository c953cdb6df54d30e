"""Fitting ensembles: one member after the other, and where a killed fit resumes."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple, cast
from zipfile import ZipFile

import numpy as np

from crypto_bot.domain.errors import CryptoBotError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.beside import result_of, threads
from crypto_bot.models.checkpoint_store import CheckpointStore, EpochReport
from crypto_bot.models.families.ensemble.model import (
    FittedEnsemble,
    Part,
    Share,
    files_of,
    shares_in,
)
from crypto_bot.models.families.ensemble.weights import learned_weights
from crypto_bot.models.families.family import Files, FittedModel, Model, Origin, StackedFit
from crypto_bot.statistics.rows import direction_score

if TYPE_CHECKING:
    from crypto_bot.models.families.ensemble.family import EnsembleFamily

_ASKED = "asked"
_Curves = Mapping[str, tuple[float, ...]]


def fit_ensembles(
    fits: Sequence[StackedFit],
) -> Generator[None, None, list[FittedModel | CryptoBotError]]:
    """Fits ensembles of the same members; pauses after every epoch. Each one's outcome, in order.

    A member whose family stacks is fitted for all of them as one computation. Of several ensembles
    those members that keep no checkpoints are fitted meanwhile, in threads: such a fit is done on
    the CPU and hangs on no random numbers that others share.
    """
    runs = [_Run(each) for each in fits]
    families = runs[0].ensemble.families()
    count = min(len(fits), len(os.sched_getaffinity(0)))
    with threads(count) as pool:
        aside = {
            name: [(run, pool.submit(_alone, run.asked(name))) for run in runs if not run.has(name)]
            for name, family in families.items()
            if len(runs) > 1 and not family.capabilities.resumes
        }
        for name, family in families.items():
            if name in aside:
                continue
            left = [run for run in runs if run.failure is None and not run.has(name)]
            asked = [run.asked(name) for run in left]
            stacks = family.capabilities.stacks
            if stacks is not None and asked:
                outcomes = yield from stacks.fit(asked)
            else:
                outcomes = [_alone(each) for each in asked]
                yield
            for run, outcome in zip(left, outcomes, strict=True):
                run.take(name, outcome)
        for name, begun in aside.items():
            for run, future in begun:
                run.take(name, (yield from result_of(future)))
    return [run.outcome() for run in runs]


def _alone(asked: StackedFit) -> FittedModel | CryptoBotError:
    try:
        return asked.alone()
    except CryptoBotError as error:
        return error


class _Fitted(NamedTuple):
    """A member that is done."""

    model: Model
    files: Files
    curves: _Curves


class _Run:
    """One ensemble on its way."""

    def __init__(self, asked: StackedFit) -> None:
        self.ensemble = cast("EnsembleFamily", asked.family)
        self.failure: CryptoBotError | None = None
        self._asked, self._start = asked, asked.origin.start
        self._families = self.ensemble.families()
        self._kept = _Kept(asked.origin.checkpoints, f"{self.ensemble}")
        self._done: dict[str, _Fitted] = {}

    def has(self, name: str) -> bool:
        """Whether nothing is left to fit of a member.

        It was fitted before, or the ensemble starts from one whose member stays as it is.
        """
        family, start = self._families[name], self._start
        files, curves = self._kept.finished(name)
        if not files and start is not None and not self._is_tuned(name):
            files, curves = files_of(start, name), {}
        if files:
            self._done[name] = _Fitted(family.load(files), files, curves)
        return bool(files)

    def _is_tuned(self, name: str) -> bool:
        (member,) = (each for each in self.ensemble.settings.members if each.known_as == name)
        return member.tuned and self._families[name].capabilities.starts_from_model

    def asked(self, name: str) -> StackedFit:
        """What a member is fitted on."""
        family, spec, fit = self._families[name], self.ensemble.spec, self._asked.fit
        if not family.overlapping:
            fit = fit.apart(spec.label.horizon.bars(Timeframe.parse(spec.timeframe)))
        start = None if self._start is None else files_of(self._start, name)
        store = _MemberStore(self._kept, name)
        return StackedFit(family, fit, self._asked.validation, Origin(start, store))

    def take(self, name: str, outcome: FittedModel | CryptoBotError) -> None:
        """What a member learned, or why it did not."""
        if isinstance(outcome, CryptoBotError):
            self.failure = outcome
            return
        unread = self._families[name].capabilities.unread
        files = {each: held for each, held in outcome.files().items() if each not in unread}
        curves = dict(outcome.curves)
        self._kept.finish(name, files, curves)
        self._done[name] = _Fitted(outcome, files, curves)

    def outcome(self) -> FittedModel | CryptoBotError:
        """The ensemble, or why there is none."""
        if self.failure is not None:
            return self.failure
        parts = tuple(
            Part(name, self.ensemble.member_spec(name), share, self._done[name].model)
            for name, share in self._shares().items()
        )
        curves = {
            f"{name}, {curve}": losses
            for name, done in self._done.items()
            for curve, losses in done.curves.items()
        }
        return FittedEnsemble(
            parts, {name: done.files for name, done in self._done.items()}, curves
        )

    def _shares(self) -> dict[str, Share]:
        """Of each member; those of an ensemble that this one starts from stay what they were."""
        if self._start is not None:
            return shares_in(self._start)
        settings, rows = self.ensemble.settings, self._asked.validation
        shares, way = settings.shares, self.ensemble.spec.label.three_way
        if settings.weights == "fixed" and way is None:
            return shares
        answers = {
            name: self._done[name].model.predict_proba(rows.features, rows.ends) for name in shares
        }
        if settings.weights == "learned":
            each = np.arange(rows.ends.size)
            p = np.array([own[each, rows.labels] for own in answers.values()])
            weights = learned_weights(p, rows.weights, settings.equal_rows).tolist()
            shares = dict(zip(shares, (Share(each, each) for each in weights), strict=True))
        if way is None:
            return shares
        spreads = {name: float(direction_score(p, way).std()) for name, p in answers.items()}
        return {
            name: share._replace(direction_spread=spreads[name] or 1.0)
            for name, share in shares.items()
        }


class _Kept:
    """Members that are done and the checkpoint of the one under way, as one checkpoint: a zip."""

    def __init__(self, store: CheckpointStore, asked: str) -> None:
        self.store = store
        self._held = {_ASKED: asked.encode()}
        content = store.load()
        if content is not None:
            with ZipFile(BytesIO(content)) as held:
                entries = {name: held.read(name) for name in held.namelist()}
            if entries.get(_ASKED) == self._held[_ASKED]:
                self._held = entries

    def finished(self, name: str) -> tuple[Files, _Curves]:
        """Files and curves of a member; nothing of one that is not done."""
        start = f"{name}/files/"
        files = {
            each.removeprefix(start): content
            for each, content in self._held.items()
            if each.startswith(start)
        }
        curves = json.loads(self._held.get(f"{name}/curves", b"{}"))
        return files, {each: tuple(losses) for each, losses in curves.items()}

    def finish(self, name: str, files: Files, curves: _Curves) -> None:
        """Keeps a member that is done in place of its checkpoint."""
        self._held.pop(f"{name}/checkpoint", None)
        self._held |= {f"{name}/files/{each}": content for each, content in files.items()}
        self._held[f"{name}/curves"] = json.dumps(curves).encode()
        self._save()

    def checkpoint(self, name: str) -> bytes | None:
        """Of a member under way."""
        return self._held.get(f"{name}/checkpoint")

    def keep(self, name: str, content: bytes) -> None:
        """Replaces the checkpoint of a member under way."""
        self._held[f"{name}/checkpoint"] = content
        self._save()

    def _save(self) -> None:
        content = BytesIO()
        with ZipFile(content, "w") as held:
            for name, entry in self._held.items():
                held.writestr(name, entry)
        self.store.save(content.getvalue())


class _MemberStore:
    """The checkpoint store of one member, within that of the ensemble."""

    def __init__(self, kept: _Kept, name: str) -> None:
        self._kept, self._name = kept, name

    def load(self) -> bytes | None:
        """As `CheckpointStore.load`."""
        return self._kept.checkpoint(self._name)

    def save(self, content: bytes) -> None:
        """As `CheckpointStore.save`."""
        self._kept.keep(self._name, content)

    def report(self, report: EpochReport) -> None:
        """As `CheckpointStore.report`, with the name of the member."""
        self._kept.store.report(report._replace(head=f"{self._name}, {report.head}"))
