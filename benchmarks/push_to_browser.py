"""From an uploaded picture, a change of an album and a domain event to the frame in its person's browser; ping to pong. Warm.

    .venv/bin/python benchmarks/push_to_browser.py [samples]

Uses the engine that `harness up` started.
"""

import json
import sys
import uuid
from pathlib import Path
from time import perf_counter

import httpx
from measure import Figure, show

# The scenarios' own clients.
sys.path.insert(0, str(Path(__file__).parents[1]))
from fixtures.catalog import Owner
from fixtures.people import People, Person
from fixtures.push import Browser, Browsers, happening
from fixtures.services import Api, Bus
from fixtures.uploads import Uploader, picture
from harness import Project, WebSocket

WARM_UP = 5


def pushed(bus: Bus, browser: Browser, event_type: str) -> float:
    """Milliseconds from one event to the browser."""
    event = happening(event_type, browser.user_id)
    start = perf_counter()
    bus.put(event.type, event.source, event.detail)
    told = browser.next_event()
    took = (perf_counter() - start) * 1000
    assert told == event.shown
    return took


def uploaded(uploader: Uploader, browser: Browser) -> float:
    """From the response to the upload to the message in the browser."""
    form, content = uploader.form(), picture(size=(640, 480))
    assert uploader.send(form, content).status_code == 201
    start = perf_counter()
    told = browser.next_event()
    took = (perf_counter() - start) * 1000
    assert (told["type"], told["data"]["picture_id"]) == ("PictureProcessed", form.picture_id)
    return took


def created(owner: Owner, browser: Browser) -> float:
    """From the response to the request that creates an album to the message in the browser."""
    album = owner.create("Lofoten")
    start = perf_counter()
    told = browser.next_event()
    took = (perf_counter() - start) * 1000
    assert (told["type"], told["data"]["album_id"]) == ("AlbumCreated", album["album_id"])
    return took


def pinged(browser: Browser) -> float:
    start = perf_counter()
    assert browser.ask(json.dumps({"action": "ping"})) == {"type": "pong"}
    return (perf_counter() - start) * 1000


def main(samples: int) -> None:
    project = Project.load()
    target = project.engine.find()
    if target is None:
        sys.exit("Nothing is running. 'harness up' starts it.")
    deployment = project.describe(target)
    outputs = deployment["users"].outputs
    people = People(target, target.client("cognito-idp"), outputs["UserPoolId"], outputs["UserPoolClientId"])
    bus = Bus(target.client("events"), deployment["platform"].resources["EventBus"].physical_id)
    url = target.websocket_url(deployment["push"].resources["Api"].physical_id, "v1")
    person = people.registered(Person(address=f"benchmark-{uuid.uuid4().hex[:12]}@people.example"))
    token = people.sign_in(person).id_token
    browser = Browsers(url, people, WebSocket.open).open_with(token)
    browser.subscribe()
    http = httpx.Client(trust_env=False)

    def api(stack: str) -> Api:
        return Api(http, target.rest_api_url(deployment[stack].resources["Api"].physical_id, "v1"))

    uploader = Uploader(api("uploads"), token, browser.user_id)
    owner = Owner(api("catalog"), browser.user_id, token)
    try:
        figures = {
            "upload answered to the frame": lambda: uploaded(uploader, browser),
            "album write answered to the frame": lambda: created(owner, browser),
            "PictureProcessed on the bus to the frame": lambda: pushed(bus, browser, "PictureProcessed"),
            "AlbumChanged on the bus to the frame": lambda: pushed(bus, browser, "AlbumChanged"),
            "ping to pong": lambda: pinged(browser),
        }
        aims = {"ping to pong": "aim < 25 (median)"}
        measured = []
        for name, sample in figures.items():
            for _ in range(WARM_UP):
                sample()
            measured.append(Figure(name, [sample() for _ in range(samples)], "ms", aims.get(name, "")))
        show(measured)
    finally:
        browser.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
