"""Colours and icons of the services. The colours are those of AWS's own diagrams, by category
(https://aws.amazon.com/architecture/icons/)."""

from harness import aws
from harness.aws import icons

COLOURS = {
    "compute": "#ed7100",
    "integration": "#e7157b",
    "database": "#c925d1",
    "storage": "#7aa116",
    "network": "#8c4fff",
    "security": "#dd344c",
    "outside": "#7d8998",
}


def colour_of(kind: str) -> str:
    """The category, a key of COLOURS."""
    return aws.KINDS[kind].colour if kind in aws.KINDS else "outside"


ICONS = {name: kind.icon for name, kind in aws.KINDS.items() if kind.icon} | {"external": icons.EXTERNAL}
"""Icons of 24 by 24 units, drawn with a line of width 2."""

OTHER_ICON = icons.OTHER
