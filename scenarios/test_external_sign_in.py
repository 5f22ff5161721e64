"""Signing in with the account of another provider (OpenID Connect).

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-flow.html
"""

from fixtures.federation import Federation
from fixtures.people import unique_address
from fixtures.services import Api
from harness import NewFlow, Outbox

WELCOME = "(?i)welcome"


def test_external_provider_user_is_welcomed_and_has_a_profile(
    flow: NewFlow, federation: Federation, outbox: Outbox, users_api: Api
):
    claims = federation.provider.claims
    with flow() as f:
        tokens = federation.sign_in()
    f.settle()
    # The provider vouches for the person: no code is mailed, the welcome is all.
    [mail] = outbox.read(recipient=claims["email"])
    assert mail.code is None
    assert claims["name"] in (mail.text or "")
    answer = users_api.get("/users/me", token=tokens.id_token)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["email"], answer.json()["name"]) == (claims["email"], claims["name"])


def test_second_external_sign_in_keeps_profile_and_sends_no_mail(
    flow: NewFlow, federation: Federation, outbox: Outbox, users_api: Api
):
    with flow() as f:
        first, second = federation.sign_in(), federation.sign_in()
    f.settle()
    profiles = [users_api.get("/users/me", token=tokens.id_token).json() for tokens in (first, second)]
    assert profiles[0] == profiles[1]
    assert len(outbox.read(recipient=federation.provider.claims["email"], subject=WELCOME)) == 1


def test_a_member_of_the_providers_own_group_is_no_administrator(federation: Federation, users_api: Api):
    """The pool does not map the provider's groups, so a claim of the provider gives no role."""
    federation.provider.claims |= {"groups": ["admins"], "cognito:groups": ["admins"], "lumen:role": "admin"}
    assert users_api.get("/users", token=federation.sign_in().id_token).status_code == 403


def test_external_sign_in_with_blocked_mail_domain_is_refused(flow: NewFlow, federation: Federation, outbox: Outbox):
    address = unique_address(domain="trashmail.example")
    federation.provider.claims["email"] = address
    with flow() as f:
        told = federation.authorize()
    f.settle()
    assert "code" not in told
    assert "PreSignUp failed with error" in told["error_description"]
    assert outbox.read(recipient=address) == []


def test_id_token_with_another_audience_is_refused(federation: Federation):
    federation.provider.extra = {"aud": "another-application"}
    told = federation.authorize()
    assert "code" not in told
    assert told["error"]
