"""Whole flows: what a sign-up causes, to its end, and that nothing else happens."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from fixtures.people import People, Person
from harness import Deployment, Flow, Kind, Outbox


def test_settled_registration_ran_each_consumer_once(flow, deployment: Deployment, people: People, outbox: Outbox):
    logical_ids = {
        resource.physical_id: f"{stack.name}.{logical_id}"
        for stack in deployment.stacks.values()
        for logical_id, resource in stack.resources.items()
    }
    with flow() as f:
        person = people.registered()
    f.settle()
    mails = outbox.read(recipient=person.address)
    assert [mail.code is None for mail in mails] == [False, True]
    assert sorted(logical_ids[invocation.begin.name] for invocation in f.find(Kind.INVOCATION)) == [
        "campaigns.RememberRecipientFunction",
        "notifications.WelcomeFunction",
        "users.CustomMessageFunction",
        "users.PostConfirmationFunction",
        "users.PreSignUpFunction",
    ]
    assert not [activity for activity in f.activities if activity.error]


def test_two_flows_at_once_do_not_mix(flow, people: People):
    both_began = Barrier(2)

    def register(name: str) -> tuple[Flow, Person]:
        with flow() as f:
            both_began.wait(timeout=30)
            return f, people.registered(Person(name=name))

    with ThreadPoolExecutor(2) as pool:
        (first, ada), (second, grace) = pool.map(register, ("Ada Lovelace", "Grace Hopper"))
    for one, mine, other in ((first, ada, grace), (second, grace, ada)):
        told = str([activity.data for activity in one.settle().activities])
        assert mine.address in told
        assert other.address not in told
