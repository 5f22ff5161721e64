"""The page of a trace in a real browser: it needs no other file, and it is accessible."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.journal.records import Kind
from harness.report import Test, Trace, TracedFlow, trace_activities
from harness.report.page import render
from harness.topology import Topology
from tests.unit.report.flows import MACHINE, finding, refused, retried, topology

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed (extra dev)")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (apt-get install chromium)"),
]

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        # As root, as in a container, chromium has no sandbox.
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=180_000)
        yield launched
        launched.close()


@pytest.fixture
def shop(tmp_path: Path) -> Topology:
    return topology(tmp_path)


@pytest.fixture
def opened(browser, shop, tmp_path: Path) -> Iterator[Callable[..., "sync_api.Page"]]:
    """`opened(**how)`: the page of a test with three flows, one of which lost an event; `how` is the browser's context."""
    lost = refused()
    execution = retried()
    run = execution.begin(
        Kind.TRANSITION, "stepfunctions", "Machine", None, state_machine=MACHINE, execution="x", input={"n": 1}
    )
    execution.note(
        Kind.TRANSITION, "stepfunctions", "FailStateEntered", run, resource="Stop",
        event={"id": 2, "previous": 0, "type": "FailStateEntered", "details": {"input": {"n": "long" * 60}}},
    )  # fmt: skip
    execution.end(run, status="FAILED", error="NoWay", cause="because")
    flows: tuple[TracedFlow, ...] = (
        trace_activities(lost.activities(), shop, explanation=[finding(lost, tmp_path)]),
        trace_activities(execution.activities(), shop),
        trace_activities(retried().activities(), shop),
    )
    told = Test(
        "tests/test_shop.py::test_an_order_is_mailed", "failed", "E   assert 0 == 1", "AssertionError: assert 0 == 1"
    )
    trace = Trace(
        flows, told, "pytest tests/test_shop.py::test_an_order_is_mailed --engine=embedded", {"python": "3.13"}
    )
    file = tmp_path / "trace.html"
    file.write_text(render(trace, [shop] * 3))
    contexts = []

    def open_(**how) -> "sync_api.Page":
        contexts.append(context := browser.new_context(**{"viewport": DESKTOP, **how}))
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(file.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()


def focused(page) -> str:
    return page.evaluate(
        "document.activeElement.querySelector?.('.title')?.textContent || document.activeElement.tagName"
    )


def test_page_opens_without_errors_and_makes_no_request(opened):
    page = opened()
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert page.said == []
    assert [url for url in page.asked if not url.startswith("data:")] == [page.url]


def test_page_shows_place_and_reason_without_scrolling(opened):
    page = opened()
    for selector in (".finding.lost .sentence", ".source .here", "svg.way .broke"):
        box = page.locator(selector).first.bounding_box()
        assert box["y"] >= 0, selector
        assert box["y"] + box["height"] <= DESKTOP["height"], selector
    assert page.locator(".source .here").inner_text().split() == ["9", "source:", "[shop.orders]"]
    assert page.locator(".activity.broke").first.get_attribute("open") is not None


def test_arrow_keys_move_between_steps_and_enter_opens_them(opened):
    page = opened()
    page.keyboard.press("b")
    assert focused(page) == "rule shop.PlacedRule"
    page.keyboard.press("ArrowUp")
    assert focused(page) == "events PutEvents shop.Bus: Placed"
    detail = page.locator("details.activity", has_text="events PutEvents shop.Bus: Placed").first.locator(
        ":scope > .detail"
    )
    assert not detail.is_visible()
    page.keyboard.press("Enter")
    assert detail.is_visible()
    page.keyboard.press("ArrowLeft")
    assert not detail.is_visible()
    page.keyboard.press("ArrowRight")
    assert detail.is_visible()
    page.keyboard.press("ArrowDown")
    assert focused(page) == "rule shop.PlacedRule"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_slash_key_filters_the_steps_and_escape_ends_it(opened):
    page = opened()
    second = page.locator(".timeline").nth(1)
    second.locator("summary").first.focus()
    page.keyboard.press("/")
    page.keyboard.type("mailbox full")
    shown = second.locator(".activity:visible > summary .title")
    assert shown.all_inner_texts() == ["attempt 1"]
    assert second.locator(".count").inner_text() == "1 of 10"
    page.keyboard.press("Enter")
    assert focused(page) == "attempt 1"
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert shown.count() == 10


def test_hidden_activities_are_shown_on_request(opened):
    page = opened()
    second = page.locator(".timeline").nth(1)
    second.locator("summary").first.focus()
    hidden = second.locator(".activity.part").first
    assert not hidden.is_visible()
    page.keyboard.press("p")
    assert hidden.is_visible()
    assert second.locator(".parts").get_attribute("aria-pressed") == "true"


def test_question_mark_key_opens_the_list_of_keys(opened):
    page = opened()
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    assert focused(page) == "BUTTON"
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()


def test_click_on_a_diagram_resource_opens_its_step(opened):
    page = opened()
    activity = page.locator(".activity").first
    assert activity.get_attribute("open") is None
    page.locator("svg.way [data-node='shop.Bus']").first.click()
    assert activity.get_attribute("open") is not None
    assert page.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_on_a_phone_never_scrolls_sideways(opened, scheme):
    page = opened(viewport=PHONE, color_scheme=scheme)
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) <= PHONE["width"]
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert page.evaluate(width) <= PHONE["width"]


CONTRASTS = """() => {
  const parse = (colour) => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return [r, g, b, a] };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const light = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const behind = (element) =>
    element ? over(parse(getComputedStyle(element).backgroundColor), behind(element.parentElement)) : [255, 255, 255, 1];
  const opacity = (element) => element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1;
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("svg, script, style") || !element.checkVisibility()) continue;
    seen += 1;
    const ground = behind(element), style = getComputedStyle(element);
    const [r, g, b, a] = parse(style.color);
    const ink = over([r, g, b, a * opacity(element)], ground);
    const [one, two] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (one + 0.05) / (two + 0.05);
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${element.className} ${walker.currentNode.data.trim().slice(0, 30)}`);
  }
  return [seen, low];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_in_light_and_in_dark(opened, scheme):
    """At least 4.5 to 1: https://www.w3.org/TR/WCAG22/#contrast-minimum"""
    page = opened(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    page.keyboard.press("p")
    seen, low = page.evaluate(CONTRASTS)
    assert seen > 150
    assert low == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is (scheme == "light")


NAMELESS = """() => [...document.querySelectorAll("a, button, input, summary, [tabindex='0'], img")]
    .filter((each) => !(each.textContent.trim() || each.getAttribute("aria-label") || each.alt || each.labels?.length))
    .map((each) => each.outerHTML)"""
REPEATED = """() => { const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
    return ids.filter((id, at) => ids.indexOf(id) !== at) }"""


def test_controls_have_names_and_links_have_targets(opened):
    page = opened()
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(REPEATED) == []
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    links = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map((each) => each.getAttribute('href').slice(1))"
    )
    assert links
    missing = page.evaluate("(ids) => ids.filter((id) => !document.getElementById(id))", links)
    assert missing == []


def test_a_print_has_what_is_open_and_nothing_to_press(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".finding.lost .sentence").is_visible()
    assert page.locator(".activity.broke pre").first.is_visible()
    assert not page.locator(".tools").first.is_visible()
