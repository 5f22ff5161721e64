"""The topology drawn: what is shown, where it stands, and that the texts are what their readers take."""

import itertools
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.topology import NodeId, Template, Topology, read_topology
from harness.topology.picture import as_json, mermaid, svg
from harness.topology.picture.layout import Arrow, Item, layered
from harness.topology.picture.selection import select

HARNESS = Path(sys.executable).parent / "harness"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def lumen() -> Topology:
    return read_topology([Template(file, file.parent.name) for file in sorted(Path("stack").glob("*/template.yaml"))])


# ── layout ──────────────────────────────────────────────────────────────────────────────────────────────────────────

GRAPHS = st.integers(1, 9).flatmap(
    lambda count: st.tuples(
        st.lists(st.tuples(st.integers(20, 200), st.integers(20, 60)), min_size=count, max_size=count),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=14),
    )
)


@settings(deadline=None)
@given(GRAPHS)
def test_no_two_items_overlap_whatever_leads_where(graph):
    sizes, pairs = graph
    items = [Item(number, width, height) for number, (width, height) in enumerate(sizes)]
    layout = layered(items, [Arrow(source, target) for source, target in pairs])
    for one, two in itertools.combinations(items, 2):
        (x1, y1), (x2, y2) = layout.places[one.key], layout.places[two.key]
        apart = x1 + one.width <= x2 or x2 + two.width <= x1 or y1 + one.height <= y2 or y2 + two.height <= y1
        assert apart, (one, two)
    for item in items:
        x, y = layout.places[item.key]
        assert x >= -0.001
        assert y >= -0.001
        assert x + item.width <= layout.width + 0.001
        assert y + item.height <= layout.height + 0.001


@settings(deadline=None)
@given(GRAPHS)
def test_every_arrow_begins_and_ends_at_the_side_of_its_items(graph):
    sizes, pairs = graph
    items = {number: Item(number, width, height) for number, (width, height) in enumerate(sizes)}
    layout = layered(list(items.values()), [Arrow(source, target) for source, target in pairs])
    for (source, target), way in zip(pairs, layout.ways, strict=True):
        if source == target:
            assert way == []
            continue
        for key, (x, y) in ((source, way[0]), (target, way[-1])):
            left, top = layout.places[key]
            assert y == pytest.approx(top + items[key].height / 2)
            assert min(abs(x - left), abs(x - left - items[key].width)) < 0.001


def test_layout_has_sources_left_and_breaks_cycles_at_yields():
    items = [Item(key, 10, 10) for key in "abc"]
    layout = layered(items, [Arrow("c", "a", yields=True), Arrow("a", "b"), Arrow("b", "c")])
    assert layout.places["a"][0] < layout.places["b"][0] < layout.places["c"][0]


def test_lines_do_not_cross_where_they_need_not():
    items = [Item(key, 10, 10) for key in ("a", "b", "c", "x", "y", "z")]
    layout = layered(items, [Arrow("a", "z"), Arrow("b", "y"), Arrow("c", "x")])
    left = sorted("abc", key=lambda key: layout.places[key][1])
    right = sorted("xyz", key=lambda key: layout.places[key][1])
    assert [dict(zip("abc", "zyx", strict=True))[key] for key in left] == right


def test_there_is_room_for_a_label():
    items = [Item("a", 10, 10), Item("b", 10, 10)]
    assert layered(items, [Arrow("a", "b", 300)]).places["b"][0] > 310


# ── what is drawn ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_diagram_shows_what_events_pass_and_omits_details(lumen):
    selection = select(lumen)
    shown = {card.node.kind for card in selection.cards.values()}
    assert {"function", "queue", "topic", "bus", "rule", "user_pool", "rest_api", "table", "archive"} <= shown
    assert not shown & {"key", "parameter", "log_group", "external"}
    titles = {str(node): (card.title, card.subtitle) for node, card in selection.cards.items()}
    assert titles["notifications.WelcomeDeadLetterQueue"] == ("Welcome Dead Letter", "SQS queue")
    assert titles["notifications.RegistrationsRule"] == ("Registrations Rule", "UserRegistered")
    assert titles["platform.EventBus"] == ("Event Bus", "EventBridge event bus")
    failures = {(line.source.logical_id, line.target.logical_id) for line in selection.lines if line.style == "failure"}
    assert ("RegistrationsRule", "UndeliveredQueue") in failures
    assert ("SmsQueue", "SmsDeadLetterQueue") in failures
    labels = {line.label for line in selection.lines}
    assert {"GET /users/me", "PreSignUp", "filtered", "after 3"} <= labels


def test_image_is_self_contained_xml_with_every_card_and_edge(lumen):
    text = svg(lumen)
    root = ElementTree.fromstring(text)
    selection = select(lumen)
    nodes = {group.get("data-node") for group in root.iter(f"{SVG}g") if (group.get("class") or "").startswith("node")}
    assert nodes == {str(node) for node in selection.cards if node.stack}
    # A node without a stack is a tag next to the node that refers to it.
    tags = {"".join(group.itertext()) for group in root.iter(f"{SVG}g") if (group.get("class") or "").startswith("tag")}
    for node in selection.cards:
        assert node.stack or any(node.logical_id in tag for tag in tags)
    drawn = {group.get("data-edge") for group in root.iter(f"{SVG}g") if group.get("data-edge")}
    assert drawn == {f"{line.source} {line.target}" for line in selection.lines}
    stacks = [group.get("data-stack") for group in root.iter(f"{SVG}g") if group.get("data-stack")]
    assert sorted(stacks) == sorted({node.stack for node in lumen.nodes if node.stack})
    assert "prefers-color-scheme: dark" in text
    assert text.replace('xmlns="http://www.w3.org/2000/svg"', "").count("http") == 0
    assert svg(lumen) == text


def test_boxes_lie_within_the_image_and_apart_with_many_stacks(topology):
    stack = "Resources: {Work: {Type: AWS::Lambda::Function}, Dead: {Type: AWS::SQS::Queue}}"
    text = svg(topology(**{f"stack{number}": stack for number in range(12)}))
    root = ElementTree.fromstring(text)
    boxes = []
    for group in root.iter(f"{SVG}g"):
        if group.get("data-stack"):
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            boxes.append([float(rect.get(key, 0)) for key in ("x", "y", "width", "height")])
    assert len(boxes) == 12
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in itertools.combinations(boxes, 2):
        assert x1 + w1 < x2 or x2 + w2 < x1 or y1 + h1 < y2 or y2 + h2 < y1
    assert max(x + w for x, _, w, _ in boxes) < float(root.get("width", 0))
    assert max(y + h for _, y, _, h in boxes) < float(root.get("height", 0))


def test_texts_of_templates_are_escaped(topology):
    found = topology(
        shop="""
Resources:
  News:
    Type: AWS::SNS::Topic
    Properties: {Subscription: [{Protocol: https, Endpoint: 'https://a.example/?a="<b>"&c'}]}
"""
    )
    root = ElementTree.fromstring(svg(found))
    assert any('"<b>"&c' in (title.text or "") for title in root.iter(f"{SVG}title"))
    assert '"<b>"' not in mermaid(found)


def test_mermaid_has_every_stack_and_red_failures(lumen):
    text = mermaid(lumen)
    assert text.startswith("flowchart LR\n")
    assert text.count("subgraph") == len({node.stack for node in lumen.nodes if node.stack})
    assert '["notifications"]' in text
    assert '{"Registrations Rule<br><small>UserRegistered</small>"}:::integration' in text
    lines = [line.strip() for line in text.splitlines() if "-->" in line or "-.-" in line]
    [style] = [line for line in text.splitlines() if "linkStyle" in line]
    for number in style.split()[1].split(","):
        assert "-.->" in lines[int(number)]


def test_the_data_are_json_with_files_below_the_root(lumen):
    data = json.loads(json.dumps(as_json(lumen, Path.cwd())))
    assert len(data["nodes"]) == len(lumen.nodes)
    assert len(data["edges"]) == len(lumen.edges)
    [rule] = [edge for edge in data["edges"] if edge["target"] == "notifications.RegistrationsRule"]
    assert json.loads(rule["condition"]["pattern"])["detail-type"] == ["UserRegistered"]
    assert (rule["source"], rule["target"]) == ("platform.EventBus", "notifications.RegistrationsRule")
    assert NodeId("users", "UserPool") in lumen.nodes


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HARNESS, "graph", *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.subprocess
def test_the_command_draws_a_template_into_a_file(tmp_path):
    (tmp_path / "template.yaml").write_text("Resources: {Work: {Type: AWS::Lambda::Function}}\n")
    result = run(tmp_path, "--format", "svg", "--output", "picture.svg")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert ElementTree.fromstring((tmp_path / "picture.svg").read_text()).tag == f"{SVG}svg"
    assert run(tmp_path).stdout.startswith("flowchart LR\n")
    assert json.loads(run(tmp_path, "--format=json").stdout)["nodes"][0]["file"] == "template.yaml"


@pytest.mark.subprocess
def test_the_command_names_the_line_of_a_template_that_is_wrong(tmp_path):
    (tmp_path / "template.yaml").write_text("Resources:\n  Work: 1\n")
    result = run(tmp_path)
    assert result.returncode == 1
    assert "template.yaml:2:1: the resource Work has no Type" in result.stderr
    assert run(tmp_path, "--format=pdf").returncode == 2


def test_diagram_of_the_docs_is_up_to_date(lumen):
    """`harness graph -f svg -o docs/pictures/architecture.svg` writes it again."""
    assert Path("docs/pictures/architecture.svg").read_text(encoding="utf-8") == svg(lumen)
