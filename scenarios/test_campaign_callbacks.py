"""What the mail SaaS calls back with: repeated, late, lost, forged, foreign."""

import json
import secrets
from typing import Any

import pytest

from fixtures.campaigns import AWAITS, Campaigns, new_id, published
from harness import Kind, NewFlow


def _result(answer: dict[str, Any]) -> tuple[int, str]:
    """The status of the webhook's response, and its text in a word."""
    return answer["status"], answer["body"].get("result") or answer["body"].get("title")


def test_repeated_callback_returns_200_and_changes_nothing(flow: NewFlow, campaigns: Campaigns):
    campaign_id, _ = campaigns.waiting()
    with flow() as f:
        first = campaigns.saas.call_back(campaign_id, "done")
    f.settle()
    with flow() as repeated:
        again = campaigns.saas.call_back(campaign_id, "done", event_id=first["event_id"])
    repeated.settle()
    assert [_result(first), _result(again)] == [(200, "taken"), (200, "taken before")]
    assert [event for event, _ in published(f) + published(repeated)] == ["CampaignCompleted"]


def test_two_callbacks_at_once_resume_the_campaign_once(flow: NewFlow, campaigns: Campaigns):
    campaign_id, _ = campaigns.waiting()
    with flow() as f:
        answers = [campaigns.saas.call_back(campaign_id, "done"), campaigns.saas.call_back(campaign_id, "rejected")]
    f.settle()
    assert [_result(answer) for answer in answers] == [(200, "taken"), (410, "Late callback")]
    assert [event for event, _ in published(f)] == ["CampaignCompleted"]


def test_campaign_without_further_callback_fails_with_reason(flow: NewFlow, campaigns: Campaigns):
    campaign_id, f = campaigns.waiting()
    f.settle(hurry=True)
    [(event, told)] = published(f)
    assert (event, told["reason"]) == ("CampaignFailed", "CallbackLost")
    [why] = [finding for finding in f.explain().findings if finding.cause == "caught-and-failed"]
    assert "no heartbeat with its task token arrived within 900 seconds" in str(why)
    assert campaigns.read(campaign_id)["status"] == "failed"
    with flow() as late:
        answer = campaigns.saas.call_back(campaign_id, "done")
    late.settle()
    assert _result(answer) == (410, "Late callback")
    assert published(late) == []
    assert campaigns.read(campaign_id)["status"] == "failed"


def test_lost_callback_is_replaced_by_polling_the_saas(campaigns: Campaigns):
    campaign_id, f = campaigns.waiting()
    campaigns.saas.goes_on(campaign_id, "done")
    f.settle(hurry=True)
    assert [event for event, _ in published(f)] == ["CampaignCompleted"]
    assert campaigns.read(campaign_id)["status"] == "completed"


def test_a_saas_that_says_it_is_alive_is_waited_for(flow: NewFlow, campaigns: Campaigns):
    campaign_id, _ = campaigns.waiting()
    with flow() as f:
        alive = campaigns.saas.call_back(campaign_id)
    f.settle()
    assert _result(alive) == (200, "waiting on")
    assert [call.error for call in f.find(Kind.CALL, name="SendTaskHeartbeat")] == [None]
    with flow() as f:
        assert _result(campaigns.saas.call_back(campaign_id, "done")) == (200, "taken")
    f.settle()
    assert [event for event, _ in published(f)] == ["CampaignCompleted"]


@pytest.mark.parametrize(
    "wrong",
    [{"secret": "guessed"}, {"age_seconds": 3600}, {"age_seconds": -3600}, {"unsigned": True}],
    ids=["forged", "recorded long ago", "from the future", "unsigned"],
)
def test_callback_with_invalid_signature_returns_401(flow: NewFlow, campaigns: Campaigns, wrong: dict[str, Any]):
    campaign_id, _ = campaigns.waiting()
    with flow() as f:
        answer = campaigns.saas.call_back(campaign_id, "done", **wrong)
    f.settle()
    assert _result(answer) == (401, "Invalid signature")
    assert f.find(Kind.CALL, service="stepfunctions") == []
    # It was not used up by that.
    with flow() as f:
        assert _result(campaigns.saas.call_back(campaign_id, "done")) == (200, "taken")
    f.settle()


@pytest.mark.parametrize(
    "body",
    ["", "no JSON", "[]", json.dumps({"event_id": "1", "type": "status", "campaign": "x"}), '{"type": "status"}'],
)
def test_a_callback_that_says_nothing_sensible_is_refused(campaigns: Campaigns, body: str):
    campaign_id, _ = campaigns.waiting()
    assert _result(campaigns.saas.call_back(campaign_id, "done", body=body)) == (400, "Invalid callback")


def test_a_callback_of_another_campaign_is_refused(flow: NewFlow, campaigns: Campaigns):
    campaign_id, _ = campaigns.waiting()
    with flow() as f:
        answers = [
            campaigns.saas.call_back(campaign_id, "done", campaign=new_id()),
            campaigns.saas.call_back(campaign_id, "done", callback_id=secrets.token_urlsafe(24)),
        ]
    f.settle()
    assert [_result(a) for a in answers] == [(403, "Foreign callback"), (404, "Unknown callback")]
    assert f.find(Kind.CALL, service="stepfunctions") == []


def test_a_callback_of_an_earlier_round_does_not_count(flow: NewFlow, campaigns: Campaigns):
    campaign_id, _ = campaigns.waiting()
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "in_progress")
    f.settle(waiting_for=AWAITS, hurry=True)
    with flow() as f:
        answer = campaigns.saas.call_back(campaign_id, "done", webhook=0)
    f.settle()
    assert _result(answer) == (410, "Late callback")
    assert published(f) == []


def test_the_saas_never_sees_a_task_token(campaigns: Campaigns):
    campaign_id, f = campaigns.waiting()
    [token] = [mark for note in f.find(Kind.TRANSITION, name="TaskToken") for mark in note.leaves]
    assert token.rpartition(":")[2] not in json.dumps(campaigns.saas.seen(campaign_id))
