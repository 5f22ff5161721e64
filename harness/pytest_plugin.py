"""The pytest plugin: options and fixtures. The parts below it do the work."""

import fcntl
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
import pytest

from harness.engine import EngineError, Outbox, Target
from harness.faults import Faults
from harness.project import ENGINES, KEPT, Project, clear_abandoned_runs
from harness.settings import SettingsError

if TYPE_CHECKING:
    from harness.deploy import Deployment

RUN_DIRECTORY = "harness_run_directory"
_project = pytest.StashKey[Project]()
_run_directory = pytest.StashKey[Path]()
_in_use = pytest.StashKey[Project]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harness", "serverless harness")
    group.addoption(
        "--engine",
        choices=ENGINES,
        default=None,
        help="Where AWS calls go (default: engine in [tool.harness], else embedded). The engine that 'harness up' "
        "started is used when there is one; otherwise the run starts its own and stops it at its end.",
    )
    group.addoption(
        "--keep",
        action="store_true",
        help="Leave the engine that this run started running, with everything in it, to look at what happened.",
    )


def pytest_configure(config: pytest.Config) -> None:
    try:
        project = Project.load(config.rootpath, engine=config.getoption("--engine"))
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_project] = project
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    state = project.settings.state_directory
    config.stash[_run_directory] = Path(worker[RUN_DIRECTORY]) if worker else state / f"run-{os.getpid()}"
    if worker is None:
        clear_abandoned_runs(state)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: every worker uses the one engine of the run."""
    node.workerinput[RUN_DIRECTORY] = str(node.config.stash[_run_directory])


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or _run_directory not in config.stash:
        return
    directory = config.stash[_run_directory]
    if not directory.exists():
        return
    own = config.stash[_project].in_directory(directory)
    if config.getoption("--keep") and (target := own.engine.find()) is not None:
        (directory / KEPT).touch()
        print(  # noqa: T201 - the terminal reporter is gone by now
            f"\nThe engine of this run stays at {target.endpoint_url}. Look at it with "
            f"'harness --state {directory} outbox', stop it with 'harness --state {directory} down'."
        )
        return
    own.engine.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """When the engine died, say so with its last words, and do not let every later test fail for it."""
    report = yield
    project = item.config.stash.get(_in_use, None)
    if report.failed and project is not None and not project.engine.is_alive():
        report.sections.append(("The engine is gone. Its last log lines", project.engine.last_log_lines()))
        item.session.shouldstop = "the engine ended in the middle of the test run; its last log lines are above"
    return report


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One xdist worker at a time starts the engine and deploys; the others wait and find it done."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "pytest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _give_up(request: pytest.FixtureRequest, why: str) -> NoReturn:
    """Without an engine or the stacks no later test can pass: say why once and stop.

    `pytest.exit` would end an xdist worker in a way that the others take for a crash.
    """
    request.session.shouldstop = why.partition("\n")[0]
    pytest.fail(why, pytrace=False)


@pytest.fixture(scope="session")
def project(pytestconfig: pytest.Config) -> Project:
    """The project with the engine of this run: what `harness up` started, or the run's own."""
    project = pytestconfig.stash[_project]
    if not project.engine.is_alive():
        project = project.in_directory(pytestconfig.stash[_run_directory])
    pytestconfig.stash[_in_use] = project
    return project


@pytest.fixture(scope="session")
def engine(project: Project, request: pytest.FixtureRequest) -> Target:
    """Where AWS calls go."""
    with _locked(project.settings.state_directory):
        try:
            return project.engine.start()
        except EngineError as error:
            _give_up(request, str(error))


@pytest.fixture(scope="session")
def deployment(project: Project, engine: Target, request: pytest.FixtureRequest) -> "Deployment":
    """The project's stacks as they are deployed: outputs, and physical ids by logical id.

    Deploys what changed since `harness up`, so that tests run on what the working tree says.
    """
    from harness.deploy import DeployError  # a run without stacks does without it

    with _locked(project.settings.state_directory):
        try:
            return project.deploy(engine)
        except DeployError as error:
            _give_up(request, str(error))


@pytest.fixture(scope="session")
def aws(engine: Target) -> Callable[[str], Any]:
    """`aws("sqs")`: a boto3 client of the engine."""
    return cache(engine.client)


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """An HTTP client, for what the architecture shows to the world."""
    with httpx.Client(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def outbox(engine: Target) -> Outbox:
    """The mails and text messages that left the system."""
    return engine.outbox


@pytest.fixture(scope="session")
def faults(engine: Target) -> Faults:
    """Make parts of the system fail on purpose."""
    return Faults(engine.harness)


@pytest.fixture(scope="session")
def fire(engine: Target) -> Callable[..., dict[str, Any]]:
    """`fire("cognito-code-expiry", ...)`: make due now what real time would make due."""
    return engine.harness.fire
