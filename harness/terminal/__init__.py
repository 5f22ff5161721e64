"""Terminal output. Rendering only: data comes in, text goes out."""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.measure import Measurement
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from harness.deploy import DeployEvent, Deployment, FrontDoor
from harness.doctor import CheckResult, Verdict
from harness.engine import Message, Target
from harness.engine.function_logs import LogEvent

if TYPE_CHECKING:
    from harness.engine.running import RunningEngine
    from harness.flow import Beginning, Flow, Outcome
    from harness.terminal.flow_tree import Role, TreeLine

# Without a window the width does not matter: tables are as wide as their content.
_WIDTH = None if sys.stdout.isatty() else 1000
out = Console(highlight=False, soft_wrap=True, width=_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)


BEGINNINGS = {
    "embedded": "Starting the engine",
    "docker": "Starting the engine (its image is built where something in it has changed; the first time takes minutes)",
    "endpoint": "Reaching the endpoint",
    "aws": "Asking AWS who we are",
}
"""The first step, by engine."""


IAM_MODES = {
    "report": "report: calls that are denied are let through, and listed at /_harness/iam",
    "off": "off: no call is decided",
}
"""How `status` describes the IAM mode, if it differs from AWS."""


def command_name() -> str:
    """How to call this command from here: its name if the shell finds it, else its path."""
    program = Path(sys.argv[0])
    found = shutil.which(program.name)
    if found is not None and Path(found).samefile(program):
        return program.name
    try:
        return str(program.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(program)


def print_json(data: Any) -> None:
    json.dump(data, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def print_error(message: str) -> None:
    err.print(f"[bold red]Error[/]  {escape(message)}")


def fields(rows: Iterable[tuple[str, str]], *, indent: int = 2) -> Text:
    """Names and values, one pair a line. A value is never wrapped: users copy it, and scripts read it."""
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0)
    lines = [Text.assemble(" " * indent, (f"{name:<{width}}", "dim"), "  ", value) for name, value in pairs]
    return Text("\n").join(lines)


@dataclass
class _StackRow:
    phase: str = ""
    message: str = ""
    finished: int = 0
    total: int = 0
    seconds: float = 0.0


_MARKS = {"done": ("✓", "green"), "unchanged": ("·", "dim"), "failed": ("✗", "bold red")}
"""The phases that end a stack, with their style."""


class DeployProgress:
    """Shows the progress of a deployment: live on a terminal, a line per stack elsewhere."""

    def __init__(self, console: Console = err) -> None:
        self._console = console
        self._rows: dict[str, _StackRow] = {}
        self._step = ""

    @contextmanager
    def shown(self) -> Iterator["DeployProgress"]:
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, get_renderable=self._render, refresh_per_second=12):
            yield self
            self._step = ""

    def step(self, message: str) -> None:
        """Report a step before there are stacks."""
        self._step = message
        if not self._console.is_terminal:
            self._console.print(message)

    def __call__(self, event: DeployEvent) -> None:
        """Take one event of `harness.deploy`."""
        if event.phase == "warning":
            about = f"{event.stack}: " if event.stack else ""
            self._console.print(f"  [yellow]![/] {escape(about + event.message)}")
        elif not event.stack:
            self._step = event.message
        else:
            row = self._rows.setdefault(event.stack, _StackRow())
            row.phase, row.seconds = event.phase, event.elapsed_seconds
            row.message = "waiting" if event.phase == "read" else f"{event.message} {event.resource or ''}".rstrip()
            if event.phase == "deploy":
                self._step = ""
            row.finished, row.total = event.finished, event.total
            if event.phase in _MARKS and not self._console.is_terminal:
                self._console.print(self._line(event.stack, row))

    def _line(self, stack: str, row: _StackRow) -> Text:
        mark, style = _MARKS.get(row.phase, (" ", "cyan"))
        text = Text("  ")
        text.append(f"{mark} ", style)
        text.append(f"{stack:<20} ")
        # The failure is reported in full, once, when all stacks have ended.
        said = "failed" if row.phase == "failed" else row.message.partition("\n")[0]
        text.append(said, style if row.phase in _MARKS else "")
        if row.total and row.phase not in (*_MARKS, "read"):
            text.append(f"  {row.finished}/{row.total}", "dim")
        if row.phase in ("done", "failed"):
            text.append(f"  {row.seconds:.1f} s", "dim")
        return text

    def _render(self) -> Group:
        lines = [self._line(stack, row) for stack, row in self._rows.items()]
        return Group(*lines, *([Spinner("dots", Text(f" {self._step}"), style="cyan")] if self._step else []))


def show_up(target: Target, deployment: Deployment, doors: Sequence[FrontDoor], seconds: float) -> None:
    stacks = ", ".join(deployment.stacks)
    count = "1 stack" if len(deployment.stacks) == 1 else f"{len(deployment.stacks)} stacks"
    out.print(f"\n[bold green]Up[/]  {count} ({escape(stacks)}) in {seconds:.1f} s\n")
    out.print(fields([("Endpoint", target.address), *((door.name, door.url) for door in doors)]))
    out.print("\nTry next")
    harness = command_name()
    # A deployment on a shared target is used only on request.
    make, pytest = (f" ENGINE={target.engine}", f" --engine={target.engine}") if target.deployment else ("", "")
    test = f"make test{make}" if Path("Makefile").exists() else f"pytest{pytest}"
    outbox = [(f"{harness} outbox", "mails and text messages that the system sent")]
    for command, what in (
        (test, "drive every flow through it"),
        *(outbox if "outbox" in target.capabilities else ()),
        *([(f"{harness} trace", "what happened, and why")] if "journal" in target.capabilities else []),
        (f"{harness} logs --follow", "what the functions write"),
        (f"{harness} outputs", "outputs of the stacks"),
        *([(f"aws --endpoint-url {target.endpoint_url} s3 ls", "any AWS tool works")] if target.endpoint_url else []),
        (f"{harness} down", "remove it from there" if target.deployment else "stop it"),
    ):
        out.print(f"  [bold]{escape(command):<48}[/] [dim]{what}[/]")


def show_status(target: Target, deployment: Deployment, process: Sequence[tuple[str, str]]) -> None:
    out.print(f"[bold green]Up[/]  {target.engine} engine at {escape(target.address)}")
    out.print(fields(process))
    if not deployment.stacks:
        out.print("\nNo stack is deployed. 'harness deploy' deploys them.")
        return
    out.print()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("  Stack", "Status", "Resources"):
        table.add_column(heading, header_style="dim")
    for stack in deployment.stacks.values():
        table.add_row(f"  {stack.name}", stack.status, str(len(stack.resources)))
    out.print(table)


def show_engines(engines: "Sequence[RunningEngine]", *, heading: str = "") -> None:
    """Writes to standard error, because it is additional to the requested output."""
    if heading:
        err.print(f"\n{heading}")
    rows = [(e.address, f"process {e.pid}", str(e.age), e.belongs_to, str(e.directory)) for e in engines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        # No table: it would wrap a folder's name at the width of the window.
        err.print(escape("  " + "  ".join(map(str.ljust, row, widths)).rstrip()))
    if any(engine.stray for engine in engines):
        err.print("[dim]'harness down --strays' stops the strays.[/]")


def show_outputs(outputs: Mapping[str, Mapping[str, str]]) -> None:
    for stack, values in outputs.items():
        out.print(f"[bold]{escape(stack)}[/]")
        out.print(fields(sorted(values.items())) if values else Text("  no outputs", "dim"))


def show_messages(messages: Sequence[Message]) -> None:
    if not messages:
        out.print("The outbox is empty: nothing has left the system.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("#", "Time", "", "To", "Subject", "Code"):
        table.add_column(heading, header_style="dim", overflow="fold")
    for m in messages:
        table.add_row(
            str(m.sequence),
            _clock(m.sent_at),
            m.channel,
            escape(", ".join(m.recipients)),
            escape(m.subject or _first_line(m.text)),
            m.code or "",
        )
    out.print(table)
    out.print("\n[dim]'harness outbox N' shows message N whole.[/]")


def show_message(message: Message) -> None:
    out.print(
        fields(
            [
                ("From", f"{message.sender} (by {message.source})"),
                ("To", ", ".join(message.recipients)),
                ("Sent", datetime.fromtimestamp(message.sent_at).astimezone().isoformat(" ", "seconds")),
                *([("Subject", message.subject)] if message.subject else []),
                *([("Code", message.code)] if message.code else []),
            ],
            indent=0,
        )
    )
    out.print()
    out.print(escape(message.text or message.html or ""))


def show_log_event(event: LogEvent, *, width: int) -> None:
    out.print(
        f"[dim]{_clock(event.timestamp / 1000)}[/]  [cyan]{escape(event.function):<{width}}[/]  {escape(event.message)}"
    )


def show_findings(findings: Iterable[CheckResult]) -> None:
    mark = {Verdict.OK: "[green]✓[/]", Verdict.OPTIONAL: "[yellow]–[/]", Verdict.MISSING: "[bold red]✗[/]"}
    for f in findings:
        out.print(f"{mark[f.verdict]} {f.subject:<16} {escape(f.found)}")
        if f.remedy:
            out.print(f"  {'':<16} [dim]{escape(f.remedy)}[/]")


_STYLES: "Mapping[Role, str]" = {"": "", "aside": "dim", "bad": "red", "here": "bold red", "waits": "yellow"}


_FOREVER_SECONDS = 365 * 86_400.0
_ENDED = {"lost": "bold red", "failed": "red", "pending": "yellow", "ok": "green"}
_ENDINGS = {"lost": "lost at ", "failed": "failed: ", "pending": "in progress: ", "ok": "settled, "}
"""The style of a flow, by its `Outcome`."""


def show_flows(
    rows: "Sequence[tuple[Beginning, Outcome, str]]", *, left_out: int, forgotten: int, address: str
) -> None:
    """What began each flow, its outcome, and a remark on that."""
    from harness.terminal.flow_tree import duration

    if rows:
        window = out.is_terminal
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), width=flow_width() if window else None)
        for heading in ("Flow", "Began", "By", "What", "Steps", "Took", "Ended"):
            table.add_column(
                heading,
                header_style="dim",
                justify="right" if heading in ("Steps", "Took") else "left",
                no_wrap=True,
                overflow="ellipsis",
                ratio={"What": 3, "Ended": 2}.get(heading) if window else None,
            )
        for beginning, how, said in rows:
            table.add_row(
                Text(beginning.name, "bold"),
                Text(_clock(beginning.at).partition(".")[0], "dim"),
                beginning.by,
                escape(beginning.what),
                str(beginning.steps),
                duration(beginning.seconds),
                Text(f"{_ENDINGS[how]}{said}".rstrip(", :"), _ENDED[how]),
            )
        if not window:
            # The name is never cut, however long the rest is: a name without its end identifies no flow.
            table.width = Measurement.get(out, out.options.update(max_width=sys.maxsize), table).maximum
        out.print(table, crop=False)
        out.print(f"\n[dim]'{command_name()} trace FLOW' shows one, '{command_name()} trace last' the newest.[/]")
    else:
        out.print(f"No flow yet at {escape(address)}: nothing that is deployed there was called.")
    if left_out:
        out.print("[dim]Flows that only read or set up resources are hidden; --all lists them.[/]")
    if forgotten:
        out.print(f"[dim]The oldest {forgotten} records were dropped; flows that they belong to are not listed.[/]")


def show_flow(flow: "Flow") -> None:
    from harness.terminal.flow_report import report

    show_lines((*flow_heading(flow), *report(flow, limit=None, width=flow_width())))


def show_flow_until_at_rest(flow: "Flow") -> None:
    """The same, rendered again after each change, until the flow has settled; without a terminal only the final state."""
    from harness.terminal.flow_report import report

    if not out.is_terminal:
        flow.settle(timeout_seconds=_FOREVER_SECONDS)
        show_flow(flow)
        return

    def shown() -> Group:
        # As much as fits into the window; the complete flow stays on the screen at the end.
        height = max(10, out.height - 8)
        return Group(*map(_styled, (*flow_heading(flow), *report(flow, limit=height, width=flow_width()))))

    with Live(console=out, get_renderable=shown, refresh_per_second=4, transient=True):
        flow.settle(timeout_seconds=_FOREVER_SECONDS)
    show_flow(flow)


def flow_heading(flow: "Flow") -> "list[TreeLine]":
    """The name of the flow, when it began and how it ended."""
    from harness.flow import ending_of, short_name
    from harness.terminal.flow_tree import TreeLine, duration

    activities = flow.activities
    if not activities:
        return []
    began = activities[0].begin.at
    ended = max((activity.ended.at for activity in activities if activity.ended), default=began)
    how, said = ending_of(flow)
    role: Role = "" if how == "ok" else "waits" if how == "pending" else "bad"
    return [
        TreeLine(
            (
                (f"Flow {short_name(flow.root)}", ""),
                (f"  {flow.root}  began {_clock(began)}  took {duration(ended - began)}  ", "aside"),
                (f"{_ENDINGS[how]}{said}".rstrip(", :"), role),
            )
        ),
        TreeLine(()),
    ]


def flow_width() -> int:
    """The width for a flow: the terminal's, or 120 characters outside of one."""
    return max(80, min(shutil.get_terminal_size((120, 24)).columns, 160))


def show_lines(lines: "Iterable[TreeLine]") -> None:
    """A flow (`harness.terminal.flow_report`)."""
    for line in lines:
        out.print(_styled(line))


def in_colours(lines: "Iterable[TreeLine]") -> str:
    """The same as text with a terminal's colour codes, for any standard output."""
    console = Console(file=StringIO(), force_terminal=True, color_system="standard", width=1000, highlight=False)
    with console.capture() as captured:
        for line in lines:
            console.print(_styled(line), soft_wrap=True)
    return captured.get().rstrip("\n")


def _styled(line: "TreeLine") -> Text:
    return Text.assemble(*((text, _STYLES[role]) for text, role in line.parts))


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
