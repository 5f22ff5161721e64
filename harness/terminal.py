"""What people see in the terminal. Rendering only: data comes in, text goes out."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from harness.deploy import DeployEvent, Deployment
from harness.doctor import Finding, Verdict
from harness.engine import Message, Target
from harness.engine.function_logs import LogEvent

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(data: Any) -> None:
    json.dump(data, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def print_error(message: str) -> None:
    err.print(f"[bold red]Error[/]  {escape(message)}")


def fields(rows: Iterable[tuple[str, str]], *, indent: int = 2) -> Table:
    """Two columns without lines: names and values."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(" " * indent + name, escape(value))
    return table


@dataclass
class _StackRow:
    state: str = "waiting"
    detail: str = ""
    started: float = field(default_factory=time.monotonic)
    seconds: float | None = None


class DeployProgress:
    """Shows a deployment as it goes: a live table on a terminal, a line per change elsewhere."""

    _DONE = frozenset({"created", "updated", "unchanged", "failed"})
    _STYLE: ClassVar = {"created": "green", "updated": "green", "unchanged": "dim", "failed": "bold red"}
    _MARK: ClassVar = {"created": "✓", "updated": "✓", "unchanged": "·", "failed": "✗"}

    def __init__(self, console: Console = err) -> None:
        self._console = console
        self._rows: dict[str, _StackRow] = {}
        self._live: Live | None = None
        self._step = ""

    @contextmanager
    def shown(self) -> Iterator["DeployProgress"]:
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, get_renderable=self._render, refresh_per_second=12, transient=False) as live:
            self._live = live
            yield self
            self._step = ""
        self._live = None

    def engine(self, message: str) -> None:
        """What the engine does, before there are stacks."""
        self._step = message
        if not self._console.is_terminal:
            self._console.print(message)

    def __call__(self, event: DeployEvent) -> None:
        """Take one event of `harness.deploy`."""
        if event.stack is None:
            self._step = event.message
            if not self._console.is_terminal and event.message:
                self._console.print(event.message)
            return
        row = self._rows.setdefault(event.stack, _StackRow())
        if event.phase in self._DONE:
            row.state, row.detail, row.seconds = event.phase, event.message, event.elapsed_seconds
        else:
            row.state = event.phase
            row.detail = f"{event.completed}/{event.total}" if event.total else event.message
        if self._live is None and event.phase in self._DONE:
            self._console.print(self._line(event.stack, row))

    def _line(self, stack: str, row: _StackRow) -> Text:
        style = self._STYLE.get(row.state, "cyan")
        text = Text("  ")
        text.append(f"{self._MARK.get(row.state, ' ')} ", style)
        text.append(f"{stack:<20} ")
        text.append(f"{row.state:<10} ", style)
        text.append(row.detail, "dim")
        if row.seconds is not None and row.state != "unchanged":
            text.append(f"  {row.seconds:.1f} s", "dim")
        return text

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for stack, row in self._rows.items():
            if row.state in self._DONE:
                table.add_row("", self._line(stack, row))
            else:
                table.add_row(Spinner("dots", style="cyan"), self._line(stack, row))
        if self._step:
            table.add_row(Spinner("dots", style="cyan"), Text(self._step))
        return table


def show_up(target: Target, deployment: Deployment, urls: Sequence[tuple[str, str]], seconds: float) -> None:
    stacks = ", ".join(deployment.stacks)
    out.print(f"\n[bold green]Up[/]  {len(deployment.stacks)} stacks ({escape(stacks)}) in {seconds:.1f} s\n")
    out.print(fields([("Endpoint", target.endpoint_url), *urls]))
    out.print("\nTry next")
    for command, what in (
        ("make test", "drive every flow through it"),
        ("harness outbox", "mails and text messages that the system sent"),
        ("harness logs --follow", "what the functions write"),
        ("harness outputs", "outputs of the stacks"),
        (f"aws --endpoint-url {target.endpoint_url} s3 ls", "any AWS tool works"),
        ("harness down", "stop it"),
    ):
        out.print(f"  [bold]{escape(command):<48}[/] [dim]{what}[/]")


def show_status(target: Target, deployment: Deployment, process: Sequence[tuple[str, str]]) -> None:
    out.print(f"[bold green]Up[/]  {target.engine} engine at {target.endpoint_url}")
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


def show_outputs(outputs: Mapping[str, Mapping[str, str]]) -> None:
    for stack, values in outputs.items():
        out.print(f"[bold]{escape(stack)}[/]")
        out.print(fields(sorted(values.items())) if values else "  [dim]no outputs[/]")


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


def show_findings(findings: Iterable[Finding]) -> None:
    mark = {Verdict.OK: "[green]✓[/]", Verdict.OPTIONAL: "[yellow]–[/]", Verdict.MISSING: "[bold red]✗[/]"}
    for f in findings:
        out.print(f"{mark[f.verdict]} {f.subject:<16} {escape(f.found)}")
        if f.remedy:
            out.print(f"  {'':<16} [dim]{escape(f.remedy)}[/]")


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
