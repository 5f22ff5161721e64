"""A template with an invalid part: cfn-lint and the deployment report it, and the rest is still read."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.topology import Document, Location, Template, read_document, read_topology
from harness.topology.picture import as_json, mermaid, svg
from tests.unit.topology.test_sam_forms import SHOP

ODD = st.sampled_from(
    [
        None, True, 5, "text", "", [], {}, [None], ["x"], {"a": "b"}, {"Ref": "X"}, {"Ref": ["X"]}, {"Fn::GetAtt": ["X"]},
        {"Fn::If": ["Undeclared", {"a": 1}, [2]]}, [{"Fn::Transform": {}}], "${X}", "arn:aws:sqs", "arn:aws:sqs:::",
    ]
)  # fmt: skip


def locations(value: Any, location: Location = ()) -> Iterator[Location]:
    """All places from the resources' properties on."""
    if len(location) > 2:
        yield location
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from locations(item, (*location, key))


def odd(document: Document, changes: list[tuple[Location, Any]]) -> Template:
    body = copy.deepcopy(document.body)
    for location, value in changes:
        inner: Any = body
        try:
            for key in location[:-1]:
                inner = inner[key]
            inner[location[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # what was there has been changed before
    template = Template(document.file, "shop")
    template.__dict__["document"] = Document(document.file, body, document.lines)  # as if it had been read
    return template


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Document:
    file = tmp_path_factory.mktemp("shop") / "template.yaml"
    file.write_text(SHOP)
    return read_document(file)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_graph_is_read_around_it(shop, data):
    places = [place for place in locations(shop.body) if place[:1] == ("Resources",) and place[2:] != ("Type",)]
    changes = data.draw(st.lists(st.tuples(st.sampled_from(places), ODD), min_size=1, max_size=4))
    topology = read_topology([odd(shop, changes)])
    assert svg(topology)
    assert mermaid(topology)
    assert as_json(topology, Path.cwd())
    assert {end for edge in topology.edges for end in (edge.source, edge.target)} <= set(topology.nodes)
