"""The engine as a process of this virtual environment: LocalStack with our emulator, without Docker."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil

from harness import bytecode
from harness.engine import state_folder, token
from harness.engine.access_mode import IAM_VARIABLE
from harness.engine.capabilities import CALLBACKS
from harness.engine.localstack_settings import SETTINGS, addresses
from harness.engine.locking import locked
from harness.engine.ports import PortLostError, any_free_port, choose_port
from harness.engine.target import Callback, Target
from harness.errors import EngineError
from harness.journal.redaction import SHOW_VARIABLE
from harness.settings import Callers, Delays

BOOT_SECONDS = 90.0
STOP_SECONDS = 15.0
LOG_LINES = 30
KEPT_FILE = "engine.kept"
COMMAND = [sys.executable, "-m", "harness.emulator"]
OWNER_VARIABLE = "HARNESS_OWNER"
KEPT_VARIABLE = "HARNESS_KEPT_FILE"
"""The variables that `harness.emulator.host.owner` reads."""


@dataclass(frozen=True, slots=True)
class Process:
    """The engine's process as recorded in its state file; `created` guards against a reused process id.

    It is not ready while the command that started it still boots it.
    """

    pid: int
    created: float
    port: int
    region: str
    ready: bool = True

    def find(self) -> psutil.Process | None:
        """The process, if it still exists."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class EmbeddedEngine:
    """One engine process and the folder with its state, log and files.

    `port` None takes the usual port if it is free, else any free one; a given port must be free. The process listens on the
    loopback interface only. Once it is ready it outlives the shell that started it; with `owner_pid` it ends when that
    process has ended, even if killed, unless `keep` was called. `iam` is the mode that it starts in (`access_mode`), `delays`
    how long it waits, `callers` who may call it; None leaves these to the environment. With `show_secrets` it remembers what
    it redacts in its journal (`engine.secrets`).
    """

    name = "embedded"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        region: str = "us-east-1",
        iam: str | None = None,
        delays: Delays | None = None,
        callers: Callers | None = None,
        owner_pid: int | None = None,
        show_secrets: bool = False,
        answer_seconds: float = 10.0,
    ) -> None:
        self.directory = directory.resolve()
        self.owner_pid = owner_pid
        self.answer_seconds = answer_seconds
        self.port = port
        self.region = region
        self.iam = iam
        self.delays = delays or Delays()
        self.callers = callers or Callers()
        self.show_secrets = show_secrets

    @property
    def log_file(self) -> Path:
        return self.directory / "engine.log"

    @property
    def _state_file(self) -> Path:
        return self.directory / "engine.json"

    @property
    def _kept_file(self) -> Path:
        """While this file exists, the engine may outlive its owner."""
        return self.directory / KEPT_FILE

    def find(self) -> Target | None:
        """The running engine, or None. Deletes the state of a killed engine."""
        process = self._read_state()
        if process is None:
            return None
        if process.find() is None:
            self._state_file.unlink(missing_ok=True)
            return None
        return self._target(process)

    def is_alive(self) -> bool:
        process = self._read_state()
        return process is not None and process.find() is not None

    def start(self) -> Target:
        """Start the engine, or find the running one; returns when it is ready.

        Raises EngineError if the chosen port is taken, the process ends during the boot, or it is not ready in time.
        """
        with locked(self.directory / "engine.lock"):
            self._end_unfinished()
            if (running := self.find()) is not None:
                return running
            try:
                process = self._start_on(choose_port(self.port))
            except PortLostError as lost:
                if self.port is not None:
                    raise EngineError(f"{lost} Choose another port, or stop the other engine.") from lost
                try:
                    process = self._start_on(any_free_port())
                except PortLostError as again:
                    raise EngineError(f"{again} Start it again.") from again
        return self._target(process)

    def _start_on(self, port: int) -> Process:
        secret = token.new_token(self.directory)
        # Until it is ready it belongs to this process, unless it has another owner: if this process is killed, the engine ends.
        self._kept_file.unlink(missing_ok=True)
        popen = self._spawn(port, psutil.Process(self.owner_pid or os.getpid()))
        try:
            process = Process(popen.pid, psutil.Process(popen.pid).create_time(), port, self.region, ready=False)
            self._write_state(process)
            self._wait_until_ready(popen, port, secret)
            if self.owner_pid is None:
                self.keep()
            process = replace(process, ready=True)
            self._write_state(process)
        except BaseException:
            # A shutdown would have nothing to save yet.
            popen.kill()
            popen.wait()
            self._state_file.unlink(missing_ok=True)
            raise
        return process

    def _write_state(self, process: Process) -> None:
        state_folder.write(self._state_file, json.dumps(asdict(process)))

    def _end_unfinished(self) -> None:
        """End an engine whose command was killed during the boot: the free lock shows that no command boots it any more."""
        process = self._read_state()
        if process is not None and not process.ready and (booting := process.find()) is not None:
            self.end_process(booting)

    def stop(self) -> bool:
        """End the engine and every process below it; returns whether it was running."""
        process = self._read_state()
        running = process.find() if process else None
        if running is not None:
            self.end_process(running)
        self._state_file.unlink(missing_ok=True)
        (self.directory / token.FILE).unlink(missing_ok=True)
        self._kept_file.unlink(missing_ok=True)
        shutil.rmtree(self.directory / state_folder.ENGINE_FILES, ignore_errors=True)
        return running is not None

    def keep(self) -> None:
        state_folder.write(self._kept_file, "")

    def log_mark(self) -> float:
        try:
            return self.log_file.stat().st_size
        except FileNotFoundError:
            return 0

    def log_after(self, mark: float) -> str:
        try:
            with self.log_file.open("rb") as log:
                log.seek(int(mark))
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def information(self) -> dict[str, str | int | float]:
        """The engine's process with its functions' processes: id, start time, total memory, log file."""
        process = self._read_state()
        running = process.find() if process else None
        if running is None:
            return {}
        tree = [running, *running.children(recursive=True)]
        started = datetime.fromtimestamp(running.create_time()).astimezone()
        return {
            "pid": running.pid,
            "started": started.isoformat(" ", "seconds"),
            "memory_mib": round(sum(_memory_bytes(p) for p in tree) / 1024**2),
            "log": str(self.log_file),
        }

    @property
    def pid(self) -> int | None:
        """The process id in the state file, whether the process exists or not."""
        process = self._read_state()
        return process.pid if process else None

    def last_log_lines(self, count: int = LOG_LINES) -> str:
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-count:])
        except FileNotFoundError:
            return ""

    def _read_state(self) -> Process | None:
        try:
            return Process(**json.loads(self._state_file.read_text()))
        except FileNotFoundError:
            return None
        except (json.JSONDecodeError, TypeError):
            # Written by a command that was killed while writing, or by another version.
            self._state_file.unlink(missing_ok=True)
            return None

    def _target(self, process: Process) -> Target:
        if not process.ready:
            raise EngineError(
                f"The engine (process {process.pid}) is booting. Wait for the command that starts it; if that was ended, "
                "'harness up' starts another.",
                log=self.last_log_lines(),
            )
        endpoint_url = f"http://127.0.0.1:{process.port}"
        secret = token.token_of(self.directory)
        try:
            ready = (
                httpx.get(
                    f"{endpoint_url}/_harness/ready",
                    headers=token.headers(secret),
                    timeout=self.answer_seconds,
                    trust_env=False,
                )
                .raise_for_status()
                .json()
            )
            capabilities = ready["capabilities"]
        except KeyError as error:
            raise EngineError(
                f"The engine (process {process.pid}) wants its token, and {self.directory / token.FILE} is not there. "
                "Stop the engine with 'harness down' and start again."
            ) from error
        except httpx.HTTPError as error:
            raise EngineError(
                f"The engine (process {process.pid}) runs but does not answer at {endpoint_url}: {error}. "
                "Stop it with 'harness down' and start again.",
                log=self.last_log_lines(),
            ) from error
        return Target(
            engine=self.name,
            endpoint_url=endpoint_url,
            region=process.region,
            capabilities=frozenset([*capabilities, CALLBACKS]),
            callback=Callback(),
            token=secret,
        )

    def _spawn(self, port: int, owner: psutil.Process) -> subprocess.Popen[bytes]:
        with state_folder.opened(self.log_file, "wb") as log:
            return subprocess.Popen(
                COMMAND,
                env=self._environment(port)
                | {OWNER_VARIABLE: f"{owner.pid} {owner.create_time()}", KEPT_VARIABLE: str(self._kept_file)},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _environment(self, port: int) -> dict[str, str]:
        """The variables that LocalStack reads."""
        files = self.directory / state_folder.ENGINE_FILES
        state_folder.make(files / "tmp")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LOCALSTACK_", "LAMBDA_"))}
        # A caller's variable would be that of another engine, or of none.
        inherited.pop(token.VARIABLE, None)
        return inherited | {
            **SETTINGS,
            **addresses("127.0.0.1", port),
            **self.delays.environment(),
            **self.callers.environment(),
            **self.callers.users(),
            **({IAM_VARIABLE: self.iam} if self.iam else {}),
            token.FILE_VARIABLE: str(self.directory / token.FILE),
            **({SHOW_VARIABLE: "1"} if self.show_secrets else {}),
            "FILESYSTEM_ROOT": str(files),
            # LocalStack unpacks the code of functions into the system's temporary folder and does not delete it.
            "TMPDIR": str(files / "tmp"),
            **bytecode.settings(os.environ, self.directory),
        }

    def _wait_until_ready(self, popen: subprocess.Popen[bytes], port: int, secret: str) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        url = f"http://127.0.0.1:{port}/_harness/ready"
        with httpx.Client(timeout=5, trust_env=False, headers=token.headers(secret)) as http:
            while time.monotonic() < deadline:
                if popen.poll() is not None:
                    raise EngineError(
                        f"The engine ended with exit code {popen.returncode} while it booted. "
                        f"Its log is {self.log_file}; 'harness doctor' says what this machine lacks.",
                        log=self.last_log_lines(),
                    )
                try:
                    response = http.get(url)
                    if response.is_success and response.headers.get("content-type") == "application/json":
                        if response.json().get("pid") != popen.pid:
                            raise PortLostError(f"Another engine took port {port} while this one booted.")
                        return
                    if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                        # Our engine accepts its token and the connections of its user.
                        raise PortLostError(f"Another engine took port {port} while this one booted.")
                    # LocalStack serves only after its hooks, and continues to boot if one of them cannot be loaded.
                    raise EngineError(
                        "The engine answers, but without the emulator's parts "
                        f"({response.status_code}: {response.text[:300]}). Its log is {self.log_file}.",
                        log=self.last_log_lines(),
                    )
                except httpx.TransportError:
                    # LocalStack continues to boot without the port, and would never answer.
                    if "Address already in use" in self.last_log_lines():
                        raise PortLostError(f"Another process took port {port} while the engine booted.") from None
                time.sleep(0.05)
        raise EngineError(
            f"The engine was not ready after {BOOT_SECONDS:.0f} seconds; its log is {self.log_file}.",
            log=self.last_log_lines(),
        )

    @staticmethod
    def end_process(process: psutil.Process) -> None:
        """SIGTERM first, so that LocalStack runs its shutdown hooks; then kill the rest of the process tree."""
        try:
            tree = process.children(recursive=True)
            process.send_signal(signal.SIGTERM)
            _, alive = psutil.wait_procs([process], timeout=STOP_SECONDS)
        except psutil.NoSuchProcess:
            return
        for left in (*alive, *tree):
            try:
                left.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs([*alive, *tree], timeout=5)


def _memory_bytes(process: psutil.Process) -> int:
    """The memory of the process, with its share of shared pages counted in proportion if the system reports it (Linux).

    Functions are forked from one process and share most of their pages, so resident sizes would count those pages once for
    each function.
    """
    try:
        return int(getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
