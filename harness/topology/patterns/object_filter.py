"""The filters of S3's event notifications
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from harness.topology.patterns.match import Match, Refusal


@dataclass(frozen=True)
class ObjectFilter:
    """What one notification configuration requires of an event: one of its types, and the key's prefix and suffix.

    `prefix` and `suffix` are as in the configuration, where special characters are URL-encoded.
    """

    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def match(self, event_name: str, key: str, *, encoded: bool = True) -> Match:
        """Match an event against it. The name is the record's `eventName` ("ObjectCreated:Put", with or without "s3:"); the
        key is the record's, URL-encoded as S3 sends it, or as it was put with `encoded=False`."""
        refusals = []
        name = event_name.removeprefix("s3:")
        if not any(_is_of(name, event) for event in self.events):
            wanted = " or ".join(self.events)
            sentence = f"It is about {wanted}, the event is s3:{name}."
            refusals.append(Refusal(("eventName",), wanted, f"s3:{name}", sentence, ("Events",)))
        plain = unquote_plus(key) if encoded else key
        for kind, configured in (("prefix", self.prefix), ("suffix", self.suffix)):
            text = unquote_plus(configured)
            if plain.startswith(text) if kind == "prefix" else plain.endswith(text):
                continue
            verb = "begin" if kind == "prefix" else "end"
            hint = " (case counts)" if _in_any_case(plain, text, kind) else ""
            hint = hint or (" (keys have no slash in front)" if kind == "prefix" and text.startswith("/") else "")
            sentence = f"The key must {verb} with '{text}', it is '{plain}'{hint}."
            refusals.append(
                Refusal(
                    ("s3", "object", "key"), f"a key that {verb}s with '{text}'", f"'{plain}'", sentence, ("Filter",)
                )
            )
        return Match(tuple(refusals))

    def overlaps(self, other: "ObjectFilter") -> bool:
        """Whether S3 refuses the two in one bucket, because one object could match both ("Configuration is ambiguously
        defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.")
        """
        events = any(
            _is_of(one.removeprefix("s3:"), two) or _is_of(two.removeprefix("s3:"), one)
            for one in self.events
            for two in other.events
        )
        prefixes = self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)
        suffixes = self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix)
        return events and prefixes and suffixes


def filter_rules(rules: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The prefix and the suffix of a configuration's rules (name, value); names are case-insensitive."""
    found = {name.lower(): value for name, value in rules}
    return found.get("prefix", ""), found.get("suffix", "")


def _is_of(name: str, event: str) -> bool:
    """Whether an event has a type: "ObjectCreated:Put" has "s3:ObjectCreated:*"."""
    kind = event.removeprefix("s3:")
    return name.startswith(kind[:-1]) if kind.endswith("*") else name == kind


def _in_any_case(key: str, text: str, kind: str) -> bool:
    key, text = key.lower(), text.lower()
    return key.startswith(text) if kind == "prefix" else key.endswith(text)
