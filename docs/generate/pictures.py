"""Makes the pictures of a lost event anew: docs/pictures/explained.svg (what the terminal shows of the failed test) and
docs/pictures/trace.png (its trace). Run: .venv/bin/python docs/generate/pictures.py

It follows the tutorial in an empty folder, up to the test that fails. Rich draws its output, a browser (chromium) its trace.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.generate.tutorial import Command, File, steps  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 900}
COLUMNS = 112
MOST_BYTES = 300_000


def failed_run(folder: Path) -> tuple[str, Path]:
    """What pytest prints for the failed test of the tutorial, in colours, and the trace that it leaves."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {
        **kept,
        "PATH": path,
        "COLUMNS": str(COLUMNS),
        "TERM": "xterm-256color",
        "PYTEST_ADDOPTS": "--color=yes",
    }

    def run(line: str) -> str:
        ran = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        return ran.stdout

    output = ""
    try:
        for step in steps():
            if isinstance(step, File):
                target = folder / step.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(step.text, encoding="utf-8")
            elif isinstance(step, Command):
                output = run(step.line)
                if traces := list((folder / ".harness" / "traces").glob("*.html")):
                    return output, traces[0]
    finally:
        run("harness down")
    raise SystemExit(f"No test of the tutorial failed. The last command printed:\n{output}")


def draw(output: str) -> None:
    """The failed line, the flow and the explanation, as they stand in the terminal."""
    lines = Text.from_ansi(output).split("\n")
    plain = [line.plain for line in lines]
    failed = [number for number, line in enumerate(plain) if line.startswith((">", "E "))]
    flow = next(number for number, line in enumerate(plain) if " flow 1 " in line)
    last = next(number for number, line in enumerate(plain) if number > flow and " trace " in line)
    console = Console(width=COLUMNS, record=True, file=io.StringIO())
    for line in [*(lines[number] for number in failed), Text(), *lines[flow:last]]:
        console.print(line, no_wrap=True, overflow="ellipsis")
    # Without Rich's web font: a picture calls no other host.
    form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    console.save_svg(
        str(PICTURES / "explained.svg"), title="pytest", theme=MONOKAI, code_format=form, unique_id="explained"
    )


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
    with tempfile.TemporaryDirectory() as temporary:
        shop = Path(temporary) / "shop"
        shop.mkdir()
        printed, trace = failed_run(shop)
        draw(printed)
        photograph(trace)
