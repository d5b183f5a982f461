"""What a service costs beside bare FastAPI, and whether it stays within its budgets. Argument: an installed service."""

import sys
import tempfile
from pathlib import Path

from support.budgets import BUDGETS, costs
from support.process import Service


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(sys.argv[1]).resolve(), {"DATABASE_URL": f"sqlite:///{folder}/service.db"})
        service.run("migrate")
        found = costs(service)
    missed = 0
    print(f"{'':48} {'bare':>9} {'service':>9} {'ratio':>6} {'budget':>7}")
    for budget in BUDGETS:
        bare, ours = found["bare"].of(budget.what), found[budget.variant].of(budget.what)
        over = ours / bare > budget.most
        missed += over
        numbers = f"{bare:9.3g} {ours:9.3g} {ours / bare:6.2f} {budget.most:7.2f}"
        print(f"{budget.what:48} {numbers}{'  MISSED' if over else ''}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
