"""The driver of a run: hands ready jobs to an executor and publishes what is judged, at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crypto_bot.domain.errors import TrainingError
from crypto_bot.models import versions
from crypto_bot.models.artifact import META, METRICS, folder_of, publish_files
from crypto_bot.models.meta import meta_from
from crypto_bot.training.executors.executor import Done, Executor, Failed, Told
from crypto_bot.training.job import Job, Product, Stage
from crypto_bot.training.judging import artifact_of
from crypto_bot.training.observers import Published, Teller
from crypto_bot.training.run_store import Desk

Graph = Mapping[Job, tuple[Job, ...]]


def run_graph(
    graph: Graph, executor: Executor, desk: Desk, models_dir: Path, teller: Teller
) -> dict[Job, str]:
    """Does every job of `graph` that is not on the desk, and publishes each artifact when it is.

    Returns the JUDGE jobs that could not be done, each with the reason; a job that fails takes
    with it what needs it, and nothing else.
    """
    return _Run(graph, executor, desk, models_dir, teller).to_the_end()


class _Run:
    def __init__(
        self, graph: Graph, executor: Executor, desk: Desk, models_dir: Path, teller: Teller
    ) -> None:
        self._graph, self._executor, self._desk = graph, executor, desk
        self._models_dir, self._teller = models_dir, teller
        self._done = {job for job in graph if desk.has(job)}
        self._waiting = [job for job in graph if job not in self._done]
        self._under_way: set[Job] = set()
        self._failed: dict[Job, str] = {}

    def to_the_end(self) -> dict[Job, str]:
        """Works until nothing is left that can be done."""
        self._teller.started(tuple(self._graph), len(self._done))
        for job in self._graph:
            if job in self._done and job.stage is Stage.JUDGE:
                # It may have been killed between the product and its publication.
                self._publish(job)
        while self._waiting or self._under_way:
            self._hand_out()
            if not self._under_way:
                break
            self._hear()
        return {job: why for job, why in self._failed.items() if job.stage is Stage.JUDGE}

    def _hand_out(self) -> None:
        for job in list(self._waiting):
            needed = self._graph[job]
            lost = next((each for each in needed if each in self._failed), None)
            if lost is not None:
                self._waiting.remove(job)
                self._fail(job, self._failed[lost])
            elif len(self._under_way) < self._executor.slots and self._done.issuperset(needed):
                self._waiting.remove(job)
                self._under_way.add(job)
                self._teller.job_started(job)
                self._executor.submit(job, needed)

    def _hear(self) -> None:
        event = self._executor.wait()
        if isinstance(event, Told):
            self._teller.progress(event.job, event.report)
            return
        self._under_way.discard(event.job)
        if isinstance(event, Failed):
            self._teller.job_failed(event.job, event.reason)
            self._fail(event.job, f"{event.job.name}: {event.reason}")
        else:
            self._finish(event)

    def _finish(self, event: Done) -> None:
        self._done.add(event.job)
        self._teller.job_finished(event.job, event.seconds)
        if event.job.stage is Stage.JUDGE:
            self._publish(event.job)

    def _publish(self, job: Job) -> None:
        files = artifact_of(self._desk.get(job))
        try:
            folder = self._there(job, files) or publish_files(files, self._models_dir)
        except TrainingError as error:
            self._done.discard(job)
            self._fail(job, str(error))
        else:
            self._teller.published(_published(job, files, folder))

    def _there(self, job: Job, files: Product) -> Path | None:
        """The version's folder where a run that is gone on from had published `files` already."""
        timeframe = meta_from(files[META], META).timeframe
        now = versions.current(folder_of(self._models_dir, job.symbol, timeframe))
        if now is None or not (now / META).is_file() or (now / META).read_bytes() != files[META]:
            return None
        return now

    def _fail(self, job: Job, reason: str) -> None:
        """What needs `job` gives the same reason: that of the job that failed first."""
        self._failed[job] = reason
        if job.stage is Stage.JUDGE:
            self._teller.not_published(job.symbol, reason)


def _published(job: Job, files: Product, folder: Path) -> Published:
    return Published(job.symbol, folder, meta_from(files[META], META), files[METRICS])
