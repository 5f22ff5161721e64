"""Albums: only their owners create, read, list, change and delete them."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from fixtures.catalog import WEB_ORIGIN, Owner
from fixtures.services import Api

Owners = Callable[[], Owner]


def _refused(answer: httpx.Response, status: int) -> None:
    """A refusal of the service's own, in the form of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_created_album_can_be_read_by_its_owner(owner: Owner):
    answer = owner.send("POST", "/albums", {"title": "Dust Bowl", "description": "California, 1936"})
    assert answer.status_code == 201, answer.text
    album = answer.json()
    assert (album["title"], album["description"], album["revision"]) == ("Dust Bowl", "California, 1936", 1)
    assert datetime.fromisoformat(album["created_at"].replace("Z", "+00:00"))
    assert answer.headers["Location"] == f"/v1/albums/{album['album_id']}"
    read = owner.read(album)
    assert (read.status_code, read.json()) == (200, album)
    assert read.headers["ETag"] == answer.headers["ETag"] == '"1"'
    assert read.headers["Cache-Control"] == "no-store"


def test_album_list_without_albums_is_empty(owner: Owner):
    answer = owner.page()
    assert (answer.status_code, answer.json()) == (200, {"albums": [], "next": None})


def test_albums_are_listed_newest_first_to_the_end(owner: Owner):
    made = [owner.create(f"Album {number}") for number in range(7)]
    assert [album["title"] for album in owner.listed(limit=3)] == [album["title"] for album in reversed(made)]
    assert owner.listed(limit=7) == owner.listed(limit=1)


def test_album_pages_stay_complete_while_albums_change(owner: Owner):
    made = [owner.create(f"Album {number}") for number in range(6)]
    first = owner.page(limit="2").json()
    assert [album["title"] for album in first["albums"]] == ["Album 5", "Album 4"]
    # Before the next page is requested, the page's last album is deleted and new albums are created in front.
    assert owner.delete(made[4]).status_code == 204
    owner.create("Newer")
    second = owner.page(limit="2", next=first["next"]).json()
    assert owner.change(made[0], "Album 0, changed").status_code == 200
    owner.create("Newest")
    third = owner.page(limit="2", next=second["next"]).json()
    titles = [album["title"] for page in (second, third) for album in page["albums"]]
    assert titles == ["Album 3", "Album 2", "Album 1", "Album 0, changed"]
    assert third["next"] is None or owner.page(limit="2", next=third["next"]).json()["albums"] == []


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "many"}, {"next": "not-a-page"}, {"next": "ImEi"}]
)
def test_list_with_invalid_page_returns_400(owner: Owner, query: dict[str, str]):
    _refused(owner.page(**query), 400)


def test_page_token_of_another_user_reveals_nothing(owner: Owner, owners: Owners):
    for number in range(3):
        owner.create(f"Secret {number}")
    stranger = owners()
    borrowed = owner.page(limit="1").json()["next"]
    assert stranger.page(next=borrowed).json() == {"albums": [], "next": None}


def test_a_change_makes_the_next_revision(owner: Owner):
    album = owner.create("Dust Bowl")
    answer = owner.change(album, "Migrant Mother")
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["title"], changed["revision"], changed["created_at"]) == ("Migrant Mother", 2, album["created_at"])
    assert answer.headers["ETag"] == '"2"'
    assert owner.read(album).json() == changed
    assert owner.listed() == [changed]


def test_concurrent_changes_of_one_revision_let_one_succeed(owner: Owner):
    album = owner.create("Dust Bowl")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: owner.change(album, f"Title {number}"), range(8)))
    [changed] = [answer for answer in answers if answer.status_code == 200]
    for refused in [answer for answer in answers if answer is not changed]:
        _refused(refused, 412)
        assert refused.headers["ETag"] == '"2"'
    assert owner.read(album).json() == changed.json()


def test_album_change_with_stale_etag_succeeds_after_read(owner: Owner):
    album = owner.create("Dust Bowl")
    owner.change(album, "Theirs")
    late = owner.change(album, "Mine")
    _refused(late, 412)
    assert owner.change(album, "Mine", etag=owner.read(album).headers["ETag"]).json()["revision"] == 3


@pytest.mark.parametrize("etag", ["1", 'W/"1"', '"one"', "*", '"1", "2"'])
def test_album_change_with_invalid_etag_returns_400(owner: Owner, etag: str):
    album = owner.create("Dust Bowl")
    _refused(owner.change(album, "Mine", etag=etag), 400)
    _refused(owner.delete(album, etag=etag), 400)
    assert owner.read(album).json() == album


def test_deleted_album_returns_404(owner: Owner):
    album, kept = owner.create("Dust Bowl"), owner.create("Kept")
    answer = owner.delete(album)
    assert (answer.status_code, answer.content) == (204, b"")
    _refused(owner.read(album), 404)
    _refused(owner.delete(album), 404)
    _refused(owner.change(album, "Back again"), 404)
    assert owner.listed() == [kept]


def test_an_album_that_was_changed_meanwhile_is_not_deleted(owner: Owner):
    album = owner.create("Dust Bowl")
    changed = owner.change(album, "Worth keeping").json()
    _refused(owner.delete(album, etag='"1"'), 412)
    assert owner.read(album).json() == changed
    assert owner.delete(album, etag='"2"').status_code == 204


def test_album_of_another_user_returns_404(owner: Owner, owners: Owners):
    album, stranger = owner.create("Mine"), owners()
    for answer in (stranger.read(album), stranger.change(album, "Yours"), stranger.delete(album)):
        _refused(answer, 404)
        assert "Mine" not in answer.text
    assert stranger.listed() == []
    assert owner.read(album).json() == album


def test_a_request_that_is_repeated_makes_one_album(owner: Owner):
    first, again = (owner.send("POST", "/albums", {"title": "Once"}, Idempotency_Key="k-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = owner.send("POST", "/albums", {"title": "Another"}, Idempotency_Key="k-1")
    _refused(other, 422)
    assert [album["title"] for album in owner.listed()] == ["Once"]


def test_a_request_key_is_its_owners_alone(owner: Owner, owners: Owners):
    for person in (owner, owners()):
        assert person.send("POST", "/albums", {"title": "Ours"}, Idempotency_Key="k-1").status_code == 201
        assert len(person.listed()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": "   "},
        {"title": "x" * 201},
        {"title": 7},
        {"title": None},
        {"title": "x", "description": "x" * 2001},
        {"title": "x", "owner": "somebody"},
        ["title"],
        "title",
    ],
)
def test_an_album_of_the_wrong_shape_is_refused_by_the_gateway(owner: Owner, body: object):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html"""
    answer = owner.send("POST", "/albums", body)
    assert (answer.status_code, answer.json()) == (400, {"message": "Invalid request body"})
    assert owner.listed() == []


def test_without_a_body_or_with_what_is_no_json_nothing_is_made(owner: Owner):
    url, headers = f"{owner.api.base_url}/albums", {"Authorization": owner.token, "Content-Type": "application/json"}
    for content in (b"", b"{"):
        answer = owner.api.http.post(url, headers=headers, content=content)
        assert (answer.status_code, answer.json()) == (400, {"message": "Invalid request body"})
    assert owner.listed() == []


def test_album_change_without_if_match_returns_400(owner: Owner):
    album = owner.create("Dust Bowl")
    answer = owner.send("PUT", f"/albums/{album['album_id']}", {"title": "Mine"})
    assert answer.status_code == 400
    assert answer.json() == {"message": "Missing required request parameters: [If-Match]"}
    assert owner.read(album).json() == album


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/albums"), ("POST", "/albums"), ("GET", "/albums/1"), ("PUT", "/albums/1"), ("DELETE", "/albums/1")],
)
def test_without_a_token_every_route_is_refused(catalog_api: Api, method: str, path: str):
    answer = catalog_api.request(method, path)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_unknown_route_returns_missing_authentication_token(owner: Owner):
    """https://repost.aws/knowledge-center/api-gateway-missing-authentication-token"""
    answer = owner.request("GET", "/pictures")
    assert answer.status_code == 403
    assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_cors_allows_the_web_application_and_no_other_origin(owner: Owner, catalog_api: Api):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-cors.html"""
    asked = catalog_api.http.options(
        f"{catalog_api.base_url}/albums/1",
        headers={
            "Origin": WEB_ORIGIN,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization,content-type,if-match",
        },
    )
    assert asked.status_code == 200, asked.text
    assert asked.headers["Access-Control-Allow-Origin"] == WEB_ORIGIN
    assert "PUT" in asked.headers["Access-Control-Allow-Methods"].split(",")
    allowed = {name.lower() for name in re.split(r",\s*", asked.headers["Access-Control-Allow-Headers"])}
    assert {"authorization", "content-type", "if-match"} <= allowed
    answer = owner.send("POST", "/albums", {"title": "From the web"}, Origin=WEB_ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == WEB_ORIGIN
    exposed = {name.lower() for name in re.split(r",\s*", answer.headers["Access-Control-Expose-Headers"])}
    assert {"etag", "location"} <= exposed
    refused = owner.send("POST", "/albums", {}, Origin=WEB_ORIGIN)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (400, WEB_ORIGIN)
    elsewhere = owner.request("GET", "/albums", Origin="https://elsewhere.example")
    assert elsewhere.headers.get("Access-Control-Allow-Origin") in (None, WEB_ORIGIN)
