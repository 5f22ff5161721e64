"""The command `harness`. It parses and prints; the modules that it calls do the work.

Exit codes: 0 done; 1 something failed, and the message says what; 2 wrong usage; 3 no engine runs.
"""

import contextlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import IntEnum, StrEnum
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from harness import doctor as doctor_part
from harness import os_errors, terminal
from harness.deploy import Deployment, front_doors
from harness.engine import Target, access_mode, function_logs, secrets
from harness.engine.running import RunningEngine, engines
from harness.errors import (
    DeployError,
    EngineError,
    HarnessError,
)
from harness.journal.redaction import Redactor
from harness.project import ENGINES, Project
from harness.topology import picture, read_topology

if TYPE_CHECKING:
    from harness.flow import Flow, RecordedFlows


class GraphFormat(StrEnum):
    MERMAID = "mermaid"
    SVG = "svg"
    JSON = "json"


class IamMode(StrEnum):
    ENFORCE = "enforce"
    REPORT = "report"
    OFF = "off"


class TraceFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    HTML = "html"
    OTLP = "otlp"


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
    """Options before the command."""

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
    """The project and its engine; exits with NOT_RUNNING if no engine runs."""
    project = _project(**options)
    if not options.get("templates"):
        project = project.as_last_deployed()
    running = project.running()
    target = running.engine.find() if running is not None else None
    if running is None or target is None:
        terminal.err.print("Nothing is running here. [bold]harness up[/] starts it.")
        raise typer.Exit(Exit.NOT_RUNNING)
    yield running, target


def _elsewhere(project: Project) -> list[RunningEngine]:
    """The engines of this user that belong to other projects."""
    here = project.settings.state_directory.resolve()
    return [engine for engine in engines() if engine.directory != here]


IamOption = Annotated[
    IamMode | None,
    typer.Option(
        "--iam",
        help="How IAM decides calls: enforce refuses what is denied, report lets it through and lists it, off decides nothing. "
        "Default: iam in \\[tool.harness], else enforce; a running engine keeps its mode.",
        show_default=False,
    ),
]


ShowSecretsOption = Annotated[
    bool,
    typer.Option(
        "--show-secrets",
        help="Show passwords, tokens and keys instead of marks such as <secret:jwt 812 chars #1f3a5c7e>. The engine must have "
        "been started with 'harness up --show-secrets'.",
    ),
]


@app.command()
def up(
    template: TemplateOption = None,
    port: PortOption = None,
    force: Annotated[bool, typer.Option("--force", help="Also deploy stacks that have not changed.")] = False,
    engine: EngineOption = None,
    endpoint_url: EndpointOption = None,
    iam: IamOption = None,
    show_secrets: Annotated[
        bool,
        typer.Option(
            "--show-secrets",
            help="Let the engine keep in memory the secrets that it cuts out of its journal, so that "
            "'harness trace --show-secrets' can show them.",
        ),
    ] = False,
) -> None:
    """Start the engine and deploy the stacks.

    Run it again after a change: only what changed is deployed.
    """
    started = time.monotonic()
    project = _project(
        port=port,
        templates=template or (),
        engine=engine,
        endpoint_url=endpoint_url,
        iam=iam,
        show_secrets=show_secrets,
    )
    # Read first: a wrong template is reported before anything is started.
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
        if show_secrets:
            # An engine that was up before may have been started without it.
            secrets.Shown(target)
        progress.step("Reading the templates")
        deployment = project.deploy_and_remember(target, on_event=progress, force=force)
    terminal.show_up(target, deployment, front_doors(target, deployment), time.monotonic() - started)


@app.command()
def down(
    strays: Annotated[
        bool,
        typer.Option(
            "--strays",
            help="Instead, stop the engines of this user, in any folder, that no command and no test run uses; "
            "'harness status' lists them.",
        ),
    ] = False,
) -> None:
    """Stop the engine and delete everything in it.

    On a shared target (endpoint, aws), remove what the harness deployed there.
    """
    if strays:
        found = [engine for engine in engines() if engine.stray]
        if found:
            terminal.show_engines(found)
        for engine in found:
            engine.end()
        terminal.out.print(f"Stopped {len(found)}." if found else "There are no strays.")
        return
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
    """Report what runs: the engine, its stacks, its process; and this user's engines in other folders."""
    elsewhere = _elsewhere(_project())
    try:
        _show_status(elsewhere, as_json=as_json)
    finally:
        if elsewhere and not as_json:
            terminal.show_engines(elsewhere, heading="Other engines of this user")


def _show_status(elsewhere: list[RunningEngine], *, as_json: bool) -> None:
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
                    "elsewhere": [engine.to_json() for engine in elsewhere],
                }
            )
        else:
            # Shown only if it differs from AWS.
            mode = [("iam", terminal.IAM_MODES[iam])] if iam in terminal.IAM_MODES else []
            terminal.show_status(target, deployment, [*mode, *_process_rows(process)])


@app.command()
def deploy(
    template: TemplateOption = None,
    force: Annotated[bool, typer.Option("--force", help="Also deploy stacks that have not changed.")] = False,
) -> None:
    """Deploy the changed stacks to the running engine."""
    with _running(templates=template or ()) as (project, target):
        started = time.monotonic()
        with terminal.DeployProgress().shown() as progress:
            deployment = project.deploy_and_remember(target, on_event=progress, force=force)
        terminal.show_up(target, deployment, front_doors(target, deployment), time.monotonic() - started)


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
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue with new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 100,
    engine: Annotated[bool, typer.Option("--engine", help="Show the engine's log instead.")] = False,
    as_json: JsonOption = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Also show what looks like a secret.")] = False,
) -> None:
    """Show what functions logged (to CloudWatch), or the engine's log."""
    if engine:
        if show_secrets:
            raise typer.BadParameter(
                "the engine's log has no secrets to show: they are cut before they enter it",
                param_hint="--show-secrets",
            )
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
        # CloudWatch has what the function wrote, as on AWS; the output of a terminal is often copied elsewhere.
        cut = None if show_secrets else secrets.redactor_of(target)

        def show(event: function_logs.LogEvent) -> None:
            shown = event if cut is None else replace(event, message=cut.text(event.message))
            terminal.print_json(asdict(shown)) if as_json else terminal.show_log_event(shown, width=width)

        for event in function_logs.read(target, logs_of)[-lines:]:
            show(event)
        if follow:
            for event in function_logs.follow(target, logs_of, since=since):
                show(event)


@app.command()
def outbox(
    number: Annotated[int | None, typer.Argument(help="Show this message in full.", show_default=False)] = None,
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
def trace(
    flow: Annotated[
        str | None,
        typer.Argument(
            help="The flow to show: its trace id, the beginning of that or of its last part, or 'last'. "
            "Default: list flows, newest first.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[TraceFormat, typer.Option("--format", "-f", help="What to write.")] = TraceFormat.TEXT,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write. Default: standard output.", show_default=False),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show the flow as it grows, until it has settled.")] = False,
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many flows are listed.")] = 20,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Also list flows that only read or set up resources.")
    ] = False,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Show what happened and why, in flows that a test, a browser, curl or the AWS CLI began.

    A flow is everything that one call or request caused. [bold]harness trace last[/] shows the newest.
    """
    if flow is None and (follow or format_ in (TraceFormat.HTML, TraceFormat.OTLP)):
        option = "--follow" if follow else f"--format={format_.value}"
        raise typer.BadParameter(f"{option} is for one flow; 'last' is the newest", param_hint="FLOW")
    if follow and (format_ is not TraceFormat.TEXT or output is not None):
        raise typer.BadParameter("it shows a flow on the terminal, and writes nothing else", param_hint="--follow")
    with _recorded(show_secrets=show_secrets) as (recorded, target):
        if flow is None:
            _list_flows(recorded, target, format_, output, number=number, everything=everything)
            return
        found = recorded.find(flow)
        if follow:
            terminal.show_flow_until_at_rest(found)
        elif format_ is TraceFormat.TEXT and output is None:
            terminal.show_flow(found)
        else:
            _write(output, _written(found, format_, target))


@app.command()
def reset(
    data: Annotated[
        bool, typer.Option("--data", help="Delete only data: objects, items, messages, users. The stacks stay.")
    ] = False,
    account: Annotated[str | None, typer.Option("--account", help="Only this account (twelve digits).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Empty the engine without a restart. With [bold]--data[/], the stacks stay."""
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
    """Report what this machine has, what is missing, and how to get it."""
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
    """Draw what is connected to what, from the templates. Needs no engine."""
    project = _project(templates=template or ())
    topology = read_topology(project.templates(), parameters=project.settings.parameters)
    match format_:
        case GraphFormat.MERMAID:
            text = picture.mermaid(topology)
        case GraphFormat.SVG:
            text = picture.svg(topology)
        case GraphFormat.JSON:
            text = json.dumps(picture.as_json(topology, project.settings.root), indent=2, ensure_ascii=False) + "\n"
    _write(output, text)


@contextmanager
def _recorded(*, show_secrets: bool = False) -> "Iterator[tuple[RecordedFlows, Target]]":
    """The flows that the engine has recorded, with the topology of its deployment."""
    from harness.flow import RecordedFlows  # takes 0.3 s, which the other commands save

    with _running() as (project, target):
        if "journal" not in target.capabilities:
            raise EngineError(
                f"The {target.engine} engine at {target.address} keeps no journal, so nothing of its flows is known. "
                "Engines of ours keep one, unless HARNESS_JOURNAL=off is in their environment: 'harness down', then "
                "'harness up' without it."
            )
        recorded = RecordedFlows(target, cache(lambda: project.deployed_topology(target)), show_secrets=show_secrets)
        recorded.open()
        try:
            yield recorded, target
        finally:
            recorded.close()


def _list_flows(
    recorded: "RecordedFlows",
    target: Target,
    format_: TraceFormat,
    output: Path | None,
    *,
    number: int,
    everything: bool,
) -> None:
    from harness.flow import ending_of

    beginnings = recorded.beginnings()
    listed = [beginning for beginning in beginnings if everything or not beginning.idle][:number]
    rows = [(beginning, *ending_of(recorded.flow(beginning.root))) for beginning in listed]
    if format_ is TraceFormat.JSON:
        flows = [{**beginning.to_json(), "outcome": how, "said": said} for beginning, how, said in rows]
        _write(output, json.dumps(flows, indent=2) + "\n")
    elif output is not None:
        raise typer.BadParameter("a list of flows is written with --format=json", param_hint="--output")
    else:
        left_out = not everything and any(beginning.idle for beginning in beginnings)
        terminal.show_flows(rows, left_out=left_out, forgotten=recorded.forgotten, address=target.address)


def _written(flow: "Flow", format_: TraceFormat, target: Target) -> str:
    """A flow in the format of a file."""
    if format_ is TraceFormat.TEXT:
        from harness.terminal.flow_report import report

        return "".join(f"{line}\n" for line in (*terminal.flow_heading(flow), *report(flow, limit=None)))
    from harness.flow import short_name
    from harness.report import exports, trace_files

    return exports.export(
        flow,
        format_.value,
        command=f"harness trace {short_name(flow.root)}",
        versions=trace_files.versions(target.engine, target.harness.ready()["versions"]),
    )


def _write(output: Path | None, text: str) -> None:
    """Write to a file, or to standard output."""
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
    """The physical id of each function by its display name; only one function's if one is named."""
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


TRACEBACK_VARIABLE = "HARNESS_TRACEBACK"
"""If set, an unexpected error is raised with its traceback."""


def main() -> None:
    """Run the command and end the process with its exit code. No user's mistake and no state of the machine ends in a traceback.
    `harness.__main__` guards the imports before it."""
    code = _run()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # The process waits for threads that still work; a second Ctrl-C does not wait.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_flushed(code))


def _run() -> int:
    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.OK if ended.code is None else Exit.FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        with contextlib.suppress(OSError):
            terminal.print_error(Redactor().text(_sentence(error)))
    return Exit.FAILED


def _sentence(error: Exception) -> str:
    if isinstance(error, HarnessError):
        return str(error)
    if isinstance(error, OSError):
        return os_errors.describe(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    said = " ".join(str(error).split())
    return (
        f"harness met an error that it does not know: {type(error).__name__}: {said}{where}. Run the command again with "
        f"{TRACEBACK_VARIABLE}=1, and report what it prints."
    )


def _flushed(code: int) -> int:
    """Write what is buffered. A reader that has closed the pipe is no error; a full disk behind `>` is."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            # Python would try again at exit, and print a traceback.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if isinstance(error, BrokenPipeError):
                code = code or 128 + signal.SIGPIPE
            else:
                code = code or Exit.FAILED
                with contextlib.suppress(OSError):
                    terminal.print_error(f"The output could not be written. {os_errors.describe(error)}")
    return code
