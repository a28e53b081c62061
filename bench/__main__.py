"""`python -m bench`: Backstride beside a bare script, in one run, over the same radio and broker."""

from __future__ import annotations

import sys

from bench.run import main

if __name__ == "__main__":
    sys.exit(main())
