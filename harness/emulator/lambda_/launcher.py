"""Starts processes through a zygote, and reports what they write and when they end."""

import array
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.emulator.lambda_ import zygote as zygote_script
from harness.emulator.lambda_.watch import WATCH
from harness.emulator.outbound.environment import NO_ACCOUNT

START_SECONDS = 30.0
CHUNKS_AT_ONCE = 4
"""What is read of a process's output before it is the turn of the others, in pieces of 64 KiB."""


class LaunchError(Exception):
    """A process could not be started; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start: a program, or AWS's Python runtime client where `argv` is None, whose modules come from `path`."""

    argv: Sequence[str] | None
    environment: dict[str, str]
    directory: str
    path: Sequence[str] = ()


class RunningProcess:
    """A process that a zygote started, in a separate process group."""

    def __init__(self, pid: int, output: int, reports: socket.socket, on_exit: Callable[[int], None]) -> None:
        self.pid = pid
        self.exited = threading.Event()
        self._output = output
        self._reports = reports
        self._on_exit = on_exit
        self._peak_resident_bytes = 0
        self._text = bytearray()
        self._lock = threading.Lock()
        self._report = b""
        os.set_blocking(output, False)
        reports.setblocking(False)
        WATCH.add({output: self._read_output, reports.fileno(): self._read_report})

    def take_output(self) -> str:
        """What the process has written since the last call.

        A process writes its output before it answers, so after an answer everything that belongs to it is in the pipe.
        """
        with self._lock:
            self._drain()
            text = self._text.decode("utf-8", "replace")
            self._text.clear()
        return text

    def resident_bytes(self) -> int:
        """The memory that the process holds now; 0 if the system does not report it."""
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return 0

    def peak_resident_bytes(self) -> int:
        """The most memory that the process has held, also when it has ended; 0 if the system does not report it."""
        if self._peak_resident_bytes:
            return self._peak_resident_bytes
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0

    def kill(self) -> None:
        """End the process and all that it started."""
        if not self.exited.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _read_output(self) -> bool:
        with self._lock:
            return self._drain(CHUNKS_AT_ONCE)

    def _read_report(self) -> bool:
        # An end without a report: the zygote itself was killed.
        try:
            self._report += self._reports.recv(4096) or b'{"status": 9}\n'
        except BlockingIOError:
            return True
        except ConnectionError:
            self._report += b'{"status": 9}\n'
        if not self._report.endswith(b"\n"):
            return True
        self._end(json.loads(self._report))
        return False

    def _end(self, ended: dict[str, int]) -> None:
        with self._lock:
            self._drain()
        self._peak_resident_bytes = ended.get("peak_resident_bytes", 0)
        # What it started ends with it, as AWS ends the whole environment.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.exited.set()
        self._on_exit(ended["status"])
        WATCH.remove(self._output, self._reports.fileno())
        self._reports.close()
        with self._lock:
            os.close(self._output)
            self._output = -1

    def _drain(self, chunks: int = 1 << 10) -> bool:
        """Read what is in the pipe, up to a number of pieces; False when nothing more can come."""
        if self._output < 0:
            return False
        for _ in range(chunks):
            try:
                chunk = os.read(self._output, 1 << 16)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self._text += chunk
        return True


class Zygote:
    """The zygote of one interpreter; started when it is first needed, started again when it was killed."""

    def __init__(self, interpreter: str, runtime_packages: str) -> None:
        self.interpreter = interpreter
        self.runtime_packages = runtime_packages
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Start it unless it runs. It imports while the caller continues."""
        with self._lock:
            self._ensure()

    def launch(self, launch: Launch, on_exit: Callable[[int], None]) -> RunningProcess:
        """Start a process; `on_exit` is called with its `os.waitpid` status when it has ended.

        Raises LaunchError when the zygote does not start it.
        """
        read_end, write_end = os.pipe()
        ours, theirs = socket.socketpair()
        body = json.dumps(
            {
                "argv": launch.argv,
                "environment": launch.environment,
                "directory": launch.directory,
                "path": list(launch.path),
            }
        ).encode()
        try:
            with self._lock:
                control = self._ensure()
                descriptors = array.array("i", [write_end, theirs.fileno()])
                ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
                control.sendmsg([len(body).to_bytes(4, "big")], ancillary)
                control.sendall(body)
            ours.settimeout(START_SECONDS)
            started = b""
            while not started.endswith(b"\n"):
                chunk = ours.recv(1)
                if not chunk:
                    raise LaunchError(f"the interpreter {self.interpreter} does not start execution environments")
                started += chunk
            ours.settimeout(None)
        except (OSError, LaunchError) as error:
            os.close(read_end)
            ours.close()
            raise LaunchError(f"no process for the execution environment: {error}") from error
        finally:
            os.close(write_end)
            theirs.close()
        return RunningProcess(json.loads(started)["pid"], read_end, ours, on_exit)

    def stop(self) -> None:
        """End it and every process that it started."""
        with self._lock:
            if self._process is None or self._control is None:
                return
            self._control.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = self._control = None

    def _ensure(self) -> socket.socket:
        if self._process is not None and self._process.poll() is None and self._control is not None:
            return self._control
        if self._control is not None:
            self._control.close()
        ours, theirs = socket.socketpair()
        # -I -S: nothing of this virtual environment can be imported by a function, as nothing of it is on AWS.
        self._process = subprocess.Popen(
            [self.interpreter, *_bytecode(), "-I", "-S", str(zygote_script.__file__), self.runtime_packages],
            stdin=theirs.fileno(),
            # The SDK that it loads reads no profile of the user's, and asks no metadata service.
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "en_US.UTF-8", **NO_ACCOUNT},
            start_new_session=True,
        )
        theirs.close()
        self._control = ours
        return ours


def _bytecode() -> list[str]:
    """Compiled modules lie where the engine keeps them. -I ignores the variable for that."""
    return ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
