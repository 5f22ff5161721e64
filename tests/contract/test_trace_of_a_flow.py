"""The page of a flow through the whole architecture, as the engine wrote it down."""

import re

from fixtures.people import People
from harness.report import Trace, story_of
from harness.report.page import render

pytest_plugins = ["fixtures.people"]


def test_the_page_of_a_registration_shows_its_way_is_small_and_has_no_secret(flow, deployment, people: People):
    with flow() as f:
        person = people.registered()
    f.settle()
    story = story_of(f)
    ways = {(way.source, way.target): way.state for way in story.ways}
    for way in (
        ("users.UserPool", "users.PreSignUpFunction"),
        ("users.UserPool", "users.PostConfirmationFunction"),
        ("users.PostConfirmationFunction", "platform.EventBus"),
        ("platform.EventBus", "notifications.RegistrationsRule"),
        ("notifications.RegistrationsRule", "notifications.WelcomeFunction"),
        ("notifications.WelcomeFunction", "notifications.Sender"),
    ):
        assert ways.get(way) == "ok", way
    assert ways["notifications.NotificationsTopic", "notifications.SmsQueue"] == "refused"
    assert story.outcome == "ok"
    # One is the root of another, or follows it.
    assert all(hop.parent is None or hop.parent < hop.id for hop in story.hops)
    page = render(Trace((story,)), [f.topology])
    assert len(page.encode()) < 1_000_000
    assert person.address in page
    assert person.password not in page
    assert re.search(r"confirm your address: &lt;strong&gt;&lt;secret:code 6 chars #\w{8}&gt;&lt;/strong&gt;", page)
    assert deployment.stacks.keys() == f.topology.regions.keys()
