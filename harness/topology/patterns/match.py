"""Whether a pattern takes an event, and, where it does not, which field it refused and why."""

from dataclasses import dataclass

from harness.topology.document import Location


@dataclass(frozen=True, slots=True)
class Refusal:
    """One field that a pattern refused."""

    path: tuple[str, ...]
    """The keys that lead to the field in the event. Empty where the event as a whole is refused."""
    wanted: str
    """What the pattern accepts, in words: "'a' or a number > 5"."""
    found: str
    """What the event has there, in words: "'b'", or "nothing"."""
    sentence: str
    location: Location = ()
    """Where in the pattern it is asked for, as keys and indexes."""

    @property
    def field(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Match:
    """The answer: true where the pattern takes the event, else false with at least one refusal."""

    refusals: tuple[Refusal, ...] = ()

    def __bool__(self) -> bool:
        return not self.refusals

    def __str__(self) -> str:
        return " ".join(refusal.sentence for refusal in self.refusals) or "It matches."


MATCHED = Match()
