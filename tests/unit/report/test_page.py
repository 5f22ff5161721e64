"""The page of a trace as text: data of the tested system is escaped everywhere, and the page stays small."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.flow.explanation import Finding
from harness.journal.records import Kind
from harness.report import Test, Trace, trace_activities
from harness.report.page import render
from harness.topology import Topology
from tests.unit.report.flows import EVENT, Journal, finding, refused, retried, topology

EVIL = '</script></style><script>alert(1)</script><img src=x onerror="alert(2)"><!-- ]]> {{ 7*7 }}'


@pytest.fixture
def shop(tmp_path: Path) -> Topology:
    return topology(tmp_path)


class Tags(HTMLParser):
    """The elements of a page with their attributes, and its text without styles and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data):
        if self._inside not in ("script", "style"):
            self.text += data

    def handle_endtag(self, _tag):
        self._inside = ""

    def of(self, name: str) -> Iterator[dict[str, str | None]]:
        return (attributes for tag, attributes in self.found if tag == name)


def page(
    journal: Journal, shop: Topology, *, found: tuple[Finding, ...] = (), test: Test | None = None, command: str = ""
) -> str:
    return render(Trace((trace_activities(journal.activities(), shop, explanation=found),), test, command), [shop])


def test_page_escapes_markup_in_recorded_data(shop):
    journal = Journal()
    event = {**EVENT, "detail-type": EVIL, "detail": {EVIL: EVIL}}
    journal.deliver(journal.decide(journal.put(event), event), event)
    journal.invoke(
        event, log=EVIL, error={"errorType": EVIL, "errorMessage": EVIL, "stackTrace": [f'File "/var/task/{EVIL}"']}
    )
    [decision] = [activity for activity in journal.activities() if activity.kind is Kind.DECISION]
    told = Finding(EVIL, EVIL, EVIL, None, (decision,), True)
    harmless = Tags(page(retried(), shop))
    tags = Tags(page(journal, shop, found=(told,), test=Test(f"t.py::test_{EVIL}", "failed", EVIL, EVIL), command=EVIL))
    assert len(list(tags.of("script"))) == 1
    assert [image["src"].partition(",")[0] for image in tags.of("img")] == ["data:image/svg+xml;base64"]
    # The evil event brings elements of the page's own that the harmless one does not need: changes, the verdict.
    ours = {"article", "table", "thead", "tbody", "tr", "th", "td", "del", "ins", "h4", "button"} | {
        tag for tag, _ in harmless.found
    }
    assert {tag for tag, _ in tags.found} <= ours
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    assert tags.text.count("<script>alert(1)</script>") > 10


def test_only_its_own_script_may_run_and_nothing_may_be_fetched(shop):
    made = page(retried(), shop)
    [policy] = [
        meta["content"] for meta in Tags(made).of("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    script = re.search(r"<script>(.*?)</script>", made, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    addresses = [
        value
        for _, attributes in Tags(made).found
        for name, value in attributes.items()
        if name in ("src", "href", "data")
    ]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert "url(http" not in made
    assert "@import" not in made


def test_redacted_value_stays_redacted_on_the_page(shop):
    journal = Journal()
    journal.call("cognito-idp", "SignUp", request={"Username": "ada", "Password": "***"}, response={})
    told = Tags(page(journal, shop)).text
    assert '"***"' in told
    assert "Password" in told


def test_long_payload_is_cut_with_its_size_shown(shop):
    journal = Journal()
    journal.call("s3", "PutObject", request={"Body": "a" * 50_000 + "END"}, response={})
    told = Tags(page(journal, shop)).text
    assert "END" not in told
    assert re.search(r"50\.\d kB, the last 34\.\d kB are left out", told)


def test_a_page_stays_below_a_megabyte_however_much_happened(shop):
    journal = Journal()
    for number in range(150):
        journal.call(
            "s3", "PutObject", request={"Key": str(number), "Body": "b" * 9_000}, response={"Body": "c" * 9_000}
        )
    made = page(journal, shop)
    assert len(made.encode()) < 1_000_000
    assert made.count('class="activity ') == 150


def test_page_begins_with_the_place_and_reason_of_the_loss(shop, tmp_path):
    journal = refused()
    told = finding(journal, tmp_path)
    made = page(
        journal,
        shop,
        found=(told,),
        test=Test("tests/test_shop.py::test_an_order_is_mailed[seven]", "failed", "...", "assert 0"),
    )
    text = Tags(made).text
    parts = [
        "event lost", "An order is mailed [seven]", told.sentence,
        "template.yaml:9", "source: [shop.orders]", "assert 0", "Timeline"
    ]  # fmt: skip
    order = [text.index(part, text.index("event lost")) for part in parts]
    assert order == sorted(order)
    assert re.search(r'<details class="activity refused broke" id="activity-1-2" open>', made)
    assert 'class="at broke" data-node="shop.PlacedRule"' in made
    assert 'class="to refused" data-edge="shop.Bus shop.PlacedRule"' in made
    assert 'class="at unreached" data-node="shop.MailFunction"' in made


def test_page_shows_the_command_that_repeats_the_test(shop):
    made = Tags(
        page(
            retried(),
            shop,
            test=Test("t.py::test_it", "failed", "E  assert 0"),
            command="pytest t.py::test_it --engine=docker",
        )
    )
    assert "pytest t.py::test_it --engine=docker" in made.text
    assert "E  assert 0" in made.text


def test_traceback_shows_frames_of_the_function_first(shop):
    text = Tags(page(retried(), shop)).text
    assert text.index("mail.py, line 12, in handler") < text.index("/var/runtime/lib/client.py")


def test_a_structured_log_is_shown_by_its_parts(shop):
    made = page(retried(), shop)
    assert '<span class="level">error</span> <span class="message">no luck</span>' in made
    assert '<div class="entry platform"><span class="message">START RequestId: r-1' in made


def test_an_event_that_has_not_changed_says_so(shop):
    assert "the same as at function shop.MailFunction" in Tags(page(retried(), shop)).text


def test_several_flows_of_a_test_are_one_page(shop):
    flows = tuple(trace_activities(journal.activities(), shop) for journal in (retried(), refused()))
    text = Tags(render(Trace(flows), [shop, shop])).text
    assert text.index("Flow 1 of 2") < text.index("Flow 2 of 2")


def test_page_of_an_empty_trace_says_nothing_was_seen():
    text = Tags(render(Trace(()), [])).text
    assert "Nothing of a flow was seen." in text


def test_page_without_templates_omits_only_the_diagram():
    journal = retried()
    made = render(Trace((trace_activities(journal.activities()),)), [Topology.empty()])
    assert not list(Tags(made).of("figure"))
    assert "shop-MailFunction" in Tags(made).text


def test_payloads_are_json_that_can_be_read_back(shop):
    journal = Journal()
    value = {"a": [1, {"b": "c" * 80}], "d": "x: y", 'q"uote': None}
    journal.call("s3", "PutObject", request=value, response={})
    made = page(journal, shop)
    shown = re.search(r"<pre tabindex=\"0\">(.*?)</pre>", made, re.DOTALL)[1]
    names = re.sub(r"<b>(.*?)</b>", r"&quot;\1&quot;", shown)
    assert json.loads(Tags(f"<p>{names}</p>").text) == value
