"""The register of changes to foreign code.

Every change to the behaviour of LocalStack, moto or a library below them is made by one of five functions:

- `patched` wraps a foreign function,
- `replaced` replaces a foreign value,
- `entered` puts a value into a foreign table,
- `inserted` puts a handler into a foreign chain,
- `overrides` declares a subclass with other methods than its foreign base.

Each takes the reason (`because`) and the page that backs it (`source`: the upstream issue, or AWS's page that the code
contradicts). `register.json` keeps the digest of the code that was read; `/_harness/ready`, `harness doctor` and the log report
a target that differs now, with the patch and its reason. `make patches` accepts what is
installed, once it has been read, and writes the page `docs/reference/patches.md`.

The package knows no service and imports neither LocalStack nor moto.
"""

from harness.emulator.patches.changing import entered, inserted, overrides, patched, replaced
from harness.emulator.patches.register import REGISTER, Patch, PatchDifference, Register

__all__ = [
    "REGISTER",
    "Patch",
    "PatchDifference",
    "Register",
    "entered",
    "inserted",
    "overrides",
    "patched",
    "replaced",
]
