"""`python -m harness.emulator.patch_audit --accept`: accepts the installed code as what the patches were read against.

--accept     writes `register.json` and the page in the documentation
--check      says what differs between the register and what the patches are and read; exit code 1
--installed  the same by the register alone, without loading LocalStack: `harness doctor` asks this, as JSON lines
"""

import argparse
import json
import sys
from pathlib import Path

from harness.emulator.patches.register import FILE, Accepted, installed_differences

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/patches.md"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m harness.emulator.patch_audit")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--accept", action="store_true", help="write the register and its page")
    what.add_argument("--check", action="store_true", help="say what differs from the register")
    what.add_argument(
        "--installed", action="store_true", help="say what of the register differs from what is installed"
    )
    given = parser.parse_args(arguments)
    if given.installed:
        for difference in installed_differences(Accepted.read()):
            print(json.dumps(difference.to_json()))
        return 0
    from harness.emulator.patch_audit import collection
    from harness.emulator.patches import page

    content = collection.collect()
    if given.accept:
        FILE.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page.render(content))
        print(f"{len(content['patches'])} patches of {', '.join(content['packages'].values())}")
        return 0
    wrong = [
        *collection.differences(content, json.loads(FILE.read_text())),
        *(f"{attribute} is a function of ours, and no patch put it there" for attribute in collection.unrecorded()),
        *(f"{method} is overridden without overrides()" for method in collection.undeclared_subclasses()),
    ]
    print("\n".join(wrong) or "The register is up to date.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
