"""`python -m backstride.cli`: the same as `backstride`."""

import sys

from backstride.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
