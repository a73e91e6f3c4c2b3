"""Write docs/schemas/*.schema.json; with ``--check`` only compare."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from schemas.answers import analysis_schema, flips_schema
from schemas.folders import import_schema, manifest_schema

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"
SCHEMAS = {
    "analysis": analysis_schema,
    "flips": flips_schema,
    "manifest": manifest_schema,
    "import": import_schema,
}


def main(arguments: list[str]) -> int:
    """Write or compare every schema; 1 where one is not what it should be."""
    stale = []
    for name, make in SCHEMAS.items():
        path = FOLDER / f"{name}.schema.json"
        text = json.dumps(make(), indent=1) + "\n"
        if "--check" in arguments:
            stale += [] if path.is_file() and path.read_text() == text else [path.name]
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if stale:
        sys.stderr.write(f"not as the code says: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
