"""The topology as a diagram (`svg`, `mermaid`) and as data (`as_json`). No network, no external program.

The layout is our own: networkx has no layered layout that avoids crossings, and `grandalf`, the Python library that has
one, is under the GPL or the EPL.
"""

from harness.topology.picture.data import as_json
from harness.topology.picture.mermaid import mermaid
from harness.topology.picture.svg import svg

__all__ = ["as_json", "mermaid", "svg"]
