"""One project: its settings, its engine and its templates, combined for the command line and for pytest."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from harness.engine import (
    AwsEngine,
    DockerEngine,
    EmbeddedEngine,
    EndpointEngine,
    Engine,
    Target,
    access_mode,
    state_folder,
)
from harness.engine.probe import probe
from harness.errors import SettingsError
from harness.settings import Settings

if TYPE_CHECKING:
    from harness.deploy import DeployEvent, Deployment, Removal, Template
    from harness.topology import Topology

ENGINES = ("embedded", "docker", "endpoint", "aws")
OURS_ALONE = ("embedded", "docker")
"""Engines whose targets are dedicated: everything there is deleted when they stop."""

RUN_TAG = "harness:run"
"""On every stack and resource of a deployment on a shared target; the value is the deployment's name."""

KEPT = "kept"
"""Marks the folder of a test run whose engine keeps running (`pytest --keep`)."""


def _ignore(_event: "DeployEvent") -> None:
    """The default listener."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Result of `down`: whether an engine was running, what was removed from shared targets, and what could not be ended, with
    the reason."""

    ran: bool
    removals: "tuple[Removal, ...]" = ()
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """The settings, and the place of the engine's state.

    `work_directory` holds builds and cfn-lint's results; the engines of test runs share it with the project's engine.
    `owner_pid` is the process with which the engine of a test run ends.
    """

    settings: Settings
    engine: Engine
    work_directory: Path
    owner_pid: int | None = None

    @classmethod
    def load(
        cls,
        start: Path | None = None,
        *,
        engine: str | None = None,
        endpoint_url: str | None = None,
        port: int | None = None,
        templates: Sequence[str] = (),
        iam: str | None = None,
        show_secrets: bool | None = None,
    ) -> "Project":
        """The project around `start` (default: the working directory). Given arguments override its settings.

        An `endpoint_url` selects the endpoint engine. The engine's environment variable HARNESS_IAM overrides `iam` of the
        settings. Raises SettingsError if the settings are invalid, the engine is unknown, or `iam` is given for a shared target;
        EngineError for a state folder of another user.
        """
        settings = Settings.load(start)
        if endpoint_url is not None:
            if engine not in (None, "endpoint"):
                raise SettingsError(f"An endpoint URL is for the engine 'endpoint', not for {engine!r}.")
            engine = "endpoint"
        chosen = {
            "engine": engine, "endpoint_url": endpoint_url, "port": port, "templates": tuple(templates) or None,
            "iam": iam or _iam_of_environment(),
            "show_secrets": show_secrets or None,
        }  # fmt: skip
        settings = settings.model_copy(update={name: value for name, value in chosen.items() if value is not None})
        state_folder.close(settings.state_directory)
        project = cls(settings, _engine(settings.engine, settings), settings.state_directory)
        if iam is not None:
            project.may_choose_iam()
        return project

    def may_choose_iam(self) -> None:
        """Raises SettingsError on a shared target: it decides calls by its own policies, and the harness cannot switch that."""
        if self.engine.name not in OURS_ALONE:
            raise SettingsError(
                f"--iam is for engines of our own ({', '.join(OURS_ALONE)}); what the {self.engine.name} target allows, it "
                f"decides itself. Leave --iam out, or choose --engine={OURS_ALONE[0]}."
            )

    def in_directory(self, directory: Path, *, port: int | None = None, owner_pid: int | None = None) -> "Project":
        """The same project with a dedicated engine: its state is in `directory`, its port is the usual one or any free one unless
        `port` is given."""
        settings = self.settings.model_copy(update={"port": port, "directory": directory, "compose_file": None})
        state_folder.close(settings.state_directory)
        return replace(
            self, settings=settings, engine=_engine(settings.engine, settings, owner_pid), owner_pid=owner_pid
        )

    def running(self, engines: Sequence[str] = ENGINES) -> "Project | None":
        """The same project with the engine that runs here, if it is of one of these kinds; None if none runs."""
        for name in dict.fromkeys((self.settings.engine, *engines)):
            found = replace(self, engine=_engine(name, self.settings, self.owner_pid))
            if name in engines and found.engine.is_alive():
                return found
        return None

    def templates(self) -> "list[Template]":
        """The templates to deploy. Raises DeployError if there is none."""
        from harness import deploy  # `harness down` and `harness outbox` do not need it

        return deploy.discover(self.settings.root, self.settings.templates)

    def as_last_deployed(self) -> "Project":
        """The same project with the templates that the command line deployed last, if they were others."""
        try:
            patterns = json.loads(self._deployed_file.read_text())
        except (FileNotFoundError, ValueError):
            return self
        if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
            return self  # another version wrote it
        if patterns == self._absolute_patterns():
            # Unchanged, so that default patterns stay defaults: only one of those has to match.
            return self
        return replace(self, settings=self.settings.model_copy(update={"templates": tuple(patterns)}))

    def _absolute_patterns(self) -> list[str]:
        return [str(self.settings.root / pattern) for pattern in self.settings.templates]

    def deploy_and_remember(
        self, target: Target, *, on_event: "Callable[[DeployEvent], None]" = _ignore, force: bool = False
    ) -> "Deployment":
        """Deploy, and let the next commands use these templates until the engine is stopped.

        If templates do not pass the preflight, the running stacks and the remembered templates stay as they were.
        """
        from harness.errors import PreflightError

        absolute = json.dumps(self._absolute_patterns())
        try:
            deployment = self.deploy(target, on_event=on_event, force=force)
        except PreflightError:
            raise
        except Exception:
            state_folder.write(self._deployed_file, absolute)
            raise
        state_folder.write(self._deployed_file, absolute)
        return deployment

    @property
    def _deployed_file(self) -> Path:
        return self.settings.state_directory / "deployed.json"

    def deploy(
        self, target: Target, *, on_event: "Callable[[DeployEvent], None]" = _ignore, force: bool = False
    ) -> "Deployment":
        """Bring the stacks to the state of the templates; unchanged resources stay as they are.

        The harness knows what its own engines and AWS do not support. It probes any other target, and skips stacks that the
        target does not support.
        """
        from harness import deploy

        templates = self.templates()
        return deploy.deploy(
            target,
            templates,
            parameters=self._parameters(target, templates),
            work_directory=self.work_directory,
            on_event=on_event,
            stack_prefix=_stack_prefix(target),
            tags={RUN_TAG: target.deployment} if target.deployment else {},
            lacking=self._lacking(target, templates),
            force=force,
            accept_ignored=self.settings.accept_ignored,
        )

    def start(self) -> Target:
        """Start the engine, or find it. Meanwhile, check the templates as far as that needs no engine."""
        from harness import deploy

        if self.engine.is_alive():
            return self._in_its_mode(self.engine.start())
        work = self.work_directory
        with ThreadPoolExecutor(1) as pool:
            warm = pool.submit(deploy.warm_up, self.templates(), work_directory=work, region=self.settings.region)
            target = self.engine.start()
            types = warm.result()
        if "preload" in target.capabilities:
            target.harness.preload(types)
        return target

    def _in_its_mode(self, target: Target) -> Target:
        """Set the mode of the settings, if any, on an engine that is already up."""
        if self.engine.name not in OURS_ALONE or self.settings.iam in (None, access_mode.mode_of(target)):
            return target
        target.harness.set_iam(str(self.settings.iam))
        # Its capabilities have changed with the mode.
        return self.engine.find() or target

    def describe(self, target: Target) -> "Deployment":
        """The parts of the templates that are deployed now."""
        from harness import deploy

        return deploy.describe(target, self.templates(), stack_prefix=_stack_prefix(target))

    def topology(self, target: Target, deployment: "Deployment") -> "Topology":
        """The graph of what the templates connect, with the physical ids of what runs. Raises TemplateError."""
        from harness import deploy

        templates = self.templates()
        return deploy.topology_of(target, templates, deployment, parameters=self._parameters(target, templates))

    def deployed_topology(self, target: Target) -> "Topology":
        """The same for what runs now; empty without templates."""
        from harness.errors import DeployError
        from harness.topology import Topology

        try:
            return self.topology(target, self.describe(target))
        except DeployError:
            return Topology.empty()

    def end(self, *, on_event: "Callable[[DeployEvent], None]" = _ignore) -> "Ended":
        """Stop the engine; on a shared target, remove what the harness deployed there.

        Raises EngineError or DeployError if that fails; then it stays remembered, and can be tried again.
        """
        removals = []
        if self.engine.name not in OURS_ALONE and (target := self.engine.find()) is not None and target.deployment:
            from harness import deploy

            removal = deploy.remove(target, (RUN_TAG, target.deployment), on_event=on_event)
            if not removal.is_complete:
                # Keep it remembered, so that it can be tried again.
                return Ended(True, (removal,), (f"Not all of {target.deployment} could be removed; see STILL THERE.",))
            removals.append(removal)
        ran = self.engine.stop()
        self._deployed_file.unlink(missing_ok=True)
        return Ended(ran, tuple(removals))

    def down(self, *, on_event: "Callable[[DeployEvent], None]" = _ignore) -> "Ended":
        """Stop every engine that runs here, of every kind, and what killed test runs left behind. A failure of one does not keep
        the others from being stopped."""
        ended: list[Ended] = []
        failures: list[str] = []
        abandoned = list(self.abandoned_runs())
        for project in (*abandoned, *filter(None, (self.running([name]) for name in ENGINES))):
            try:
                end = project.end(on_event=on_event)
            except Exception as error:  # noqa: BLE001 - every failure is reported, and the others are stopped
                end = Ended(False, failures=(str(error),))
            ended.append(end)
            state = project.settings.state_directory
            place = state if project in abandoned else state / f"{project.engine.name}.json"
            failures += [f"{why}\n'harness down' tries it again. To forget it, remove {place}." for why in end.failures]
            if project in abandoned and not end.failures:
                project.forget()
        removals = tuple(removal for e in ended for removal in e.removals)
        return Ended(any(e.ran for e in ended), removals, tuple(failures))

    def abandoned_runs(self) -> "Iterator[Project]":
        """The test runs that ended before they could clean up, each as the project in its folder.

        A test run's folder is `run-<process id>` below the state directory.
        """
        for folder in sorted(self.settings.state_directory.glob("run-*")):
            pid = folder.name.removeprefix("run-").split("-")[0]
            if not pid.isdigit() or psutil.pid_exists(int(pid)):
                continue
            left = self.in_directory(folder)
            running = left.running()
            if not ((folder / KEPT).exists() and running):
                yield running or left

    def forget(self) -> None:
        """Remove the folder of a test run."""
        shutil.rmtree(self.settings.state_directory, ignore_errors=True)

    def _parameters(self, target: Target, templates: "Sequence[Template]") -> Mapping[str, Mapping[str, str]]:
        name = self.settings.name_parameter
        if target.deployment is None or name is None:
            return self.settings.parameters
        return {
            template.stack: {
                **({name: target.deployment} if name in template.parameters else {}),
                **self.settings.parameters.get(template.stack, {}),
            }
            for template in templates
        } | {
            stack: values
            for stack, values in self.settings.parameters.items()
            if stack not in {t.stack for t in templates}
        }

    def _lacking(self, target: Target, templates: "Sequence[Template]") -> Mapping[str, str]:
        """AWS services that the target does not support, with its response. Probed once for each deployment."""
        if target.engine != "endpoint" or target.capabilities:
            return {}
        from harness import deploy

        file = self.settings.state_directory / "lacking.json"
        services = sorted(deploy.services_of(templates))
        try:
            known = json.loads(file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            known = {}
        if known.get("deployment") != target.deployment or known.get("services") != services:
            known = {"deployment": target.deployment, "services": services, "lacking": probe(target, services)}
            state_folder.write(file, json.dumps(known))
        return dict(known["lacking"])


def _stack_prefix(target: Target) -> str:
    return f"{target.deployment}-" if target.deployment else ""


def _compose_file(settings: Settings) -> Path | None:
    """The file that the docker engine brings up; None for a dedicated container. Raises SettingsError if a file is named and does
    not exist; the default file may be missing."""
    if settings.compose_file is None:
        return None
    file = settings.root / settings.compose_file
    if file.is_file():
        return file
    if "compose_file" in settings.model_fields_set:
        raise SettingsError(f"{file} is not there; compose_file in [tool.harness] names it.")
    return None


def _iam_of_environment() -> str | None:
    """Raises SettingsError for an unknown mode."""
    written = os.environ.get(access_mode.IAM_VARIABLE) or None
    if written not in (None, *access_mode.IAM_MODES):
        raise SettingsError(
            f"The environment has {access_mode.IAM_VARIABLE}={written}; it may be {', '.join(access_mode.IAM_MODES)}."
        )
    return written


def _engine(name: str, settings: Settings, owner_pid: int | None = None) -> Engine:
    directory = settings.state_directory
    region = settings.region if "region" in settings.model_fields_set else None
    match name:
        case "embedded":
            return EmbeddedEngine(
                directory,
                port=settings.port,
                region=settings.region,
                iam=settings.iam,
                delays=settings.delays,
                callers=settings.callers,
                owner_pid=owner_pid,
                show_secrets=settings.show_secrets,
            )
        case "docker":
            return DockerEngine(
                directory,
                port=settings.port,
                region=settings.region,
                iam=settings.iam,
                delays=settings.delays,
                callers=settings.callers,
                show_secrets=settings.show_secrets,
                compose_file=_compose_file(settings),
                owner_pid=owner_pid,
            )
        case "endpoint":
            return EndpointEngine(
                directory, endpoint_url=settings.endpoint_url, region=settings.region, profile=settings.profile
            )
        case "aws":
            return AwsEngine(directory, accounts=settings.accounts, region=region, profile=settings.profile)
    raise SettingsError(f"There is no engine {name!r}; choose one of: {', '.join(ENGINES)}.")
