"""Keys of pictures in the bucket of uploads: `<place>/<visibility>/<user id>/<picture id>`.

Browsers upload to `incoming/`, and nothing there is ever shown; `pictures/` and `thumbnails/` hold checked pictures.
Each place has separate notifications, so an object that one function writes invokes no function twice.
"""

import re
from dataclasses import dataclass
from typing import Self

CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
VISIBILITIES = ("private", "public")

INCOMING = "incoming"
PICTURES = "pictures"
THUMBNAILS = "thumbnails"

_KEY = re.compile(
    rf"(?:{INCOMING}|{PICTURES}|{THUMBNAILS})/(?P<visibility>{'|'.join(VISIBILITIES)})"
    r"/(?P<user_id>[^/]{1,128})/(?P<picture_id>[^/]{1,128})"
)


@dataclass(frozen=True, slots=True)
class PictureKey:
    """One picture, wherever in the bucket its objects are."""

    visibility: str
    user_id: str
    picture_id: str

    @classmethod
    def of(cls, key: str) -> Self:
        """The picture of an object's key, not URL-encoded. Raises ValueError if the key is not that of a picture."""
        parts = _KEY.fullmatch(key)
        if parts is None:
            raise ValueError(f"{key!r} is the key of no picture: <place>/<visibility>/<user id>/<picture id>")
        return cls(**parts.groupdict())

    @property
    def incoming(self) -> str:
        return self._in(INCOMING)

    @property
    def picture(self) -> str:
        return self._in(PICTURES)

    @property
    def thumbnail(self) -> str:
        return self._in(THUMBNAILS)

    def _in(self, place: str) -> str:
        return f"{place}/{self.visibility}/{self.user_id}/{self.picture_id}"
