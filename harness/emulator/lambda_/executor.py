"""The `process` executor: implements LocalStack's contract with processes of this machine."""

import contextlib
import json
import logging
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from localstack import config
from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.http import Request, Response
from localstack.runtime.shutdown import SHUTDOWN_HANDLERS
from localstack.services.edge import ROUTER
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from harness.emulator.controls import capabilities
from harness.emulator.lambda_ import invocations, node
from harness.emulator.lambda_.environment import BOOTSTRAP, TASK_ROOT, EnvironmentLimits, ExecutionEnvironment
from harness.emulator.lambda_.function_log import Format
from harness.emulator.lambda_.launcher import Launch, LaunchError, RunningProcess, Zygote
from harness.emulator.lambda_.runtimes import CURRENT, Platform, PythonRuntime, PythonRuntimes, UnsupportedRuntimeError
from harness.emulator.lambda_.sdk_data import with_sdk_data
from harness.emulator.patches import patched

LOG = logging.getLogger(__name__)


class _Machine:
    """What all executors of this process share: the interpreters and their zygotes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zygotes: dict[tuple[str, str], Zygote] = {}
        self._pythons: PythonRuntimes | None = None

    @property
    def pythons(self) -> PythonRuntimes:
        with self._lock:
            if self._pythons is None:
                self._pythons = PythonRuntimes(cache_directory())
            return self._pythons

    def zygote(self, runtime: PythonRuntime) -> Zygote:
        with self._lock:
            key = (runtime.interpreter.executable, runtime.packages)
            return self._zygotes.setdefault(key, Zygote(*key))

    def launcher(self, runtime: str) -> Callable[[Launch, Callable[[int], None]], RunningProcess]:
        """What starts processes of this runtime; any zygote can start a program."""
        name = runtime if runtime.startswith("python") else f"python{CURRENT.version[0]}.{CURRENT.version[1]}"
        return self.zygote(self.pythons.prepare(name)).launch

    def stop(self) -> None:
        with self._lock:
            for zygote in self._zygotes.values():
                zygote.stop()
            self._zygotes.clear()


WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
"""https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper; not done here."""
CACHE_VARIABLE = "HARNESS_LAMBDA_CACHE"
"""Where the packages of interpreters are kept (default: the user's cache directory; the engine's own without one)."""


def cache_directory() -> Path:
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    with contextlib.suppress(RuntimeError, OSError):  # no home folder, or one that cannot be written
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "serverless-harness" / "lambda-runtimes"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.gettempdir()) / "lambda-runtimes"


MACHINE = _Machine()


class ProcessRuntimeExecutor(RuntimeExecutor):
    """One execution environment, as LocalStack asks for it."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002 - LocalStack's signature
        super().__init__(id, function_version)
        self._environment: ExecutionEnvironment | None = None
        self._temporary = ""
        self._lock = threading.Lock()
        self._busy = False
        self._stopping = False
        LIVE.add(self)

    def start(self, env_vars: dict[str, str]) -> None:
        function = self.function_version.config
        code = str(function.code.get_unzipped_code_location())
        layers = [str(layer.code.get_unzipped_code_location()) for layer in function.layers or ()]
        self._temporary = tempfile.mkdtemp(prefix=f"{self.function_version.id.function_name}-")
        runtime = function.runtime or ""
        if wrapper := env_vars.get(WRAPPER_VARIABLE):
            LOG.warning(
                "%s runs without its wrapper %s=%s: the process executor starts runtimes itself. What the wrapper sets "
                "up, such as tracing, is missing here.",
                self.function_version.qualified_arn,
                WRAPPER_VARIABLE,
                wrapper,
            )
        launch = Launch(
            argv=command_line(runtime, [code, *layers], function.handler),
            environment=environment_variables(env_vars, runtime, code, layers, self._temporary),
            directory=code,
            path=python_path(code, layers, runtime, env_vars.get("PYTHONPATH", "")),
        )
        self._environment = ExecutionEnvironment(
            MACHINE.launcher(runtime),
            launch,
            EnvironmentLimits(function.timeout, function.memory_size),
            self.function_version.id.qualifier,
            log_format(function.logging_config),
        )
        try:
            self._environment.initialize()
        except LaunchError as error:
            raise LambdaRuntimeException(str(error)) from error

    def stop(self) -> None:
        """End the environment; one that handles an event ends after it.

        An update or a deletion leaves running invocations alone on AWS; LocalStack stops every environment at once,
        which would end a handler between its side effects and its answer and have its event delivered again.
        """
        with self._lock:
            self._stopping = True
            if self._busy:
                return
        self._close()

    def abort(self) -> None:
        """End the environment now, with the event that it handles."""
        self._stopping = True
        self._close()

    def _close(self) -> None:
        if self._environment is not None:
            self._environment.stop()
        shutil.rmtree(self._temporary, ignore_errors=True)
        LIVE.discard(self)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        assert self._environment is not None
        with self._lock:
            self._busy = True
        try:
            with invocations.invocation(payload["invoked-function-arn"], self.id, payload) as running:
                outcome = self._environment.handle(
                    request_id=payload["invoke-id"],
                    function_arn=payload["invoked-function-arn"],
                    payload=payload["payload"].encode(),
                    trace_header=payload["trace-id"],
                    client_context=payload.get("client-context") or None,
                )
                running.end(outcome.body, is_error=outcome.is_error, log=outcome.log, cold=outcome.cold)
        finally:
            with self._lock:
                self._busy = False
                closing = self._stopping
            if closing:
                self._close()
        return InvocationResult(
            request_id=payload["invoke-id"], payload=outcome.body, is_error=outcome.is_error, logs=outcome.log
        )

    def get_logs(self) -> str:
        return self._environment.output() if self._environment is not None else ""

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        # The address that lambda-runtime-init would call; here the environment is driven directly.
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code, and start the zygote so that the first event finds it ready."""
        function = function_version.config
        if function.code:
            function.code.prepare_for_execution()
        for layer in function.layers or ():
            layer.code.prepare_for_execution()
        runtime = function.runtime or ""
        command_line(runtime, [], function.handler)
        if runtime.startswith("python"):
            MACHINE.zygote(MACHINE.pythons.prepare(runtime)).start()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Environments remove their files when they stop; LocalStack removes the code."""


LIVE: weakref.WeakSet[ProcessRuntimeExecutor] = weakref.WeakSet()
"""The environments of this engine that have not ended."""


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *_args: Any, **_options: Any) -> type[RuntimeExecutor]:
        return ProcessRuntimeExecutor


def command_line(runtime: str, folders: Sequence[str], handler: str) -> list[str] | None:
    """What to run; None for Python, whose runtime client the zygote runs itself.

    `folders` are the code's and then those of the layers, as AWS looks for `bootstrap` in /var/task and in /opt.
    Raises UnsupportedRuntimeError for a runtime that nothing of this machine runs.
    """
    if runtime.startswith("python"):
        return None
    if runtime.startswith("provided") or runtime == "go1.x":
        found = [str(Path(folder, "bootstrap")) for folder in folders]
        return [next(filter(os.path.exists, found), BOOTSTRAP)]
    if runtime.startswith("nodejs"):
        return node.command_line(handler)
    raise UnsupportedRuntimeError(
        f"The runtime {runtime or '(container image)'} does not run here: the process executor runs python3.x, "
        "nodejsXX.x and provided.*. Run this function in Docker (LAMBDA_RUNTIME_EXECUTOR=docker)."
    )


def log_format(logging_config: Mapping[str, str]) -> Format:
    return Format(logging_config.get("LogFormat") == "JSON", logging_config.get("SystemLogLevel", "INFO"))


def python_path(code: str, layers: list[str], runtime: str, configured: str = "") -> list[str]:
    """Where Python modules come from, in AWS's order. There is no /opt here: each layer is a folder.

    `configured` is the function's own PYTHONPATH, in which /var/task and /opt are what they are on AWS.

    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    """
    if not runtime.startswith("python"):
        return []
    # As on AWS a later layer's file wins over the same file of an earlier one.
    later_first = list(reversed(layers))
    packages = [str(Path(layer, "python", "lib", runtime, "site-packages")) for layer in later_first]
    own: list[str] = []
    for entry in filter(None, configured.split(os.pathsep)):
        if entry == "/opt" or entry.startswith("/opt/"):
            own += [layer + entry.removeprefix("/opt") for layer in later_first]
        elif entry == TASK_ROOT or entry.startswith(f"{TASK_ROOT}/"):
            own.append(code + entry.removeprefix(TASK_ROOT))
        else:
            own.append(entry)
    return [code, *own, *packages, *(str(Path(layer, "python")) for layer in later_first)]


def environment_variables(
    given: Mapping[str, Any], runtime: str, code: str, layers: list[str], temporary: str
) -> dict[str, str]:
    """The variables of an environment: those that AWS sets and the function's own; nothing of the engine's."""
    # AWS_LAMBDA_FUNCTION_TIMEOUT is of LocalStack's own runtime, not of AWS's.
    internal = ("LOCALSTACK_", "EDGE_PORT", "_AWS_XRAY", "AWS_LAMBDA_FUNCTION_TIMEOUT")
    variables = {name: str(value) for name, value in given.items() if not name.startswith(internal)}
    search = [str(Path(layer, "bin")) for layer in layers]
    variables = {
        # Not the engine's PATH: it would bring the programs of the engine's virtual environment.
        "PATH": os.pathsep.join([*search, "/usr/local/bin", "/usr/bin", "/bin"]),
        "LANG": "en_US.UTF-8",
        "HOME": temporary,
        "LD_LIBRARY_PATH": os.pathsep.join([*(str(Path(layer, "lib")) for layer in layers), str(Path(code, "lib"))]),
        "NODE_PATH": os.pathsep.join(str(Path(layer, "nodejs", "node_modules")) for layer in layers),
        # Functions on AWS have no metadata service. This machine may have one, with a role that is not the function's.
        "AWS_EC2_METADATA_DISABLED": "true",
        **variables,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "LAMBDA_TASK_ROOT": code,
        "TMPDIR": temporary,
    }
    # ":UTC" names a file of AWS's zone database, which need not be where AWS has it.
    if "AWS_LAMBDA_LOG_LEVEL" in variables:
        # LocalStack writes Info where AWS and its runtime client have INFO.
        variables["AWS_LAMBDA_LOG_LEVEL"] = variables["AWS_LAMBDA_LOG_LEVEL"].upper()
    variables["TZ"] = variables.get("TZ", ":UTC").removeprefix(":")
    return with_sdk_data(variables)


def get_runtime(_request: Request, runtime: str) -> Response:
    """`GET /_harness/runtimes/<runtime>`: the interpreter that runs it here, for callers that build its dependencies.

    `missing` says which packages would let the runtime's own interpreter run it, and where they are looked for.
    """
    if not runs_functions() or not runtime.startswith("python"):
        why = f"{runtime} has no interpreter to build for" if runs_functions() else "functions run in AWS's own images"
        body: dict[str, Any] = {"error": why}
        return Response(json.dumps(body), status=404, mimetype="application/json")
    try:
        prepared = MACHINE.pythons.prepare(runtime)
    except UnsupportedRuntimeError as error:
        return Response(json.dumps({"error": str(error)}), status=404, mimetype="application/json")
    body = {
        "runtime": runtime,
        "python": ".".join(map(str, prepared.interpreter.version)),
        "implementation": "cp{}{}".format(*prepared.interpreter.minor),
        "platform": Platform().uv_name,
        "matches": prepared.warning is None,
        "warning": prepared.warning,
        "missing": prepared.missing
        and {
            "executable": prepared.missing.interpreter.executable,
            "python": ".".join(map(str, prepared.missing.interpreter.version)),
            "requirements": prepared.missing.requirements,
            "folder": str(prepared.missing.folder),
        },
    }
    return Response(json.dumps(body), mimetype="application/json")


def refuse_unsupported_runtimes(runtime: str | None) -> None:
    """Raise AWS's error for a runtime that cannot run here, when the function is made rather than when it is called."""
    try:
        command_line(runtime or "", [], "index.handler")
    except UnsupportedRuntimeError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error


def runs_functions() -> bool:
    """Whether this executor runs them, and not LocalStack's own, which makes a container for each."""
    return str(config.LAMBDA_RUNTIME_EXECUTOR) == "process"


def install() -> None:
    if not runs_functions() or node.is_here():
        capabilities.provide("lambda-nodejs")
    # The system ends zygotes that lose their engine; a shutdown that is asked for leaves none for the system to end.
    SHUTDOWN_HANDLERS.register(MACHINE.stop)
    ROUTER.add("/_harness/runtimes/<runtime>", get_runtime, methods=["GET"])

    @patched(LambdaService.stop, because="functions that still run must not write into what comes after a reset")
    def stop(original: Any, self: Any) -> None:
        # The state is emptied or the engine ends: what still runs must not write into what comes after.
        for executor in list(LIVE):
            executor.abort()
        original(self)
