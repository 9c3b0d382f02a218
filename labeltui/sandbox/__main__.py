"""``python -m labeltui.sandbox``: run one pod until stdin closes."""

from __future__ import annotations

import sys

from labeltui.sandbox.pod import main

if __name__ == "__main__":
    sys.exit(main())
