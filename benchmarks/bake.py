"""What a bake takes: by cookiecutter's command, of this checkout, beside starting Python with cookiecutter alone.

The best of some runs, since whatever else the machine does only adds. The budget is half a second.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

ROOT = Path(__file__).parents[1]
RUNS = 7


def seconds(command: list[str], home: str) -> float:
    start = perf_counter()
    subprocess.run(command, env={"HOME": home, "PATH": ""}, check=True, capture_output=True)
    return perf_counter() - start


def main() -> None:
    bakes, starts = [], []
    with TemporaryDirectory() as folder:
        for run in range(RUNS):
            output = ["--no-input", "--output-dir", f"{folder}/{run}"]
            bakes.append(seconds([sys.executable, "-m", "cookiecutter", *output, str(ROOT)], folder))
            starts.append(seconds([sys.executable, "-c", "import cookiecutter.main"], folder))
    bake, start = min(bakes), min(starts)
    print(f"a bake         {bake:.2f} s, hooks included")
    print(f"a start alone  {start:.2f} s, of Python with cookiecutter")
    print(f"ratio          {bake / start:.1f}")


if __name__ == "__main__":
    main()
