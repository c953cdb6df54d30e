"""Jobs beside the engine: commands of the terminal as processes that outlive it, one at a time."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from crypto_bot.app.job_kinds import Chosen, JobKind, checked
from crypto_bot.app.job_output import JobOutput
from crypto_bot.domain.errors import JobError
from crypto_bot.domain.instant import instant
from crypto_bot.ports import Job, JobForm

PROGRAM = (sys.executable, "-m", "crypto_bot")
_YIELDING = ("nice", "-n", "15")
_NOTES_ITS_END = ("sh", "-c", '"$@"; echo $? > "$0"')
"""The shell writes the exit code to a file, whether or not the engine is there by then."""
_LOOK_S = 1.0
_KEPT = 12
_ABOUT, _OUTPUT, _EXIT, _STOP = "job.json", "output", "exit", "stop"
_log = structlog.get_logger()


class JobRunner:
    """Starts the jobs that `kinds()` has, each in a folder of its own in `folder`.

    Answers `ports.Jobs`.

    A job has a session of its own and the lowest priority, and inherits a locked file: as long as
    that is locked a job is under way, whoever started it. See docs/adr/0012.
    """

    def __init__(
        self,
        kinds: Callable[[], Mapping[str, JobKind]],
        folder: Path,
        now_ms: Callable[[], int],
        environment: Mapping[str, str],
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._kinds, self._folder, self._now_ms = kinds, folder, now_ms
        self._environment, self._program = environment, program
        self._outputs: dict[Path, JobOutput] = {}
        self._watches: set[asyncio.Task[None]] = set()

    def forms(self) -> list[JobForm]:
        return [kind.form for kind in self._kinds().values()]

    def command(self, kind: str, chosen: Chosen) -> str:
        asked, options = self._asked(kind, chosen)
        return shlex.join(["crypto-bot", *asked.words(options, Path())])

    async def start(self, kind: str, chosen: Chosen) -> None:
        (asked, options), now_ms = self._asked(kind, chosen), self._now_ms()
        own = self._folder / f"{instant(now_ms).replace(':', '')}-{kind}"
        words = asked.words(options, own)
        about: dict[str, object] = {
            "title": asked.form.title,
            "command": shlex.join(["crypto-bot", *words]),
        }
        about |= {"started_ms": now_ms, "result": asked.result(options)}
        try:
            lock = self._locked()
        except OSError as error:
            raise JobError(f"{asked.form.title} cannot be started: {error}") from error
        if lock is None:
            raise JobError("a job is under way, and they run one at a time: see System, Jobs")
        try:
            own.mkdir()
            child = self._launched(words, own, lock)
            (own / _ABOUT).write_text(json.dumps({**about, "pid": child.pid}), "utf-8")
        except OSError as error:
            raise JobError(f"{asked.form.title} could not be started: {error}") from error
        finally:
            os.close(lock)
        _log.info("job.launched", kind=kind, pid=child.pid, folder=str(own))
        watch = asyncio.create_task(self._watched(kind, child, own))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        for old in self._folders()[_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)

    def cancel(self) -> None:
        """A second time it is killed."""
        for own in self._folders()[:1]:
            if self._state(own, is_newest=True) in {"running", "stopping"}:
                with suppress(OSError, ValueError):
                    pid = json.loads((own / _ABOUT).read_text("utf-8"))["pid"]
                    again = (own / _STOP).exists()
                    (own / _STOP).touch()
                    os.killpg(pid, signal.SIGKILL if again else signal.SIGTERM)

    def newest(self) -> list[Job]:
        return [self._job(own, is_newest=at == 0) for at, own in enumerate(self._folders()[:_KEPT])]

    async def ended(self) -> None:
        """Returns when the jobs that were started here have ended."""
        await asyncio.gather(*self._watches)

    def close(self) -> None:
        """Jobs go on; nobody here waits for their end."""
        for watch in self._watches:
            watch.cancel()

    def _asked(self, kind: str, chosen: Chosen) -> tuple[JobKind, dict[str, str]]:
        kinds = self._kinds()
        asked = kinds.get(kind)
        if asked is None:
            raise JobError(f"there is no job '{kind}' here: {', '.join(kinds)}")
        return asked, checked(asked.form, chosen)

    def _launched(self, words: Sequence[str], own: Path, lock: int) -> subprocess.Popen[bytes]:
        program = [*_NOTES_ITS_END, str(own / _EXIT), *_YIELDING, *self._program, *words]
        with (own / _OUTPUT).open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - choices of our own forms
                program,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )

    def _locked(self) -> int | None:
        """The locked file, to be closed; None while a job holds it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _folders(self) -> list[Path]:
        return sorted((each.parent for each in self._folder.glob(f"*/{_ABOUT}")), reverse=True)

    def _state(self, own: Path, *, is_newest: bool) -> str:
        stopped = (own / _STOP).exists()
        with suppress(OSError, ValueError):
            code = int((own / _EXIT).read_text("utf-8"))
            return "finished" if code == 0 else "stopped" if stopped else "failed"
        lock = self._locked() if is_newest else -1
        if lock is None:
            return "stopping" if stopped else "running"
        if lock >= 0:
            os.close(lock)
        return "stopped" if stopped else "failed"

    def _job(self, own: Path, *, is_newest: bool) -> Job:
        about = json.loads((own / _ABOUT).read_text("utf-8"))
        state = self._state(own, is_newest=is_newest)
        output = self._outputs.setdefault(own, JobOutput(own / _OUTPUT))
        output.read()
        ended = own / (_EXIT if (own / _EXIT).exists() else _OUTPUT)
        ended_ms = int(ended.stat().st_mtime * 1000)
        until_ms = self._now_ms() if state in {"running", "stopping"} else ended_ms
        result = own / about["result"] if about["result"] else None
        return Job(
            id=own.name,
            title=about["title"],
            command=about["command"],
            state=state,
            started_ms=about["started_ms"],
            seconds=(until_ms - about["started_ms"]) / 1000,
            done=output.done,
            total=output.total,
            lines=tuple(output.lines),
            result=result if result is not None and result.exists() else None,
        )

    async def _watched(self, kind: str, child: subprocess.Popen[bytes], own: Path) -> None:
        # Waiting in a thread would keep the daemon from ending.
        while child.poll() is None:  # noqa: ASYNC110 - see above
            await asyncio.sleep(_LOOK_S)
        state = self._state(own, is_newest=True)
        log = _log.info if state == "finished" else _log.warning
        log("job.ended", kind=kind, state=state, folder=str(own))
