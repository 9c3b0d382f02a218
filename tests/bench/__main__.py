"""``python -m tests.bench [NAME] [--json] [--quick]``."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from tests.bench.figures import Row, as_document, as_text

BENCHES = ("startup", "idle", "log", "shell", "queue", "queue_list", "helper", "upload", "preview")


def main() -> int:
    """Run one bench, or all. Returns 1 when one could not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=BENCHES, help="default: all")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--quick", action="store_true", help="fewer runs, shorter times")
    options = parser.parse_args()
    rows: list[Row] = []
    errors: list[str] = []
    for name in (options.name,) if options.name else BENCHES:
        bench = importlib.import_module(f"tests.bench.{name}")
        try:
            rows += bench.run(options.quick)
        except (RuntimeError, TimeoutError, OSError) as error:
            errors.append(f"{name}: {error}")
    if options.json:
        print(json.dumps({"rows": [as_document(row) for row in rows], "errors": errors}))
    elif rows:
        print(as_text(rows))
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
