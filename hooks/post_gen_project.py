"""Takes the example out where it was refused, and says what comes next. Creates nothing: a bake works without it."""

import re
import shutil
from pathlib import Path

INCLUDE_EXAMPLE = "{{ cookiecutter.include_example }}" == "True"
PACKAGE = Path("src/{{ cookiecutter.__package }}")

if not INCLUDE_EXAMPLE:
    for folder in (PACKAGE / "items", Path("tests/unit/items")):
        shutil.rmtree(folder, ignore_errors=True)
    Path("migrations/versions/0002_items.py").unlink(missing_ok=True)
    # app.py is written so that it stays formatted without the lines that name the example.
    app = PACKAGE / "app.py"
    lines = app.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not re.search(r"\bitems", line)]
    app.write_text("".join(kept), encoding="utf-8", newline="\n")

print("""\
Baked {{ cookiecutter.project_slug }}. Next:
  cd {{ cookiecutter.project_slug }}
  make run    # serves it at http://127.0.0.1:8000
  make test   # proves it""")
