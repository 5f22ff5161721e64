"""One project: its settings, its engine and its templates, put together for the command line and for pytest."""

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from harness.engine import EmbeddedEngine, Engine, Target
from harness.settings import Settings, SettingsError

if TYPE_CHECKING:
    from harness.deploy import DeployEvent, Deployment, Template

ENGINES = ("embedded",)

KEPT = "kept"
"""Marks the folder of a test run whose engine was asked to stay (`pytest --keep`)."""


def _ignore(_event: "DeployEvent") -> None:
    """The default listener."""


@dataclass(frozen=True)
class Project:
    """The settings, and where the engine keeps its state.

    `work_directory` holds builds and cfn-lint's answers; the engines of test runs share it with the project's own.
    """

    settings: Settings
    engine: Engine
    work_directory: Path

    @classmethod
    def load(
        cls,
        start: Path | None = None,
        *,
        engine: str | None = None,
        port: int | None = None,
        templates: Sequence[str] = (),
    ) -> "Project":
        """The project around `start` (default: the working directory); arguments that are given win over its settings.

        Raises SettingsError when the settings are not valid or the engine is not one that there is.
        """
        settings = Settings.load(start)
        chosen = {"engine": engine, "port": port, "templates": tuple(templates) or None}
        settings = settings.model_copy(update={name: value for name, value in chosen.items() if value is not None})
        return cls(settings, _engine(settings, settings.state_directory), settings.state_directory)

    def in_directory(self, directory: Path) -> "Project":
        """The same project with an engine of its own, whose state is in `directory` and whose port is any free one."""
        settings = self.settings.model_copy(update={"port": None, "directory": directory})
        return replace(self, settings=settings, engine=_engine(settings, directory))

    def templates(self) -> "list[Template]":
        """The templates to deploy. Raises DeployError when there is none."""
        from harness import deploy  # `harness down` and `harness outbox` do without it

        return deploy.discover(self.settings.root, self.settings.templates)

    def as_last_deployed(self) -> "Project":
        """The same project with the templates that were last deployed from the command line, where they were others."""
        try:
            patterns = json.loads(self._deployed_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return self
        return replace(self, settings=self.settings.model_copy(update={"templates": tuple(patterns)}))

    def deploy_and_remember(
        self, target: Target, *, on_event: "Callable[[DeployEvent], None]" = _ignore, force: bool = False
    ) -> "Deployment":
        """Deploy, and let the next commands speak of these templates until the engine is stopped.

        Templates that do not pass the checks before a deployment leave what runs, and what is spoken of, as it was.
        """
        from harness.deploy import PreflightError

        absolute = json.dumps([str(self.settings.root / pattern) for pattern in self.settings.templates])
        try:
            deployment = self.deploy(target, on_event=on_event, force=force)
        except PreflightError:
            raise
        except Exception:
            self._deployed_file.write_text(absolute)
            raise
        self._deployed_file.write_text(absolute)
        return deployment

    def down(self) -> bool:
        """Stop the engine, and those of test runs that were killed; returns whether one ran."""
        self._deployed_file.unlink(missing_ok=True)
        abandoned = clear_abandoned_runs(self.settings.state_directory)
        return self.engine.stop() or bool(abandoned)

    @property
    def _deployed_file(self) -> Path:
        return self.settings.state_directory / "deployed.json"

    def deploy(
        self, target: Target, *, on_event: "Callable[[DeployEvent], None]" = _ignore, force: bool = False
    ) -> "Deployment":
        """Bring the stacks to what the templates say; what has not changed is left alone."""
        from harness import deploy

        return deploy.deploy(
            target,
            self.templates(),
            parameters=self.settings.parameters,
            work_directory=self.work_directory,
            on_event=on_event,
            force=force,
        )

    def start(self) -> Target:
        """Start the engine, or find it; meanwhile the templates are checked as far as that needs no engine."""
        from harness import deploy

        if self.engine.is_alive():
            return self.engine.start()
        work = self.work_directory
        with ThreadPoolExecutor(1) as pool:
            warm = pool.submit(deploy.warm_up, self.templates(), work_directory=work, region=self.settings.region)
            target = self.engine.start()
            types = warm.result()
        if "preload" in target.capabilities:
            target.harness.preload(types)
        return target

    def describe(self, target: Target) -> "Deployment":
        """What of the templates is deployed now."""
        from harness import deploy

        return deploy.describe(target, self.templates())


def _engine(settings: Settings, directory: Path) -> Engine:
    if settings.engine == "embedded":
        return EmbeddedEngine(directory, port=settings.port, region=settings.region)
    raise SettingsError(f"There is no engine {settings.engine!r}; choose one of: {', '.join(ENGINES)}.")


def clear_abandoned_runs(state_directory: Path) -> list[Path]:
    """Stop the engines of test runs that were killed before they could; returns the folders removed.

    A test run's folder is `run-<process id>` below the state directory.
    """
    removed = []
    for folder in state_directory.glob("run-*"):
        pid = folder.name.removeprefix("run-").split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            if (folder / KEPT).exists() and EmbeddedEngine(folder).is_alive():
                continue
            EmbeddedEngine(folder).stop()
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed
