"""An email campaign through the mail SaaS: accepted, sent, refused, failed, and announced."""

import json
from collections import defaultdict

import pytest

from fixtures.campaigns import AWAITS, Campaigns, new_id, published
from fixtures.people import People, Person
from fixtures.services import Bus, Queues, user_registered
from harness import Deployment, Faults, Kind, NewFlow


def test_campaign_is_mailed_once_and_completes(flow: NewFlow, campaigns: Campaigns):
    readers = sorted([campaigns.reader(name="Ada"), campaigns.reader(name="Grace")])
    campaign_id, _ = campaigns.waiting(*readers)
    assert campaigns.read(campaign_id)["status"] == "started"
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "done")
    f.settle()
    seen = campaigns.saas.seen(campaign_id)
    assert (seen["times_accepted"], [r["id"] for r in seen["content"]["recipients"]]) == (1, readers)
    told = {
        "user_id": campaigns.sender.user_id,
        "campaign_id": campaign_id,
        "title": "Spring sale",
        "delivered": 2,
        "bounced": 0,
    }
    assert published(f) == [("CampaignCompleted", told)]
    assert campaigns.read(campaign_id) == {
        "campaign_id": campaign_id,
        "title": "Spring sale",
        "status": "completed",
        "delivered": 2,
        "bounced": 0,
    }


def test_campaign_waits_through_callbacks_until_done(flow: NewFlow, campaigns: Campaigns):
    campaign_id, _ = campaigns.waiting()
    for status in ("accepted", "in_progress"):
        with flow() as f:
            assert campaigns.saas.call_back(campaign_id, status)["status"] == 200
        f.settle(waiting_for=AWAITS, hurry=True)
        assert published(f) == []
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "done")
    f.settle()
    assert [event for event, _ in published(f)] == ["CampaignCompleted"]
    # Each request gave the SaaS another callback address.
    webhooks = campaigns.saas.seen(campaign_id)["webhooks"]
    assert len(set(webhooks)) == len(webhooks) == 3


def test_a_campaign_that_is_under_way_for_ever_is_given_up(flow: NewFlow, campaigns: Campaigns):
    campaign_id, _ = campaigns.waiting()
    for _round in range(5):
        with flow() as f:
            campaigns.saas.call_back(campaign_id, "in_progress")
        f.settle(waiting_for=AWAITS, hurry=True)
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "in_progress")
    f.settle(hurry=True)
    [(event, told)] = published(f)
    assert (event, told["reason"]) == ("CampaignFailed", "TooManyRounds")


def test_repeated_campaign_request_starts_no_second_campaign(flow: NewFlow, campaigns: Campaigns):
    campaign_id, asked = new_id(), campaigns.asked_for(campaigns.reader())
    with flow() as f:
        assert campaigns.start(campaign_id, asked).status_code == 202
        assert campaigns.start(campaign_id, asked).status_code == 202
    f.settle(waiting_for=AWAITS)
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "done")
    f.settle()
    with flow() as again:
        assert campaigns.start(campaign_id, asked).status_code == 202
    again.settle()
    assert campaigns.saas.seen(campaign_id)["times_accepted"] == 1
    assert published(again) == []
    assert campaigns.read(campaign_id)["status"] == "completed"


def test_another_campaign_under_the_same_id_is_refused(campaigns: Campaigns, people: People):
    reader = campaigns.reader()
    campaign_id, _ = campaigns.waiting(reader)
    answer = campaigns.start(campaign_id, campaigns.asked_for(reader, title="Autumn sale"))
    assert (answer.status_code, answer.json()["title"]) == (409, "Another campaign")
    stranger = people.sign_in(people.registered()).id_token
    assert campaigns.start(campaign_id, campaigns.asked_for(reader), token=stranger).status_code == 409
    assert campaigns.api.get(f"/campaigns/{campaign_id}", token=stranger).status_code == 404


def test_campaign_start_without_token_returns_401(campaigns: Campaigns):
    campaign_id = new_id()
    asked = campaigns.asked_for("anybody")
    assert campaigns.api.request("PUT", f"/campaigns/{campaign_id}", json=asked).status_code == 401
    assert campaigns.api.get(f"/campaigns/{campaign_id}").status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [{"title": ""}, {"text": None}, {"recipients": []}, {"recipients": ["a", "a"]}, {"to": "everybody"}],
    ids=str,
)
def test_a_campaign_that_is_none_is_refused(campaigns: Campaigns, wrong: dict[str, object]):
    campaign_id = new_id()
    answer = campaigns.start(campaign_id, campaigns.asked_for("anybody") | wrong)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid campaign")
    assert campaigns.api.get(f"/campaigns/{campaign_id}", token=campaigns.sender.token).status_code == 404


def test_an_id_that_is_no_uuid_is_refused(campaigns: Campaigns):
    assert campaigns.start("spring-sale", campaigns.asked_for("anybody")).status_code == 400


# ---- who is mailed ---------------------------------------------------------------------------------------------------


def test_sign_up_with_news_wish_receives_campaigns(campaigns: Campaigns, people: People):
    person = Person(name="Dorothy Vaughan", attributes={"custom:news": "true"})
    people.registered(person)
    user = people.cognito.admin_get_user(UserPoolId=people.user_pool_id, Username=person.address)
    user_id = next(a["Value"] for a in user["UserAttributes"] if a["Name"] == "sub")
    campaign_id, _ = campaigns.waiting(user_id)
    [recipient] = campaigns.saas.seen(campaign_id)["content"]["recipients"]
    assert recipient == {"id": user_id, "email": person.address, "name": person.name}


def test_user_without_news_wish_receives_no_campaign(campaigns: Campaigns):
    reader, other = campaigns.reader(), campaigns.reader(wants_news=False)
    campaign_id, _ = campaigns.waiting(reader, other, "nobody-we-know")
    assert [r["id"] for r in campaigns.saas.seen(campaign_id)["content"]["recipients"]] == [reader]


def test_campaign_without_recipients_fails_before_calling_saas(flow: NewFlow, campaigns: Campaigns):
    campaign_id, uninterested = new_id(), campaigns.reader(wants_news=False)
    with flow() as f:
        campaigns.start(campaign_id, campaigns.asked_for(uninterested))
    f.settle()
    [(event, told)] = published(f)
    assert (event, told["reason"]) == ("CampaignFailed", "NobodyToMail")
    assert campaigns.saas.requests(campaign_id) == []
    assert campaigns.read(campaign_id)["status"] == "failed"


def test_an_address_that_bounced_is_not_mailed_again(flow: NewFlow, campaigns: Campaigns):
    reached, unreachable = campaigns.reader(), campaigns.reader()
    campaign_id, _ = campaigns.waiting(reached, unreachable)
    with flow() as f:
        # The SaaS names one unknown recipient: the execution continues, and no recipient is created.
        campaigns.saas.call_back(campaign_id, "done", bounced=[unreachable, "nobody-we-know"])
    f.settle()
    [(event, told)] = published(f)
    assert (event, told["bounced"]) == ("CampaignCompleted", 2)
    second, _ = campaigns.waiting(reached, unreachable, "nobody-we-know")
    assert [r["id"] for r in campaigns.saas.seen(second)["content"]["recipients"]] == [reached]


def test_a_campaign_of_which_every_mail_bounced_has_failed(flow: NewFlow, campaigns: Campaigns):
    unreachable = campaigns.reader()
    campaign_id, _ = campaigns.waiting(unreachable)
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "bounced", bounced=[unreachable])
    f.settle()
    [(event, told)] = published(f)
    assert (event, told["reason"]) == ("CampaignFailed", "EveryMailBounced")
    second = new_id()
    with flow() as again:
        campaigns.start(second, campaigns.asked_for(unreachable))
    again.settle()
    assert [told["reason"] for _, told in published(again)] == ["NobodyToMail"]


# ---- a SaaS that fails -----------------------------------------------------------------------------------------------


def test_a_saas_that_recovers_sends_the_campaign_once(flow: NewFlow, campaigns: Campaigns):
    campaign_id, reader = new_id(), campaigns.reader()
    # There is no second response: the connection breaks.
    campaigns.saas.will(campaign_id, {"status": 500}, {"status": 0})
    with flow() as f:
        campaigns.start(campaign_id, campaigns.asked_for(reader))
    f.settle(waiting_for=AWAITS, hurry=True)
    assert [status for method, status in campaigns.saas.requests(campaign_id) if method == "POST"] == [500, 0, 202]
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "done")
    f.settle()
    assert [event for event, _ in published(f)] == ["CampaignCompleted"]
    assert campaigns.saas.seen(campaign_id)["times_accepted"] == 1


def test_permanent_saas_failure_fails_campaign_with_its_reason(flow: NewFlow, campaigns: Campaigns):
    campaign_id, reader = new_id(), campaigns.reader()
    campaigns.saas.will(campaign_id, *[{"status": 500}] * 9)
    with flow() as f:
        campaigns.start(campaign_id, campaigns.asked_for(reader))
    f.settle(hurry=True)
    # Once, and three times more.
    assert campaigns.saas.requests(campaign_id) == [("POST", 500)] * 4
    [(event, told)] = published(f)
    assert (event, told["reason"]) == ("CampaignFailed", "MailSaasUnavailable")
    assert told["detail"] == "POST /v1/campaigns: the mail SaaS said 500"
    assert campaigns.read(campaign_id)["reason"] == "MailSaasUnavailable"
    [why] = [finding for finding in f.explain().findings if finding.cause == "caught-and-failed"]
    assert "AskFunction raised MailSaasUnavailableError: POST /v1/campaigns: the mail SaaS said 500" in str(why)


def test_throttled_saas_call_is_retried_after_its_retry_after(flow: NewFlow, campaigns: Campaigns):
    campaign_id, reader = new_id(), campaigns.reader()
    campaigns.saas.will(campaign_id, {"status": 429, "retry_after": 1234})
    with flow() as f:
        campaigns.start(campaign_id, campaigns.asked_for(reader))
    f.settle(waiting_for=AWAITS, hurry=True)
    [wait] = [t for t in f.find(Kind.TIMER, service="stepfunctions") if t.data["what"] == "Wait"]
    assert wait.data["when"] - wait.begin.at == pytest.approx(1234, abs=5)
    assert campaigns.saas.seen(campaign_id)["times_accepted"] == 1


def test_campaign_fails_after_four_throttled_saas_calls(flow: NewFlow, campaigns: Campaigns):
    campaign_id, reader = new_id(), campaigns.reader()
    campaigns.saas.will(campaign_id, *[{"status": 429, "retry_after": 60}] * 9)
    with flow() as f:
        campaigns.start(campaign_id, campaigns.asked_for(reader))
    f.settle(hurry=True)
    assert campaigns.saas.requests(campaign_id) == [("POST", 429)] * 4
    assert [told["reason"] for _, told in published(f)] == ["SaasTooBusy"]


def test_campaign_refused_by_the_saas_is_not_sent_again(flow: NewFlow, campaigns: Campaigns):
    campaign_id, reader = new_id(), campaigns.reader()
    campaigns.saas.will(campaign_id, {"status": 422})
    with flow() as f:
        campaigns.start(campaign_id, campaigns.asked_for(reader))
    f.settle(hurry=True)
    assert campaigns.saas.requests(campaign_id) == [("POST", 422)]
    assert [told["reason"] for _, told in published(f)] == ["MailSaasRefused"]


def test_rejected_callback_fails_the_campaign(flow: NewFlow, campaigns: Campaigns):
    campaign_id, _ = campaigns.waiting()
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "rejected")
    f.settle()
    assert [(event, told["reason"]) for event, told in published(f)] == [("CampaignFailed", "RejectedBySaas")]


# ---- the key ---------------------------------------------------------------------------------------------------------


def test_a_rotated_key_is_taken_up_without_a_deployment(
    flow: NewFlow, aws, campaigns: Campaigns, deployment: Deployment
):
    campaign_id, reader = new_id(), campaigns.reader()
    key = campaigns.saas.new_key()
    # For this campaign the keys before are revoked.
    campaigns.saas.will(campaign_id, only_key=key)
    with flow() as f:
        campaigns.start(campaign_id, campaigns.asked_for(reader))
    f.wait_until(lambda seen: [t for t in seen.find(Kind.TIMER) if t.data.get("what") == "retry"])
    secret = deployment["campaigns"].resources["MailSaasSecret"].physical_id
    stored = json.loads(aws("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(stored | {"api_key": key}))
    f.settle(waiting_for=AWAITS, hurry=True)
    requests = campaigns.saas.requests(campaign_id)
    assert requests[0] == ("POST", 401)
    assert campaigns.saas.seen(campaign_id)["times_accepted"] == 1


def test_a_key_that_the_saas_does_not_know_fails_the_campaign(flow: NewFlow, campaigns: Campaigns):
    campaign_id, reader = new_id(), campaigns.reader()
    campaigns.saas.will(campaign_id, only_key="another")
    with flow() as f:
        campaigns.start(campaign_id, campaigns.asked_for(reader))
    f.settle(hurry=True)
    assert [told["reason"] for _, told in published(f)] == ["MailSaasUnauthorized"]


def test_api_key_is_read_once_by_each_environment(campaigns: Campaigns):
    reader = campaigns.reader()
    asked: dict[str, list[int]] = defaultdict(list)
    for _campaign in range(6):
        _, f = campaigns.waiting(reader)
        for invocation in f.find(Kind.INVOCATION):
            if "AskFunction" in invocation.begin.name:
                calls = [c for c in f.find(Kind.CALL, name="GetSecretValue") if c.begin.cause == invocation.id]
                asked[invocation.data["environment"]].append(len(calls))
    assert max(map(len, asked.values())) > 1
    # Once if the function started here, or if the secret that an earlier test cached is older than five minutes. A key
    # that another test rotates meanwhile is fetched after a refusal, and none of these requests was refused.
    assert all(sum(each) <= 1 for each in asked.values()), asked


# ---- the outcome -----------------------------------------------------------------------------------------------------


def test_an_outcome_that_the_bus_does_not_take_is_kept_whole(
    flow: NewFlow, campaigns: Campaigns, faults: Faults, queue: Queues
):
    campaign_id, _ = campaigns.waiting()
    refused = faults.failing(
        "events", "PutEvents", code="AccessDeniedException", when=f"contains(Entries[0].Detail, '{campaign_id}')"
    )
    with refused, flow() as f:
        campaigns.saas.call_back(campaign_id, "done")
        f.settle(hurry=True)
    [kept] = queue("campaigns", "UnannouncedQueue").left_by(f)
    assert kept.body["campaign"]["campaign_id"] == campaign_id
    assert kept.body["told"] == {"status": "done", "delivered": 1, "bounced": []}
    assert published(f) == []


def test_a_registration_that_cannot_be_remembered_is_kept_whole(flow: NewFlow, faults: Faults, queue: Queues, bus: Bus):
    event = user_registered(Person(), wants_news=True)
    refused = faults.failing(
        "dynamodb",
        "PutItem",
        code="AccessDeniedException",
        when=f"contains(TableName, 'RecipientsTable') && Item.user_id.S == '{event['data']['user_id']}'",
    )
    with refused, flow() as f:
        event_id = bus.put("UserRegistered", "lumen.users", event)
        f.settle(hurry=True)
    [dead] = queue("campaigns", "FailedEventsQueue").left_by(f)
    assert (dead.body["id"], dead.body["detail"]) == (event_id, event)
