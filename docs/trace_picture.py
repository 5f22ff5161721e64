"""Makes docs/trace.png anew: the trace that a test leaves when an event is lost. Run: .venv/bin/python docs/trace_picture.py

In a copy of the project one letter of one rule's pattern is missing; a scenario that passes without that fails there, on an
engine of its own, and a browser takes the picture. Needs chromium.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "trace.png"
COPIED = ("pyproject.toml", "conftest.py", "stack", "fixtures")
TEMPLATE, RIGHT, WRONG = "stack/notifications/template.yaml", "source: [lumen.users]", "source: [lumen.user]"
SCENARIO = """
def test_who_has_registered_is_welcomed_by_mail(flow, people, outbox):
    with flow() as f:
        person = people.registered()
    f.settle()
    assert [mail.subject for mail in outbox.read(recipient=person.address, subject="(?i)welcome")]
"""
SIZE = {"width": 1280, "height": 1010}
MOST_BYTES = 300_000


def failed_trace(project: Path) -> Path:
    """The trace of the scenario in a project that has the defect."""
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
    scenario.parent.mkdir()
    scenario.write_text(SCENARIO)
    command = [Path(sys.executable).parent / "pytest", scenario.relative_to(project), "-q", "-p", "no:randomly"]
    run = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"}
    )
    traces = list((project / ".harness" / "traces").glob("*.html"))
    if not traces:
        raise SystemExit(f"The scenario left no trace.\n{run.stdout}\n{run.stderr}")
    return traces[0]


def photograph(page_file: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, device_scale_factor=1.5, color_scheme="light")
        page.goto(page_file.as_uri())
        page.screenshot(path=PICTURE)
        browser.close()
    if PICTURE.stat().st_size > MOST_BYTES:
        raise SystemExit(
            f"{PICTURE} has {PICTURE.stat().st_size} bytes; a README's picture should not have more than {MOST_BYTES}."
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        trace = failed_trace(Path(folder))
        if keep := os.environ.get("KEEP_TRACE"):
            shutil.copy(trace, keep)
        photograph(trace)
