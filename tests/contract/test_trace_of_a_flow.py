"""The page of a flow through the whole architecture, as the engine wrote it down."""

import re

from fixtures.people import People
from harness.report import Trace, trace_flow
from harness.report.page import render

pytest_plugins = ["fixtures.people"]


def test_registration_page_shows_its_path_and_has_no_secret(flow, deployment, people: People):
    with flow() as f:
        person = people.registered()
    f.settle()
    flow = trace_flow(f)
    ways = {(way.source, way.target): way.state for way in flow.ways}
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
    assert flow.outcome == "ok"
    # One is the root of another, or follows it.
    assert all(activity.parent is None or activity.parent < activity.id for activity in flow.activities)
    page = render(Trace((flow,)), [f.topology])
    assert len(page.encode()) < 1_000_000
    assert person.address in page
    assert person.password not in page
    assert re.search(r"confirm your address: &lt;strong&gt;&lt;secret:code 6 chars #\w{8}&gt;&lt;/strong&gt;", page)
    assert deployment.stacks.keys() == f.topology.regions.keys()
