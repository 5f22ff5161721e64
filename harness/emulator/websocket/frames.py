"""Holds what comes over a connection to API Gateway's limits, frame by frame.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

from collections.abc import Callable, Iterator
from typing import Any

from wsproto import events

from harness.emulator.websocket.connections import TOO_LARGE, UNSUPPORTED, Closing

MAX_FRAME_BYTES = 32 * 1024
MAX_MESSAGE_BYTES = 128 * 1024


class LimitedProtocol:
    """A wsproto connection whose messages are within the limits: at the first frame that is not, `refuse` is called and
    nothing of that message is passed on.

    rolo passes on whole messages, and does not report their frames.
    """

    def __init__(self, protocol: Any, refuse: Callable[[Closing], object]) -> None:
        self._protocol = protocol
        self._refuse = refuse
        self._frame = self._message = 0
        self._refused = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def events(self) -> Iterator[Any]:
        for event in self._protocol.events():
            if not isinstance(event, events.Message):
                yield event
            elif not self._refused and (closing := self._judge(event)) is not None:
                self._refused = True
                self._refuse(closing)
            elif not self._refused:
                yield event

    def _judge(self, event: Any) -> Closing | None:
        if isinstance(event, events.BytesMessage):
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html
            return Closing(UNSUPPORTED, "Binary messages are not supported", "limit")
        size = len(event.data.encode())
        self._frame += size
        self._message += size
        if self._frame > MAX_FRAME_BYTES or self._message > MAX_MESSAGE_BYTES:
            return Closing(TOO_LARGE, "Message too long", "limit")
        if event.frame_finished:
            self._frame = 0
        if event.message_finished:
            self._message = 0
        return None
