"""The project's settings: `[tool.harness]` of the nearest pyproject.toml."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SettingsError(Exception):
    """A setting is wrong; the message says which, where and what it may be."""


DELAYS_VARIABLE = "HARNESS_DELAYS"
"""The engine's environment variable: JSON with the members of `Delays`."""


class Delays(BaseModel):
    """How long the engine waits where AWS waits: `[tool.harness.delays]`, short by default.
    `harness.emulator.delays` reads the same members.

    - `lambda_retry_seconds`: before Lambda tries a failed asynchronous event again, twice of it before the last time (60 on
      AWS); whole seconds
    - `events_retry_seconds`: before EventBridge and its Scheduler try a target again; each pause is twice the one before
    - `stream_retry_seconds`: before a mapping tries the records of a shard again; each is half as long again
    - `source_pause_seconds`: the longest pause before a mapping asks a queue or stream again that it could not read
    - `step_functions_factor`: what `Wait`, `TimeoutSeconds` and `HeartbeatSeconds` of state machines are multiplied with,
      all alike; what is written down of them (timestamps, the history) stays real time
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lambda_retry_seconds: int = Field(default=1, ge=0)
    events_retry_seconds: float = Field(default=1.0, ge=0)
    stream_retry_seconds: float = Field(default=0.5, gt=0)
    source_pause_seconds: float = Field(default=60.0, gt=0)
    step_functions_factor: float = Field(default=1.0, gt=0)

    def environment(self) -> dict[str, str]:
        """What the engine is told; nothing where nothing was set."""
        return {DELAYS_VARIABLE: self.model_dump_json(exclude_unset=True)} if self.model_fields_set else {}


ORIGINS_VARIABLE, HOSTS_VARIABLE = "HARNESS_ALLOWED_ORIGINS", "HARNESS_ALLOWED_HOSTS"
USERS_VARIABLE = "HARNESS_ALLOWED_USERS"
"""The engine's environment variables, with commas between the entries."""

Origin = Annotated[str, Field(pattern=r"^https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$")]
HostName = Annotated[str, Field(pattern=r"^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$|^[0-9a-fA-F:.]+$")]
UserName = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9_][A-Za-z0-9_.@-]*)$")]


class Callers(BaseModel):
    """Who may call the engine beside programs of this machine and the pages of deployed sites.

    `allowed_origins` are origins of browsers' pages (`http://localhost:3000`), `allowed_hosts` names that the engine may be
    called by beside its own (`engine.test`, `*.engine.test`). `allowed_users` are users of this machine by name or id, beside
    this one and root; `*` is all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    allowed_origins: tuple[Origin, ...] = ()
    allowed_hosts: tuple[HostName, ...] = ()
    allowed_users: tuple[UserName, ...] = ()

    def environment(self) -> dict[str, str]:
        """What the engine gets: these, and those of this process's environment."""
        given = {ORIGINS_VARIABLE: self.allowed_origins, HOSTS_VARIABLE: self.allowed_hosts}
        return {
            variable: ",".join(dict.fromkeys([*entries, *filter(None, os.environ.get(variable, "").split(","))]))
            for variable, entries in given.items()
            if entries
        }

    def users(self) -> dict[str, str]:
        """For an engine that is a process of this machine, always: without the variable it lets in every user."""
        given = os.environ.get(USERS_VARIABLE, "").split(",")
        return {USERS_VARIABLE: ",".join(dict.fromkeys([*self.allowed_users, *filter(None, given)]))}


class Settings(BaseModel):
    """What `[tool.harness]` may say, with the defaults for what it does not.

    `templates` are glob patterns below the project's root. `parameters` gives CloudFormation parameters by stack name.
    `port` is where the embedded and the docker engine listen; when the default is taken, the engine picks a free one, a
    chosen one must be free. `iam` is how these two decide calls: `enforce`, which they do by themselves, `report` (what is
    denied is let through and listed) or `off`; `delays` how long they wait where AWS waits. `directory` holds what the
    harness writes: state of the engine, logs, builds.

    `show_secrets` lets these two remember in memory what they cut out of their journal, for a local look (`--show-secrets`).

    `compose_file` is what `harness up --engine=docker` brings up, where it is there. `endpoint_url` is where the endpoint
    engine attaches. `accounts` are the AWS accounts that the aws engine may deploy to, `profile` the credentials that
    these two use. On their targets everything gets a name of its own: the stacks by a prefix, what has a fixed name in a
    template by the template's parameter `name_parameter`.

    `allowed_origins`, `allowed_hosts` and, at the embedded engine, `allowed_users` are let in beside what is deployed
    (`Callers`).

    `accept_ignored` are properties that templates may declare though the engine does nothing about them, as
    `AWS::S3::Bucket.ReplicationConfiguration`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path = Field(default_factory=Path.cwd)
    templates: tuple[str, ...] = ("stack/*/template.yaml", "template.yaml")
    engine: str = "embedded"
    region: str = "us-east-1"
    port: int | None = Field(default=None, ge=1, le=65535)
    directory: Path = Path(".harness")
    parameters: dict[str, dict[str, str]] = Field(default_factory=dict)
    compose_file: Path | None = Path("docker-compose.yml")
    endpoint_url: str | None = None
    accounts: tuple[Annotated[str, Field(pattern=r"^\d{12}$")], ...] = ()
    profile: str | None = None
    name_parameter: str | None = None
    iam: Literal["enforce", "report", "off"] | None = None
    show_secrets: bool = False
    delays: Delays = Delays()
    allowed_origins: tuple[Origin, ...] = ()
    allowed_hosts: tuple[HostName, ...] = ()
    allowed_users: tuple[UserName, ...] = ()
    accept_ignored: tuple[Annotated[str, Field(pattern=r"^\w+::\w+::\w+\.\w+$")], ...] = ()

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

        Raises SettingsError where the table is not valid.
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
