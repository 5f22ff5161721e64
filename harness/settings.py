"""The project's settings: `[tool.harness]` of the nearest pyproject.toml."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import SettingsError

DELAYS_VARIABLE = "HARNESS_DELAYS"
"""The engine's environment variable: JSON with the members of `Delays`."""


class Delays(BaseModel):
    """How long the engine waits where AWS waits, short by default. `harness.emulator.controls.delays` has the same members."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    lambda_retry_seconds: int = Field(default=1, ge=0)
    """Pause before Lambda retries a failed asynchronous event, doubled before the last attempt (60 on AWS); whole seconds."""
    events_retry_seconds: float = Field(default=1.0, ge=0)
    """Pause before EventBridge and its Scheduler retry a target; each pause is twice the one before."""
    stream_retry_seconds: float = Field(default=0.5, gt=0)
    """Pause before an event source mapping retries the records of a shard; each pause is 1.5 times the one before."""
    source_pause_seconds: float = Field(default=60.0, gt=0)
    """The longest pause before an event source mapping retries a read of a queue or stream that failed."""
    step_functions_factor: float = Field(default=1.0, gt=0)
    """Factor for `Wait`, `TimeoutSeconds` and `HeartbeatSeconds` of all state machines; timestamps and the history stay in
    real time."""

    def environment(self) -> dict[str, str]:
        """The engine's environment variable; empty if no member was set."""
        return {DELAYS_VARIABLE: self.model_dump_json(exclude_unset=True)} if self.model_fields_set else {}


ORIGINS_VARIABLE, HOSTS_VARIABLE = "HARNESS_ALLOWED_ORIGINS", "HARNESS_ALLOWED_HOSTS"
USERS_VARIABLE = "HARNESS_ALLOWED_USERS"
"""The engine's environment variables, with commas between the entries."""

Origin = Annotated[str, Field(pattern=r"^https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$")]
HostName = Annotated[str, Field(pattern=r"^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$|^[0-9a-fA-F:.]+$")]
UserName = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9_][A-Za-z0-9_.@-]*)$")]


class Callers(BaseModel):
    """Who may call the engine, in addition to programs of this machine and the pages of deployed sites.

    `allowed_origins` are origins of browser pages (`http://localhost:3000`), `allowed_hosts` additional names of the engine
    (`engine.test`, `*.engine.test`). `allowed_users` are users of this machine by name or id, in addition to this one and
    root; `*` is all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    allowed_origins: tuple[Origin, ...] = ()
    allowed_hosts: tuple[HostName, ...] = ()
    allowed_users: tuple[UserName, ...] = ()

    def environment(self) -> dict[str, str]:
        """The engine's environment variables: these settings, and the variables of this process."""
        given = {ORIGINS_VARIABLE: self.allowed_origins, HOSTS_VARIABLE: self.allowed_hosts}
        return {
            variable: ",".join(dict.fromkeys([*entries, *filter(None, os.environ.get(variable, "").split(","))]))
            for variable, entries in given.items()
            if entries
        }

    def users(self) -> dict[str, str]:
        """Always set for an engine that is a process of this machine: without the variable it admits every user."""
        given = os.environ.get(USERS_VARIABLE, "").split(",")
        return {USERS_VARIABLE: ",".join(dict.fromkeys([*self.allowed_users, *filter(None, given)]))}


class Settings(BaseModel):
    """What `[tool.harness]` may set, with the default of each setting."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    root: Path = Field(default_factory=Path.cwd)
    templates: tuple[str, ...] = ("stack/*/template.yaml", "template.yaml")
    """Glob patterns of SAM and CloudFormation templates, below the project's root. A stack is named after the folder of its
    template."""
    engine: str = "embedded"
    """Where AWS calls go: `embedded`, `docker`, `endpoint` or `aws`."""
    region: str = "us-east-1"
    """The region that stacks are deployed to."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Where the embedded and the docker engine listen. Without it they take 4566, or a free port if that is taken. A port
    that is set must be free."""
    directory: Path = Path(".harness")
    """The folder that the harness writes to: state of the engine, logs, traces, builds."""
    parameters: dict[str, dict[str, str]] = Field(default_factory=dict)
    """CloudFormation parameters by stack name."""
    compose_file: Path | None = Path("docker-compose.yml")
    """What `harness up --engine=docker` brings up, if the file exists; otherwise a container is started without Compose."""
    endpoint_url: str | None = None
    """Where the endpoint engine attaches."""
    accounts: tuple[Annotated[str, Field(pattern=r"^\d{12}$")], ...] = ()
    """The AWS accounts that the aws engine may deploy to."""
    profile: str | None = None
    """The profile of the AWS configuration whose credentials the endpoint and the aws engine use."""
    name_parameter: str | None = None
    """The template parameter that fixed names are made of. On shared targets (endpoint, aws) it gets the name of the
    deployment, so that names do not collide."""
    iam: Literal["enforce", "report", "off"] | None = None
    """How the embedded and the docker engine decide calls: `enforce` refuses what IAM denies (the engines' default), `report`
    lets it through and lists it, `off` decides nothing."""
    show_secrets: bool = False
    """Lets the embedded and the docker engine remember, in memory, what they redact in their journal (`--show-secrets`)."""
    delays: Delays = Delays()
    allowed_origins: tuple[Origin, ...] = ()
    """Origins of browsers' pages that may call the engine, besides those of deployed sites: `http://localhost:3000`."""
    allowed_hosts: tuple[HostName, ...] = ()
    """Names that the engine answers to, besides its own: `engine.test`, `*.engine.test`."""
    allowed_users: tuple[UserName, ...] = ()
    """Users of this machine (Linux), by name or id, that may connect to the embedded engine, besides this one and root; `*` is
    all."""
    accept_ignored: tuple[Annotated[str, Field(pattern=r"^\w+::\w+::\w+\.\w+$")], ...] = ()
    """Properties that templates may declare although they have no effect here: `AWS::S3::Bucket.ReplicationConfiguration`."""

    @property
    def callers(self) -> Callers:
        return Callers(
            allowed_origins=self.allowed_origins,
            allowed_hosts=self.allowed_hosts,
            allowed_users=self.allowed_users,
        )

    @property
    def state_directory(self) -> Path:
        return self.root / self.directory

    @classmethod
    def load(cls, start: Path | None = None) -> Self:
        """Read the settings for `start` (default: the working directory).

        Raises SettingsError if the table is not valid.
        """
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            file = folder / "pyproject.toml"
            table = _table(file)
            if table is None:
                continue
            try:
                return cls(root=folder, **table)
            except ValidationError as error:
                problems = "\n".join(
                    f"  {'.'.join(map(str, e['loc']))}: {e['msg']}, got {e.get('input')!r}" for e in error.errors()
                )
                known = ", ".join(name for name in cls.model_fields if name != "root")
                raise SettingsError(
                    f"{file}: [tool.harness] is not valid:\n{problems}\nIt may set: {known}."
                ) from error
        return cls(root=start)


def _table(file: Path) -> dict[str, Any] | None:
    """`[tool.harness]` of a pyproject.toml; None without either. Raises SettingsError."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except IsADirectoryError as error:
        raise SettingsError(
            f"{file} is a folder, and the settings are a file of this name. Move the folder away."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read: {error.strerror}. Let this user read it, or run the command elsewhere."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is no text in UTF-8 ({error.reason}). Write it as TOML, or remove it.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from error
    tools = document.get("tool", {})
    table = tools.get("harness") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{file}: [tool.harness] is not valid: it is a table of settings, and {table!r} is none.")
    return table
