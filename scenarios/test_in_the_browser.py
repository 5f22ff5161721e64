"""A user's actions appear in that user's browsers only, through every micro-service involved."""

from collections.abc import Callable

from fixtures.campaigns import Campaigns
from fixtures.catalog import Owner
from fixtures.people import People
from fixtures.push import Browsers
from fixtures.uploads import Uploader, picture
from harness import NewFlow


def test_processed_picture_is_pushed_to_its_uploader_only(
    flow: NewFlow, browsers: Browsers, people: People, uploader: Callable[[], Uploader]
):
    ada = uploader()
    mine, somebody_elses = browsers.open_with(ada.token), browsers.subscribed(people.registered())
    mine.subscribe("pictures")
    with flow() as f:
        form = ada.upload(picture(size=(320, 200)))
    f.settle()
    [told] = mine.told()
    assert told["type"] == "PictureProcessed"
    assert (told["data"]["picture_id"], told["data"]["user_id"]) == (form.picture_id, ada.user_id)
    assert (told["data"]["width"], told["data"]["height"]) == (320, 200)
    assert ada.look(form)["status"] == "kept"
    assert somebody_elses.told() == []


def test_upload_that_is_no_picture_pushes_rejection_to_uploader(
    flow: NewFlow, browsers: Browsers, uploader: Callable[[], Uploader]
):
    ada = uploader()
    browser = browsers.open_with(ada.token)
    browser.subscribe("pictures")
    with flow() as f:
        form = ada.upload(b"Dear diary, this is no picture.")
    f.settle()
    [told] = browser.told()
    assert told["type"] == "PictureRejected"
    assert (told["data"]["picture_id"], told["data"]["reason"]) == (form.picture_id, "not-a-picture")


def test_album_changes_are_pushed_to_every_subscribed_tab(flow: NewFlow, browsers: Browsers, owner: Owner):
    tabs = [browsers.open_with(owner.token) for _ in range(3)]
    tabs[0].subscribe("albums")
    tabs[1].subscribe()
    tabs[2].subscribe("pictures", "campaigns")
    with flow() as f:
        album = owner.create("Lofoten")
        changed = owner.change(album, "Lofoten, May").json()
        assert owner.delete(changed).status_code == 204
    f.settle(hurry=True)
    for tab in tabs[:2]:
        # Each event is delivered separately: a later one may arrive first, which its revision shows.
        told = sorted(tab.told(), key=lambda event: event["data"]["revision"])
        assert [event["type"] for event in told] == ["AlbumCreated", "AlbumChanged", "AlbumDeleted"]
        assert {event["data"]["album_id"] for event in told} == {album["album_id"]}
        assert [event["data"].get("title") for event in told] == ["Lofoten", "Lofoten, May", None]
    assert tabs[2].told() == []


def test_campaign_sender_receives_completion_in_browser(flow: NewFlow, browsers: Browsers, campaigns: Campaigns):
    browser = browsers.open_with(campaigns.sender.token)
    browser.subscribe("campaigns")
    campaign_id, _ = campaigns.waiting()
    with flow() as f:
        campaigns.saas.call_back(campaign_id, "done")
    f.settle()
    # Other campaigns of the same user may end meanwhile.
    [told] = [event for event in browser.told() if event["data"]["campaign_id"] == campaign_id]
    assert told["type"] == "CampaignCompleted"
