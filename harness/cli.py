"""The command `harness`. It parses and prints; the parts below it do the work.

Exit codes: 0 done; 1 something failed, and the message says what; 2 wrong usage; 3 nothing runs that could answer.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from enum import IntEnum, StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from harness import doctor as doctor_part
from harness import terminal
from harness.deploy import DeployError, Deployment, NotDeployedError
from harness.engine import EngineError, Target, access_mode, function_logs
from harness.project import ENGINES, Project
from harness.settings import SettingsError
from harness.topology import TemplateError, picture, read_topology


class GraphFormat(StrEnum):
    MERMAID = "mermaid"
    SVG = "svg"
    JSON = "json"


class IamMode(StrEnum):
    ENFORCE = "enforce"
    REPORT = "report"
    OFF = "off"


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3


app = typer.Typer(
    name="harness",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Your complete AWS serverless architecture, alive on this machine.\n\n"
    "Start with [bold]harness up[/]: it starts an engine that answers AWS calls and deploys your SAM and "
    "CloudFormation templates to it. No Docker, no AWS account, no network. Then run [bold]pytest[/].",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing runs. Settings: \\[tool.harness] in pyproject.toml.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]
TemplateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--template",
        "-t",
        help="A SAM or CloudFormation template, or a glob of them; may be given more than once. "
        "Default: templates in \\[tool.harness].",
        show_default=False,
    ),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port", "-p", min=1, max=65535, help="The port to listen on. Default: 4566, or a free one when it is taken."
    ),
]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"harness {metadata.version('serverless-harness')}")
        raise typer.Exit


class _State:
    """Options that stand before the command."""

    directory: Path | None = None


@app.callback()
def _main(
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            help="The folder with the engine's state, for an engine that 'pytest --keep' left running.",
            show_default=False,
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    if state is not None and not state.is_dir():
        raise typer.BadParameter(f"{state} is not a folder", param_hint="--state")
    _State.directory = state


EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help=f"Where AWS calls go: {', '.join(ENGINES)}. Default: engine in \\[tool.harness], else embedded.",
        show_default=False,
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint-url", help="With --engine=endpoint: the address of anything that speaks AWS.", show_default=False
    ),
]


def _project(**options: Any) -> Project:
    project = Project.load(**options)
    return project.in_directory(_State.directory, port=options.get("port")) if _State.directory else project


@contextmanager
def _running(**options: Any) -> Iterator[tuple[Project, Target]]:
    """The project and its engine; exits with NOT_RUNNING when there is none."""
    project = _project(**options)
    if not options.get("templates"):
        project = project.as_last_deployed()
    running = project.running()
    target = running.engine.find() if running is not None else None
    if running is None or target is None:
        terminal.err.print("Nothing is running here. [bold]harness up[/] starts it.")
        raise typer.Exit(Exit.NOT_RUNNING)
    yield running, target


IamOption = Annotated[
    IamMode | None,
    typer.Option(
        "--iam",
        help="How calls are decided by IAM's policies: enforce refuses what is denied, report lets it through and lists it, "
        "off asks nothing. Default: iam in \\[tool.harness], else enforce; an engine that is up stays as it is.",
        show_default=False,
    ),
]


@app.command()
def up(
    template: TemplateOption = None,
    port: PortOption = None,
    force: Annotated[bool, typer.Option("--force", help="Deploy stacks that have not changed, too.")] = False,
    engine: EngineOption = None,
    endpoint_url: EndpointOption = None,
    iam: IamOption = None,
) -> None:
    """Start the engine and deploy the stacks.

    Does only what is not done yet: run it again after a change, and just the changed stacks are updated.
    """
    started = time.monotonic()
    project = _project(port=port, templates=template or (), engine=engine, endpoint_url=endpoint_url, iam=iam)
    # Read first: a wrong template is told before anything is started.
    project.templates()
    running = project.running()
    if running is not None and running.engine.name != project.engine.name:
        if engine or endpoint_url:
            raise EngineError(
                f"The {running.engine.name} engine already runs here. 'harness down' stops it; then 'harness up "
                f"--engine={project.engine.name}' starts the other."
            )
        project = running
        if iam is not None:
            project.may_choose_iam()
    with terminal.DeployProgress().shown() as progress:
        if running is None:
            progress.step(terminal.BEGINNINGS[project.engine.name])
        target = project.start()
        if port is not None and not target.address.endswith(f":{port}"):
            raise EngineError(
                f"The engine already runs at {target.address}, not on port {port}. "
                "'harness down' stops it; then 'harness up' takes the port you want."
            )
        progress.step("Reading the templates")
        deployment = project.deploy_and_remember(target, on_event=progress, force=force)
    terminal.show_up(target, deployment, _urls(target, deployment), time.monotonic() - started)


@app.command()
def down() -> None:
    """Stop the engine and everything in it. What was in it is gone; the next 'up' starts afresh.

    On a target that is not ours alone (endpoint, aws), what was deployed by us is removed.
    """
    with terminal.DeployProgress().shown() as progress:
        ended = _project().down(on_event=progress)
    for removal in ended.removals:
        terminal.out.print(escape(str(removal)))
    for failure in ended.failures:
        terminal.print_error(failure)
    if ended.failures:
        raise typer.Exit(Exit.FAILED)
    terminal.out.print("Stopped." if ended.ran else "Nothing was running.")


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Say what runs: the engine, its stacks, its process."""
    with _running() as (project, target):
        deployment = project.describe(target)
        process = project.engine.information()
        iam = access_mode.mode_of(target)
        if as_json:
            terminal.print_json(
                {
                    "engine": target.engine,
                    "endpoint_url": target.endpoint_url,
                    "region": target.region,
                    "account_id": target.account_id,
                    "capabilities": sorted(target.capabilities),
                    "iam": iam,
                    "process": process,
                    "stacks": {
                        s.name: {"status": s.status, "resources": len(s.resources)} for s in deployment.stacks.values()
                    },
                }
            )
        else:
            # Worth a word where it is not as on AWS.
            mode = [("iam", terminal.IAM_MODES[iam])] if iam in terminal.IAM_MODES else []
            terminal.show_status(target, deployment, [*mode, *_process_rows(process)])


@app.command()
def deploy(
    template: TemplateOption = None,
    force: Annotated[bool, typer.Option("--force", help="Deploy stacks that have not changed, too.")] = False,
) -> None:
    """Deploy the stacks to the engine that runs; those that have not changed are left alone."""
    with _running(templates=template or ()) as (project, target):
        started = time.monotonic()
        with terminal.DeployProgress().shown() as progress:
            deployment = project.deploy_and_remember(target, on_event=progress, force=force)
        terminal.show_up(target, deployment, _urls(target, deployment), time.monotonic() - started)


@app.command()
def outputs(
    stack: Annotated[str | None, typer.Argument(help="Only this stack.", show_default=False)] = None,
    name: Annotated[
        str | None, typer.Argument(help="Only this output; its bare value is printed.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the outputs of the stacks: URLs, names, ARNs.

    In a script: [bold]POOL=$(harness outputs users UserPoolId)[/]
    """
    with _running() as (project, target):
        deployment = project.describe(target)
        chosen = (
            {stack: deployment[stack].outputs} if stack else {s.name: s.outputs for s in deployment.stacks.values()}
        )
        if stack and name:
            value = deployment[stack].outputs[name]
            terminal.print_json(value) if as_json else typer.echo(value)
        elif as_json:
            terminal.print_json({s: dict(values) for s, values in chosen.items()})
        else:
            terminal.show_outputs(chosen)


@app.command()
def logs(
    function: Annotated[
        str | None,
        typer.Argument(
            help="A function's logical id, as Function or stack/Function. Default: all.", show_default=False
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 100,
    engine: Annotated[bool, typer.Option("--engine", help="The engine's own log instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what functions wrote (their CloudWatch logs), or the engine's own log."""
    if engine:
        project = _project()
        text = (project.running() or project).engine.last_log_lines(lines)
        if not text:
            terminal.err.print("There is no log of an engine here: none was started yet, or it is not ours.")
            raise typer.Exit(Exit.NOT_RUNNING)
        typer.echo(text)
        return
    with _running() as (project, target):
        chosen = _functions(project.describe(target), function)
        logs_of = {name: function_logs.log_of(target, physical_id) for name, physical_id in chosen.items()}
        width = max(map(len, logs_of), default=0)
        since = int(time.time() * 1000)
        for event in function_logs.read(target, logs_of)[-lines:]:
            terminal.print_json(asdict(event)) if as_json else terminal.show_log_event(event, width=width)
        if follow:
            for event in function_logs.follow(target, logs_of, since=since):
                terminal.print_json(asdict(event)) if as_json else terminal.show_log_event(event, width=width)


@app.command()
def outbox(
    number: Annotated[int | None, typer.Argument(help="Show this message whole.", show_default=False)] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only messages to this address or phone number.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the mails and text messages that left the system, with the confirmation codes in them."""
    with _running() as (_, target):
        messages = target.outbox.read(**({"recipient": to} if to else {}))
        if number is not None:
            messages = [m for m in messages if m.sequence == number]
            if not messages:
                raise EngineError(f"The outbox has no message {number}. 'harness outbox' lists those it has.")
        if as_json:
            terminal.print_json([asdict(m) for m in messages])
        elif number is not None:
            terminal.show_message(messages[0])
        else:
            terminal.show_messages(messages)


@app.command()
def reset(
    data: Annotated[
        bool, typer.Option("--data", help="Only what was put in: objects, items, messages, users. Keeps the stacks.")
    ] = False,
    account: Annotated[str | None, typer.Option("--account", help="Only this account (twelve digits).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Empty the engine, without a restart. With [bold]--data[/], what is deployed stays."""
    with _running() as (_, target):
        scope: dict[str, Any] = {"scope": "data"} if data else {}
        answer = target.harness.reset(**scope, **({"account_id": account} if account else {}))
        if as_json:
            terminal.print_json(answer)
        elif data:
            terminal.out.print("The data is gone; the stacks are as they were.")
        else:
            terminal.out.print("The engine is empty. [bold]harness deploy[/] deploys the stacks again.")


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Say what this machine has and lacks, and how to get it."""
    findings = list(doctor_part.examine(_project().settings))
    if as_json:
        terminal.print_json([asdict(f) for f in findings])
    else:
        terminal.show_findings(findings)
    if any(f.verdict is doctor_part.Verdict.MISSING for f in findings):
        raise typer.Exit(Exit.FAILED)


@app.command()
def graph(
    format_: Annotated[GraphFormat, typer.Option("--format", "-f", help="What to write.")] = GraphFormat.MERMAID,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write. Default: standard output.", show_default=False),
    ] = None,
    template: TemplateOption = None,
) -> None:
    """Draw what is connected to what, from the templates. Nothing needs to run."""
    project = _project(templates=template or ())
    topology = read_topology(project.templates(), parameters=project.settings.parameters)
    match format_:
        case GraphFormat.MERMAID:
            text = picture.mermaid(topology)
        case GraphFormat.SVG:
            text = picture.svg(topology)
        case GraphFormat.JSON:
            text = json.dumps(picture.as_json(topology, project.settings.root), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error


def _process_rows(process: Mapping[str, object]) -> list[tuple[str, str]]:
    rows = {name: str(value) for name, value in process.items()}
    if "memory_mib" in rows:
        rows["memory"] = f"{rows.pop('memory_mib')} MiB"
    return list(rows.items())


def _functions(deployment: Deployment, function: str | None) -> dict[str, str]:
    """The physical id of each function by the name to show it with; one function's, if one is named."""
    functions = {
        f"{stack.name}/{resource.logical_id}": resource.physical_id
        for stack in deployment.stacks.values()
        for resource in stack.resources.values()
        if resource.type == "AWS::Lambda::Function"
    }
    if function is None:
        return functions
    chosen = {name: found for name, found in functions.items() if function in (name, name.split("/")[1])}
    if not chosen:
        raise DeployError(f"No function {function!r} is deployed. There are: {', '.join(sorted(functions)) or 'none'}.")
    return chosen


def _urls(target: Target, deployment: Deployment) -> list[tuple[str, str]]:
    """The front doors: the REST APIs' stages."""
    urls = []
    for stack in deployment.stacks.values():
        by_type: dict[str, list[Any]] = {}
        for resource in stack.resources.values():
            by_type.setdefault(resource.type, []).append(resource)
        for stage in by_type.get("AWS::ApiGateway::Stage", ()):
            for api in by_type.get("AWS::ApiGateway::RestApi", ()):
                urls.append((f"{stack.name} API", target.rest_api_url(api.physical_id, stage.physical_id)))
    return urls


def main() -> None:
    """Run the command; what went wrong in a way that is known is told without a traceback."""
    run: Callable[[], Any] = app
    try:
        run()
    except (EngineError, DeployError, NotDeployedError, SettingsError, TemplateError) as error:
        terminal.print_error(str(error))
        sys.exit(Exit.FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
