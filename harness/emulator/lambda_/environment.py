"""One execution environment: a process that initialises once and handles one event at a time.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import json
import os
import queue
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.emulator.lambda_.function_log import MEGABYTE, Format, Report, invocation_log, timestamp
from harness.emulator.lambda_.launcher import Launch, RunningProcess
from harness.emulator.lambda_.runtime_api import Exited, HandlerResult, InitError, Invocation, RuntimeApi, RuntimeReady
from harness.emulator.lambda_.runtime_server import RuntimeServer

INIT_SECONDS = 10.0
"""After this AWS gives up the first initialisation and starts another with the first event, in the function's time."""
MEMORY_CHECK_SECONDS = 0.1
BOOTSTRAP = "/var/task/bootstrap"
"""Names a custom runtime that neither the code nor a layer has."""
TASK_ROOT = "/var/task"
"""Where AWS has the code: tracebacks name it, so they read here as they do there."""


@dataclass(frozen=True, slots=True)
class InvocationOutcome:
    """What came of one event: the handler's result or error as JSON, the log in AWS's form, and whether it was the first
    of its process."""

    body: bytes
    is_error: bool
    log: str
    cold: bool


@dataclass(frozen=True, slots=True)
class EnvironmentLimits:
    """What the function's configuration allows an environment."""

    timeout_seconds: int
    memory_megabytes: int


Launcher = Callable[[Launch, Callable[[int], None]], RunningProcess]


class _Sandbox:
    """The process of an environment with the Runtime API that it talks to."""

    def __init__(self, launcher: Launcher, launch: Launch) -> None:
        self.api = RuntimeApi()
        self._server = RuntimeServer(self.api)
        self.started = time.perf_counter()
        self.init_seconds: float | None = None
        environment = {**launch.environment, "AWS_LAMBDA_RUNTIME_API": self._server.address}
        try:
            self.process = launcher(
                Launch(launch.argv, environment, launch.directory, launch.path),
                lambda status: self.api.happenings.put(Exited(status)),
            )
        except BaseException:
            self._server.close()
            raise
        self._server.serve(self.process.pid)

    def close(self) -> None:
        self.process.kill()
        self._server.close()


class ExecutionEnvironment:
    """Runs one function's events, one after the other; starts a fresh process where AWS would."""

    def __init__(
        self,
        launcher: Launcher,
        launch: Launch,
        limits: EnvironmentLimits,
        version: str,
        log_format: Format | None = None,
    ) -> None:
        self._launcher = launcher
        self._launch = launch
        self._limits = limits
        self._version = version
        self._log_format = log_format or Format()
        self._sandbox: _Sandbox | None = None
        self._failed_init: InitError | Exited | None = None
        self._events = 0

    def initialize(self) -> None:
        """Start the process and wait until it is ready for events, has failed, or its time is over.

        A failure is not raised: as on AWS, the first event meets it.
        """
        self._sandbox = _Sandbox(self._launcher, self._launch)
        self._wait_until_initialized(INIT_SECONDS)

    def handle(
        self, request_id: str, function_arn: str, payload: bytes, trace_header: str, client_context: str | None = None
    ) -> InvocationOutcome:
        """Run one event. Raises LaunchError when no process can be started."""
        if self._sandbox is not None and self._failed_init is None and self._sandbox.process.exited.is_set():
            # It ended between two events, which is no error: AWS starts another.
            self._sandbox.close()
            self._sandbox = None
            self._events = 0
        if self._sandbox is None:
            self.initialize()
        sandbox = self._sandbox
        assert sandbox is not None
        cold = self._events == 0
        self._events += 1
        started = time.perf_counter()
        deadline = started + self._limits.timeout_seconds
        failure: InitError | Exited | None = self._failed_init
        if sandbox.init_seconds is None and failure is None:
            failure = self._wait_until_initialized(self._limits.timeout_seconds)
        result: HandlerResult | Exited | InitError | None = failure
        killed_for_memory = False
        if sandbox.init_seconds is not None:
            sandbox.api.offer(
                Invocation(
                    request_id=request_id,
                    function_arn=function_arn,
                    payload=payload,
                    trace_header=trace_header,
                    client_context=client_context,
                    deadline_ms=int((time.time() + deadline - time.perf_counter()) * 1000),
                )
            )
            result, killed_for_memory = self._wait_for_answer(sandbox, request_id, deadline)
        seconds = time.perf_counter() - started
        peak = sandbox.process.peak_resident_bytes()
        # The next event gets a fresh process after anything but an answer.
        if not isinstance(result, HandlerResult) or result.ends_runtime:
            sandbox.close()
            sandbox.process.exited.wait(5)
            self._sandbox = self._failed_init = None
            self._events = 0
        output = sandbox.process.take_output().replace(self._launch.directory, TASK_ROOT)
        body, is_error, status, error_type = self._judge(result, request_id, killed_for_memory, cold)
        if is_error:
            body = body.replace(self._launch.directory.encode(), TASK_ROOT.encode())
        if result is None:
            output += f"{timestamp()} {request_id} Task timed out after {self._limits.timeout_seconds}.00 seconds\n\n"
        report = Report(
            request_id=request_id,
            version=self._version,
            seconds=min(seconds, self._limits.timeout_seconds),
            memory_megabytes=self._limits.memory_megabytes,
            peak_bytes=peak,
            init_seconds=sandbox.init_seconds if cold else None,
            status=status,
            error_type=error_type,
        )
        return InvocationOutcome(body, is_error, invocation_log(report, output, self._log_format), cold)

    def stop(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()

    def output(self) -> str:
        """What was written outside of any event so far."""
        return self._sandbox.process.take_output() if self._sandbox is not None else ""

    def _wait_until_initialized(self, seconds: float) -> InitError | Exited | None:
        sandbox = self._sandbox
        assert sandbox is not None
        try:
            happening = sandbox.api.happenings.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(happening, RuntimeReady):
            sandbox.init_seconds = time.perf_counter() - sandbox.started
            return None
        assert not isinstance(happening, HandlerResult)
        self._failed_init = happening
        return happening

    def _wait_for_answer(
        self, sandbox: _Sandbox, request_id: str, deadline: float
    ) -> tuple[HandlerResult | Exited | None, bool]:
        """The answer, the end of the process, or None when the time is over; and whether memory was the reason."""
        limit = self._limits.memory_megabytes * MEGABYTE
        killed_for_memory = False
        while (remaining := deadline - time.perf_counter()) > 0:
            try:
                happening = sandbox.api.happenings.get(timeout=min(remaining, MEMORY_CHECK_SECONDS))
            except queue.Empty:
                if not killed_for_memory and sandbox.process.resident_bytes() > limit:
                    killed_for_memory = True
                    sandbox.process.kill()
                continue
            if isinstance(happening, Exited) or (
                isinstance(happening, HandlerResult) and happening.request_id == request_id
            ):
                return happening, killed_for_memory
            # Ready: the runtime requested its next event, after the one before.
        return None, killed_for_memory

    def _judge(
        self, result: HandlerResult | Exited | InitError | None, request_id: str, killed_for_memory: bool, cold: bool
    ) -> tuple[bytes, bool, str | None, str | None]:
        """The body to answer with, whether it is an error, and the status and error type of the REPORT line."""
        match result:
            case HandlerResult(body=body, is_error=is_error):
                return body, is_error, None, None
            case InitError(body=body):
                return body, True, "error", _error_type(body)
            case Exited() if self._launch.argv and self._launch.argv[0] == BOOTSTRAP:
                kind = "Runtime.InvalidEntrypoint"
                missing = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
                return _error(kind, f"RequestId: {request_id} Error: {missing}"), True, "error", kind
            case Exited(status=status):
                kind = "Runtime.OutOfMemory" if killed_for_memory else "Runtime.ExitError"
                message = f"RequestId: {request_id} Error: {exit_reason(status)}"
                return _error(kind, message), True, "error", kind
            case None:
                timed_out = f"Task timed out after {self._limits.timeout_seconds}.00 seconds"
                # AWS has two forms: one for an environment's first event, one for later ones.
                if cold:
                    body = _error("Sandbox.Timedout", f"RequestId: {request_id} Error: {timed_out}")
                else:
                    body = json.dumps({"errorMessage": f"{timestamp()} {request_id} {timed_out}"}).encode()
                return body, True, "timeout", None


def exit_reason(status: int) -> str:
    """AWS's words for how a runtime ended; `status` is as `os.waitpid` gives it."""
    if os.WIFSIGNALED(status):
        name = signal.strsignal(os.WTERMSIG(status)) or str(os.WTERMSIG(status))
        return f"Runtime exited with error: signal: {name.lower()}"
    if code := os.WEXITSTATUS(status):
        return f"Runtime exited with error: exit status {code}"
    return "Runtime exited without providing a reason"


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _error_type(body: bytes) -> str:
    try:
        return str(json.loads(body)["errorType"])
    except (ValueError, LookupError, TypeError):
        return "Runtime.Unknown"
