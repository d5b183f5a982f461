"""Where the fuzz tests begin: the same in each run, so that what is found is found again, unless told otherwise."""

import os

SEED = int(os.environ.get("FUZZ_SEED", "1"))
REPEAT = f"Repeat with: make test-fuzz FUZZ_SEED={SEED}"
