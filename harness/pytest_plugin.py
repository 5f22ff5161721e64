"""The pytest plugin: options and fixtures. The modules that it calls do the work."""

import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
import pytest

from harness import pytest_secrets, pytest_traces
from harness.engine import Callback, Outbox, Target, access_mode, secrets, tracing
from harness.engine.access_mode import IAM_MODES, RunMode
from harness.engine.locking import locked
from harness.engine.proxies import bypass_for_loopback
from harness.errors import DeployError, EngineError, MissingCapabilityError, SettingsError
from harness.faults import Faults
from harness.fixture_types import Fire, NewClient, NewFlow, NewWebSocket, Settled
from harness.journal.redaction import Redactor
from harness.project import ENGINES, KEPT, OURS_ALONE, Project

if TYPE_CHECKING:
    from harness.deploy import Deployment, Schedules
    from harness.flow import Flow, Flows
    from harness.topology import Topology

RUN_DIRECTORY = "harness_run_directory"
LACKED = "harness_lacked_capability"
LOG_LINES = 60
STORY = "flow"
"""The beginning of the titles of sections that report a failed test's flows."""
_REQUEST = re.compile(r" INFO --- \[[^]]*\] localstack\.request\.")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_project = pytest.StashKey[Project]()
_run_directory = pytest.StashKey[Path]()
_in_use = pytest.StashKey[Project]()
_log_mark = pytest.StashKey[float]()
_left = pytest.StashKey[list[str]]()
_cutting = pytest.StashKey[tuple[Redactor | None, Project | None]]()
_flows = pytest.StashKey["list[Flow]"]()
_topology = pytest.StashKey["Callable[[], Topology]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harness", "serverless harness")
    group.addoption(
        "--engine",
        choices=ENGINES,
        default=None,
        help="Where AWS calls go. Default: the engine that 'harness up' or 'docker compose up' started here, else that of "
        "[tool.harness], else embedded. A running engine is used and stays up; otherwise the run starts an engine and stops it "
        "at the end, or, on a shared target, deploys under a separate name and removes that.",
    )
    group.addoption(
        "--endpoint-url",
        default=None,
        metavar="URL",
        help="With --engine=endpoint: the address of anything that speaks AWS. Tests that need what it does not support "
        "are skipped with the reason.",
    )
    group.addoption(
        "--iam",
        choices=IAM_MODES,
        default=None,
        help="How IAM decides calls in this run: enforce refuses what is denied, report lets it through and lists it at the end, "
        "off decides nothing. A running engine gets its mode back afterwards. Default: the mode of the running engine, else "
        "iam in [tool.harness], else enforce.",
    )
    group.addoption(
        "--keep",
        action="store_true",
        help="Leave the engine that this run started running, with everything in it, for a look.",
    )
    pytest_secrets.add_option(group)
    pytest_traces.add_option(group)


def pytest_configure(config: pytest.Config) -> None:
    bypass_for_loopback(os.environ)
    config.addinivalue_line("markers", "requires(*capabilities): skip where the target lacks one of them")
    try:
        project = Project.load(
            config.rootpath,
            engine=config.getoption("--engine"),
            endpoint_url=config.getoption("--endpoint-url"),
            iam=config.getoption("--iam"),
            show_secrets=config.getoption(pytest_secrets.OPTION),
        )
    except (SettingsError, EngineError) as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_project] = project
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    state = project.settings.state_directory
    config.stash[_run_directory] = Path(worker[RUN_DIRECTORY]) if worker else state / f"run-{os.getpid()}"
    config.pluginmanager.register(
        pytest_traces.Traces(
            config,
            state / "traces",
            lambda item: item.stash.get(_flows, []),
            cache(lambda: _versions(config)),
            lambda text: text if config.getoption(pytest_secrets.OPTION) else _redactor(config).text(text),
        ),
        "harness-traces",
    )
    if worker is None:
        config.stash[_left] = _end_abandoned_runs(project)
        config.pluginmanager.register(_Colours(config), "harness-colours")


def _versions(config: pytest.Config) -> dict[str, str]:
    """The versions that a test ran with, for its trace."""
    from harness.report import trace_files

    project = config.stash.get(_in_use, None)
    target = project.engine.find() if project else None
    try:
        of_engine = target.harness.ready()["versions"] if target else {}
    except MissingCapabilityError:
        of_engine = {}
    return trace_files.versions(project.engine.name if project else "", of_engine)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: every worker uses the one engine of the run."""
    node.workerinput[RUN_DIRECTORY] = str(node.config.stash[_run_directory])


def _end_abandoned_runs(project: Project) -> list[str]:
    """End what killed test runs left behind; returns what this run may not end, as sentences."""
    left = []
    for run in project.abandoned_runs():
        _put_back_iam(run.settings.state_directory)
        if run.engine.name in OURS_ALONE:
            run.end()
            run.forget()
        else:
            what = ", ".join(f"{name} {value}" for name, value in run.engine.information().items())
            left.append(f"a test run that was killed left its deployment ({what}); 'harness down' removes it")
    return left


def _put_back_iam(folder: Path) -> None:
    """Restore the IAM mode that the engine had before the run."""
    mode = RunMode.of(folder)
    if mode is None:
        return
    try:
        mode.end(folder)
    except EngineError:
        # The engine has stopped, and its mode with it.
        (folder / access_mode.FILE).unlink(missing_ok=True)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"harness: {said}" for said in config.stash.get(_left, [])]


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or _run_directory not in config.stash:
        return
    directory = config.stash[_run_directory]
    if not directory.exists():
        return
    _put_back_iam(directory)
    if not any(directory.iterdir()):
        # The folder existed only for the mode: the engine belongs to another run.
        directory.rmdir()
        return
    own = _own(config)
    try:
        if config.getoption("--keep") and (target := own.engine.find()) is not None:
            (directory / KEPT).touch()
            own.engine.keep()
            _say(
                f"The engine of this run stays at {target.address}. Look at it with "
                f"'harness --state {directory} outbox', stop it with 'harness --state {directory} down'."
            )
            return
        ended = own.end()
    except (EngineError, DeployError) as error:
        _say(f"What this run made could not be removed; 'harness down' tries again.\n{error}")
        return
    for removal in ended.removals:
        _say(str(removal))
    if ended.failures:
        _say("'harness down' tries it again.")
        return
    own.forget()


def _say(message: str) -> None:
    print(f"\n{message}")  # noqa: T201 - the terminal reporter is closed by now


def _own(config: pytest.Config) -> Project:
    """The project with an engine dedicated to this run. It belongs to the controller, whichever worker starts it."""
    directory = config.stash[_run_directory]
    return config.stash[_project].in_directory(directory, owner_pid=int(directory.name.removeprefix("run-")))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if (project := item.config.stash.get(_in_use, None)) is not None:
        item.stash[_log_mark] = project.engine.log_mark()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A capability that the target does not support is a skip with its reason; any other failure comes with the engine's log.

    If the engine has stopped, report its last log lines, and stop the run, so that later tests do not fail because of it.
    """
    report = yield
    if (report.failed or report.sections) and not item.config.getoption(pytest_secrets.OPTION):
        pytest_secrets.cut(report, _redactor(item.config), call.excinfo)
    if call.excinfo is not None and isinstance(lack := call.excinfo.value, MissingCapabilityError):
        report.outcome = "skipped"
        path, line, _ = item.location
        report.longrepr = (path, (line or 0) + 1, f"Skipped: {lack.reason}")
        report.user_properties.append((LACKED, lack.capability))
        return report
    project = item.config.stash.get(_in_use, None)
    if not report.failed or project is None:
        return report
    flows: list[Flow] = item.stash.get(_flows, [])
    if not project.engine.is_alive():
        report.sections.append(("The engine is gone. Its last log lines", project.engine.last_log_lines()))
        item.session.shouldstop = "the engine ended in the middle of the test run; its last log lines are above"
    elif log := _log(
        project.engine.log_after(item.stash.get(_log_mark, item.config.stash[_log_mark])), told=bool(flows)
    ):
        report.sections.append((f"{project.engine.name} engine's log", "\n".join(log)))
    # Readers look at the last section first.
    report.sections += _flow_reports(flows)
    return report


def _redactor(config: pytest.Config) -> Redactor:
    """Cuts with the key of this run's engine."""
    project = config.stash.get(_in_use, None)
    found, whose = config.stash.get(_cutting, (None, None))
    if found is None or whose is not project:
        try:
            target = project.engine.find() if project is not None else None
        except EngineError:
            target = None
        config.stash[_cutting] = (found := secrets.redactor_of(target), project)
    return found


def _log(text: str, *, told: bool) -> list[str]:
    """The end of the engine's log; without the calls and requests if the flows contain them."""
    lines = text.splitlines()
    return [line for line in lines if not (told and _REQUEST.search(line))][-LOG_LINES:]


def _flow_reports(flows: "list[Flow]") -> list[tuple[str, str]]:
    """Each flow of a failed test as the terminal renders it, in colours."""
    if not flows:
        return []
    from harness import terminal
    from harness.terminal.flow_report import report

    return [
        (f"{STORY} {number}", terminal.in_colours(report(flow, width=terminal.flow_width())))
        for number, flow in enumerate(flows, 1)
    ]


class _Colours:
    """Removes the colours of flows outside of a terminal; a worker of xdist does not know where its output goes."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reporter: Any = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None or not reporter.hasmarkup:
            report.sections = [
                (name, COLOUR.sub("", text) if name.startswith(STORY) else text) for name, text in report.sections
            ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Reports what IAM would have denied, and counts the tests that were skipped for an unsupported capability."""
    _tell_what_iam_would_deny(terminalreporter)
    skipped = terminalreporter.stats.get("skipped", [])
    lacks: dict[str, list[pytest.TestReport]] = {}
    for report in skipped:
        for name, capability in getattr(report, "user_properties", ()):
            if name == LACKED:
                lacks.setdefault(str(capability), []).append(report)
    if not lacks:
        return
    terminalreporter.section("what the target lacks")
    if not any(terminalreporter.stats.get(outcome) for outcome in ("passed", "failed", "error")):
        terminalreporter.write_line("Nothing was tested: every test needs something that this target lacks.", red=True)
    for capability, reports in sorted(lacks.items()):
        reason = reports[0].longrepr[2].removeprefix("Skipped: ") if isinstance(reports[0].longrepr, tuple) else ""
        count = "1 test" if len(reports) == 1 else f"{len(reports)} tests"
        terminalreporter.write_line(f"{capability}: {count} skipped. {reason}")


def _tell_what_iam_would_deny(terminalreporter: pytest.TerminalReporter) -> None:
    mode = RunMode.of(terminalreporter.config.stash[_run_directory])
    if mode is None or mode.mode == IAM_MODES[0]:
        return
    terminalreporter.section(f"--iam={mode.mode}")
    if mode.mode == "off":
        terminalreporter.write_line("No call was decided by IAM's policies: what AWS denies passed here.")
        return
    try:
        reported = mode.reported()
    except EngineError as error:
        terminalreporter.write_line(f"What would have been denied cannot be told: {error}")
        return
    if not reported:
        terminalreporter.write_line("IAM would have denied nothing.")
    for each in reported:
        terminalreporter.write_line(f"IAM would have denied {each}")


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One xdist worker at a time starts the engine and deploys; the others wait and find both done."""
    with locked(directory / "pytest.lock"):
        yield


def _give_up(request: pytest.FixtureRequest, why: str) -> NoReturn:
    """Without an engine or the stacks no later test can pass: report the reason once and stop.

    `pytest.exit` would end an xdist worker in a way that the controller takes for a crash.
    """
    request.session.shouldstop = why.partition("\n")[0]
    pytest.fail(why, pytrace=False)


@pytest.fixture(scope="session")
def project(pytestconfig: pytest.Config) -> Project:
    """The settings and the engine of this run: the engine that is up here, or one that the run starts."""
    asked = pytestconfig.stash[_project]
    chosen = pytestconfig.getoption("--engine") or pytestconfig.getoption("--endpoint-url")
    # A running shared target is used only on request.
    running = asked.running([asked.engine.name] if chosen else [*dict.fromkeys((*OURS_ALONE, asked.engine.name))])
    pytestconfig.stash[_in_use] = project = running or _own(pytestconfig)
    # For the first test, whose setup began before the engine was chosen.
    pytestconfig.stash[_log_mark] = project.engine.log_mark()
    return project


@pytest.fixture(scope="session")
def engine(project: Project, request: pytest.FixtureRequest) -> Target:
    """Where AWS calls go: `endpoint_url`, `region`, `client("sqs")`, and the addresses of what is deployed:
    `rest_api_url(api_id, stage)`, `websocket_url(api_id, stage)`, `load_balancer_url(dns_name)`."""
    with _locked(project.settings.state_directory):
        try:
            target = project.engine.start()
            config = request.config
            if RunMode.begin(config.stash[_run_directory], target, config.getoption("--iam")):
                # Its capabilities have changed with the mode.
                target = project.engine.find() or target
            if config.getoption(pytest_secrets.OPTION):
                secrets.Shown(target)
            return target
        except EngineError as error:
            _give_up(request, str(error))


@pytest.fixture(scope="session")
def deployment(project: Project, engine: Target, request: pytest.FixtureRequest) -> "Deployment":
    """The deployed stacks: `deployment["users"].outputs["UserPoolId"]`, `deployment["users"].resources["Api"].physical_id`.

    Deploys what changed since `harness up`, so that tests run on what the working tree says. A stack that the target does
    not support skips the test.
    """
    with _locked(project.settings.state_directory):
        try:
            deployed = project.deploy(engine)
        except DeployError as error:
            _give_up(request, str(error))
    # Read only for an explanation, which most tests never need.
    topology: Callable[[], Topology] = cache(lambda: project.topology(engine, deployed))
    request.config.stash[_topology] = topology
    return deployed


@pytest.fixture(autouse=True)
def _requirements(request: pytest.FixtureRequest) -> None:
    """`@pytest.mark.requires("callbacks")`: a test for targets that have these capabilities."""
    for marker in request.node.iter_markers("requires"):
        request.getfixturevalue("engine").require(*marker.args)


@pytest.fixture(scope="session")
def callback(engine: Target) -> Callback:
    """The address of a test's server: it listens on `callback.bind_address`, and the target reaches it as `callback.host`."""
    return engine.reachable_from


@pytest.fixture(scope="session")
def aws(engine: Target) -> NewClient:
    """`aws("sqs")`: a boto3 client of the engine."""
    return cache(engine.client)


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """An httpx client, for the APIs and sites of the architecture. Its requests belong to the flow in which they are sent."""
    hooks = {"request": [lambda request: tracing.add_header(request.headers)]}
    with httpx.Client(timeout=30, trust_env=False, event_hooks=hooks) as client:
        yield client


@pytest.fixture
def websocket() -> Iterator[NewWebSocket]:
    """`websocket(url)`: connects to a WebSocket API; `engine.websocket_url(api_id, stage)` is its address. Takes the options of
    `websockets.sync.client.connect`.

    A message belongs to the flow in which it is sent, whenever the connection was opened. Open connections are closed at the
    end of the test.
    """
    from harness.engine.websocket import WebSocket

    with ExitStack() as opened:

        def connect(url: str, **settings: Any) -> WebSocket:
            connected = WebSocket.open(url, **settings)
            opened.callback(connected.close)
            return connected

        yield connect


@pytest.fixture(scope="session")
def _watched(engine: Target, pytestconfig: pytest.Config) -> "Iterator[Flows]":
    """The journal of the engine, read once for all tests of this process."""
    from harness.flow import Flows
    from harness.topology import Topology

    flows = Flows(
        engine,
        lambda: pytestconfig.stash.get(_topology, Topology.empty)(),
        show_secrets=pytestconfig.getoption(pytest_secrets.OPTION),
    )
    flows.open()
    yield flows
    flows.close()


@pytest.fixture
def flow(request: pytest.FixtureRequest, _watched: "Flows") -> Iterator[NewFlow]:
    """`with flow() as f: ...; f.settle()`: everything that the block causes. `settle()` returns when nothing of it is in
    progress.

    `f.explain()` says why an event was lost, with the lines of the templates of `deployment`; `flow(topology=...)` is for other
    stacks. `f.find(kind, name=...)` returns activities, `print(f)` prints the tree. A failed test reports its flows and their
    explanation; of Hypothesis's examples those of the last, which is the smallest that fails.
    """
    flows = request.node.stash.setdefault(_flows, [])
    example = _example()

    @contextmanager
    def begin(topology: "Callable[[], Topology] | None" = None) -> "Iterator[Flow]":
        nonlocal example
        if (now := _example()) is not example:
            example = now
            while flows:
                _watched.release(flows.pop())
        with _watched.flow(topology) as begun:
            flows.append(begun)
            yield begun

    yield begin
    while flows:
        _watched.release(flows.pop())


def _example() -> object | None:
    """The example that Hypothesis runs now, distinguished by its identity; None outside of an example."""
    from hypothesis import currently_in_test_context
    from hypothesis.control import current_build_context

    return current_build_context() if currently_in_test_context() else None


@pytest.fixture(scope="session")
def settled(engine: Target, request: pytest.FixtureRequest) -> Settled:
    """`with settled(): ...`: the block ends when everything that it caused has settled. For fixtures and helpers that act.

    It ends at once inside a flow, because the test settles the flow, and on a target without a journal, which records nothing.
    """
    if "journal" not in engine.capabilities:
        return nullcontext
    flows: Flows = request.getfixturevalue("_watched")

    @contextmanager
    def until_rest() -> Iterator[None]:
        if tracing.is_traced():
            yield
            return
        with flows.flow() as begun:
            try:
                yield
                begun.settle()
            finally:
                flows.release(begun)

    return until_rest


@pytest.fixture(scope="session")
def outbox(engine: Target) -> Outbox:
    """The mails and text messages that left the system, with their codes: `outbox.wait_for(recipient=...)`,
    `outbox.read(recipient=..., subject=...)`."""
    return engine.outbox


@pytest.fixture(scope="session")
def faults(engine: Target) -> Faults:
    """Calls that fail on purpose: `with faults.failing("ses", "SendEmail", code=..., when=..., times=...): ...`."""
    engine.require("faults")
    return Faults(engine.harness)


@pytest.fixture(scope="session")
def fire(engine: Target) -> Fire:
    """`fire("cognito-code-expiry", ...)`: make due now what real time would make due. The kinds are in docs/reference/fire.md."""
    engine.require("fire")
    return engine.harness.fire


@pytest.fixture(scope="session")
def schedules(engine: Target, deployment: "Deployment") -> "Schedules":
    """`schedules.fire("NightlyDigests")`: run a schedule of the deployed stacks now, by its logical id, name or ARN."""
    from harness.deploy import Schedules

    return Schedules(engine, deployment)
