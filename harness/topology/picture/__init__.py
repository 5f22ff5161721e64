"""The topology as a picture (`svg`, `mermaid`) and as data (`as_json`). No network, no external program.

The layout is our own: networkx has none with layers that avoids crossings, and `grandalf`, the one in Python that does,
is under the GPL or the EPL.
"""

from harness.topology.picture.data import as_json
from harness.topology.picture.mermaid import mermaid
from harness.topology.picture.svg import svg

__all__ = ["as_json", "mermaid", "svg"]
