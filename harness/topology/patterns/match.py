"""Whether a pattern accepts an event, and if not, which field it refused and why."""

from dataclasses import dataclass

from harness.topology.document import Location


@dataclass(frozen=True, slots=True)
class Refusal:
    """One field that a pattern refused."""

    path: tuple[str, ...]
    """The keys that lead to the field in the event. Empty if the whole event is refused."""
    wanted: str
    """What the pattern accepts, in words: "'a' or a number > 5"."""
    found: str
    """What the event has instead, in words: "'b'", or "nothing"."""
    sentence: str
    location: Location = ()
    """The location of the condition in the pattern, as keys and indexes."""

    @property
    def field(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Match:
    """The result: true if the pattern accepts the event, else false with at least one refusal."""

    refusals: tuple[Refusal, ...] = ()

    def __bool__(self) -> bool:
        return not self.refusals

    def __str__(self) -> str:
        return " ".join(refusal.sentence for refusal in self.refusals) or "It matches."


MATCHED = Match()
