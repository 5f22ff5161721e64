"""What README and the pages of docs/ say is true, and what is generated is up to date."""

import ast
import re
from pathlib import Path

import pytest
import typer
import yaml

from docs.generate import tutorial
from docs.generate.reference import pages
from harness import cli
from harness.emulator.controls import timers
from harness.settings import Settings

DOCS = Path("docs")
ROW = re.compile(r"^\| (?P<block>[^|]+) \| (?P<stack>[a-z]+) \| `(?P<file>\w+\.py)` `(?P<test>\w+)` \|$")
PAGES = [
    *(Path(name) for name in ("README.md", "CONTRIBUTING.md", "STYLE.md", "SECURITY.md")),
    *sorted(DOCS.rglob("*.md")),
]
PATH = r"^(?:harness|tests|docs|stack|scenarios|fixtures|benchmarks|\.ci|\.github)/[\w./-]+$"
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#\s]+)(?:#[^)]*)?\)")


def architecture():
    return [row for line in (DOCS / "reference/lumen.md").read_text().splitlines() if (row := ROW.match(line))]


def test_each_block_names_an_existing_scenario():
    rows = architecture()
    assert len(rows) > 30
    for row in rows:
        source = ast.parse(Path("scenarios", row["file"]).read_text())
        tests = {each.name for each in ast.walk(source) if isinstance(each, ast.FunctionDef)}
        assert row["test"] in tests, row.group()


def test_every_stack_is_in_the_table():
    assert {row["stack"] for row in architecture()} == {
        file.parent.name for file in Path("stack").glob("*/template.yaml")
    }


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_generated_page_is_up_to_date(page: Path):
    assert page.read_text(encoding="utf-8") == pages()[page], "`make docs` writes it"


def test_readme_has_at_most_150_lines():
    assert len(Path("README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_readme_shows_the_scenario_of_the_tutorial():
    files = {step.path: step.text for step in tutorial.steps() if isinstance(step, tutorial.File)}
    assert files["tests/test_failures.py"] in Path("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*Path().glob("*.md"), *DOCS.rglob("*.md"), Path("benchmarks/README.md")], ids=str)
def test_every_link_leads_to_a_file(page: Path):
    """The build of the site holds links between pages; this holds pictures, and the files in the root."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    missing = [link["path"] for link in LINK.finditer(text) if not (page.parent / link["path"]).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_path_in_a_page_exists(page: Path):
    of_the_tutorial = {step.path for step in tutorial.steps() if isinstance(step, tutorial.File)}
    paths = {path for code in codes(page) for path in re.findall(PATH, code)} - of_the_tutorial
    assert [path for path in sorted(paths) if not Path(path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_in_a_page_exists(page: Path):
    group = typer.main.get_command(cli.app)
    options = {
        option for command in (group, *group.commands.values()) for each in command.params for option in each.opts
    }
    targets = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text(), re.MULTILINE))
    for code in codes(page):
        for command, arguments in re.findall(
            r"(?:^\$ |^|&& |\$\()(?:\.venv/bin/)?harness (?!met an error)([a-z]+)([^|)\n#]*)", code, re.MULTILINE
        ):
            assert command in group.commands, code
            assert [option for option in re.findall(r"--[a-z-]+", arguments) if option not in options] == [], code
        for target in re.findall(r"(?:^\$ |^|&& )make ([a-z][a-z-]*)", code, re.MULTILINE):
            assert target in targets, code


def codes(page: Path) -> list[str]:
    """The blocks and spans of code."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return [*blocks, *spans]


def test_every_page_is_in_the_navigation():
    def leaves(entry):
        if isinstance(entry, str):
            return [entry]
        return [leaf for child in (entry.values() if isinstance(entry, dict) else entry) for leaf in leaves(child)]

    nav = leaves(yaml.safe_load(Path("mkdocs.yml").read_text())["nav"])
    assert sorted(nav) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_every_kind_of_fire_is_documented():
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "reference/fire.md").read_text(), re.MULTILINE))
    assert documented == {timers.KIND, *kinds_in_the_source()}


def kinds_in_the_source() -> set[str]:
    """What `on_fire(...)` registers, as a literal or as a constant of its module."""
    found: set[str] = set()
    for source in Path("harness/emulator").rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        if "on_fire(" not in text:
            continue
        tree = ast.parse(text)
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "on_fire":
                [kind] = call.args
                found.add(kind.value if isinstance(kind, ast.Constant) else constants[kind.id])
    return found


def test_every_route_of_the_test_api_is_documented():
    page = (DOCS / "reference/harness-api.md").read_text()
    routes = set()
    for source in Path("harness/emulator").rglob("*.py"):
        for path, methods in re.findall(
            r'ROUTER\.add\(\s*"/(_harness/[^"]+)".*?methods=\[([^\]]+)\]', source.read_text()
        ):
            routes |= {f"{method} /{path}" for method in re.findall(r"[A-Z]+", methods)}
    documented = {route.split("=")[0] for route in re.findall(r"`([A-Z]+ /_harness/[^`]+)`", page)}
    assert {re.sub(r"<[^>]+>", "<>", route) for route in routes} == {
        re.sub(r"<[^>]+>", "<>", route) for route in documented
    }


def test_every_setting_has_a_description():
    undescribed = [name for name, field in Settings.model_fields.items() if not field.description]
    assert undescribed == ["root", "delays"]
