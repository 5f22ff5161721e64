"""Makes the pictures of a lost event anew: docs/pictures/explained.svg (what the terminal shows of the failed test) and
docs/pictures/trace.png (its trace). Run: .venv/bin/python docs/generate/pictures.py

In a copy of the project one letter of one rule's pattern is missing; a scenario that passes without that fails there, on a
separate engine. Rich draws the output, a browser takes the picture. Needs chromium.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
COPIED = ("pyproject.toml", "conftest.py", "stack", "fixtures", "scenarios/conftest.py")
TEMPLATE, RIGHT, WRONG = "stack/notifications/template.yaml", "source: [lumen.users]", "source: [lumen.user]"
SCENARIO = """
def test_who_has_registered_is_welcomed_by_mail(flow, people, outbox):
    with flow() as f:
        person = people.registered()
    f.settle()
    assert [mail.subject for mail in outbox.read(recipient=person.address, subject="(?i)welcome")]
"""
SIZE = {"width": 1280, "height": 1010}
COLUMNS = 112
MOST_BYTES = 300_000


def failed_run(project: Path) -> tuple[str, Path]:
    """What pytest prints for the scenario in a project that has the defect, and the trace that it leaves."""
    (project / "scenarios").mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, project / name)
    template = project / TEMPLATE
    text = template.read_text()
    if text.count(RIGHT) != 1:
        raise SystemExit(
            f"{TEMPLATE} does not have {RIGHT!r} once: say in {Path(__file__).name} what is to be broken instead."
        )
    template.write_text(text.replace(RIGHT, WRONG))
    scenario = project / "scenarios" / "test_welcome_mail.py"
    scenario.write_text(SCENARIO)
    pytest = Path(sys.executable).parent / "pytest"
    command = [pytest, scenario.relative_to(project), "-q", "-p", "no:randomly", "--color=yes"]
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    run = subprocess.run(
        command,
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"},
    )
    traces = list((project / ".harness" / "traces").glob("*.html"))
    if not traces:
        raise SystemExit(f"The scenario left no trace.\n{run.stdout}\n{run.stderr}")
    return run.stdout, traces[0]


def draw(output: str) -> None:
    """The failed assertion, the flow and the explanation, as they stand in the terminal."""
    lines = Text.from_ansi(output).split("\n")
    plain = [line.plain for line in lines]
    first = next(number for number, line in enumerate(plain) if line.startswith("E "))
    flow = next(number for number, line in enumerate(plain) if " flow 1 " in line)
    last = next(number for number, line in enumerate(plain) if number > flow and " trace " in line)
    console = Console(width=COLUMNS, record=True, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    for line in [lines[first - 1], lines[first], Text(), *lines[flow:last]]:
        console.print(line, no_wrap=True, overflow="ellipsis")
    console.save_svg(str(PICTURES / "explained.svg"), title="pytest", theme=MONOKAI, unique_id="explained")


def photograph(page_file: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    picture = PICTURES / "trace.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, device_scale_factor=1.5, color_scheme="light")
        page.goto(page_file.as_uri())
        page.screenshot(path=picture)
        browser.close()
    if picture.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{picture} has {picture.stat().st_size} bytes; a picture of a page has at most {MOST_BYTES}.")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        printed, trace = failed_run(Path(folder))
        if keep := os.environ.get("KEEP_TRACE"):
            shutil.copy(trace, keep)
            Path(keep).with_suffix(".ansi").write_text(printed)
        draw(printed)
        photograph(trace)
