"""Colours and signs of the services. The colours are those of AWS's own diagrams, by category
(https://aws.amazon.com/architecture/icons/)."""

COLOURS = {
    "compute": "#ed7100",
    "integration": "#e7157b",
    "database": "#c925d1",
    "storage": "#7aa116",
    "network": "#8c4fff",
    "security": "#dd344c",
    "outside": "#7d8998",
}

_KINDS = {
    "alarm": "integration",
    "archive": "storage",
    "bucket": "storage",
    "bus": "integration",
    "cache": "database",
    "custom_resource": "integration",
    "database": "database",
    "delivery_stream": "network",
    "distribution": "network",
    "email_identity": "security",
    "function": "compute",
    "http_api": "network",
    "key": "security",
    "load_balancer": "network",
    "log_group": "integration",
    "queue": "integration",
    "repository": "storage",
    "rest_api": "network",
    "rule": "integration",
    "schedule": "integration",
    "secret": "security",
    "state_machine": "integration",
    "stream": "network",
    "table": "database",
    "topic": "integration",
    "user_pool": "security",
    "websocket_api": "network",
}


def colour_of(kind: str) -> str:
    """The category, a key of COLOURS."""
    return _KINDS.get(kind, "outside")


_API = "M9 7l-5 5 5 5M15 7l5 5-5 5"
_DISC = "M5 7c0-4 14-4 14 0v10c0 4-14 4-14 0zM5 7c0 4 14 4 14 0M5 12c0 4 14 4 14 0"
_GLOBE = "M12 3a9 9 0 100 18 9 9 0 000-18zM3 12h18M12 3c-5 5-5 13 0 18M12 3c5 5 5 13 0 18"
_CLOCK = "M12 3a9 9 0 100 18 9 9 0 000-18zM12 7v5l4 2"

ICONS = {
    "alarm": "M6 17V11a6 6 0 0112 0v6l2 2H4zM10 21h4",
    "archive": "M4 5h16v4H4zM6 9v10h12V9M10 13h4",
    "bucket": "M4 6h16l-2 14H6zM4 6c0-3 16-3 16 0",
    "bus": "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 3v18M4 7.5l16 9M20 7.5l-16 9",
    "cache": "M13 3L5 13h6l-1 8 9-11h-6z",
    "database": _DISC,
    "distribution": _GLOBE,
    "email_identity": "M3 6h18v12H3zM3 7l9 7 9-7",
    "external": _GLOBE,
    "function": "M6 4h3l8 16h3M11 9L5 20",
    "http_api": _API,
    "load_balancer": "M12 4v5M12 9L5 16M12 9v7M12 9l7 7M3 16h4v4H3zM10 16h4v4h-4zM17 16h4v4h-4z",
    "log_group": "M6 3h9l4 4v14H6zM9 11h7M9 15h7",
    "queue": "M3 8h5v8H3zM9.5 8h5v8h-5zM16 8h5v8h-5z",
    "repository": (
        "M8 4v16M8 8a2 2 0 100-4 2 2 0 000 4zM8 20a2 2 0 100-4 2 2 0 000 4z"
        "M17 10a2 2 0 100-4 2 2 0 000 4zM17 10c0 4-9 2-9 6"
    ),
    "rest_api": _API,
    "rule": "M4 5h16l-6 8v6l-4-2v-4z",
    "schedule": _CLOCK,
    "state_machine": "M9 3h6v5H9zM3 16h6v5H3zM15 16h6v5h-6zM12 8v4M6 16v-4h12v4",
    "stream": "M3 8c4-4 5 4 9 0s5 4 9 0M3 13c4-4 5 4 9 0s5 4 9 0M3 18c4-4 5 4 9 0s5 4 9 0",
    "table": _DISC,
    "topic": "M4 10v4h4l8 5V5L8 10zM19 9c2 2 2 4 0 6",
    "user_pool": "M12 4a4 4 0 100 8 4 4 0 000-8zM4 21c0-9 16-9 16 0",
    "websocket_api": "M4 9h13l-4-4M20 15H7l4 4",
}
"""Signs in a field of 24 by 24, drawn with a line of width 2."""

OTHER_ICON = "M5 5h14v14H5z"
