"""Takes the example out where it was refused, and says what comes next. Creates nothing: a bake works without it."""

import json
import re
import shutil
from pathlib import Path

INCLUDE_EXAMPLE = "{{ cookiecutter.include_example }}" == "True"
# What the example consists of. The service's own `make remove-example` reads it as well.
EXAMPLE = Path("tools/example.json")

if not INCLUDE_EXAMPLE and EXAMPLE.exists():
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    for pattern in example["folders"]:
        for folder in Path().glob(pattern):
            shutil.rmtree(folder)
    for pattern, lines in (example["texts"] | example["texts_where_refused"]).items():
        for path in Path().glob(pattern):
            kept = re.sub(lines, "", path.read_text(encoding="utf-8"), flags=re.M)
            path.write_text(kept, encoding="utf-8", newline="\n")
    # No database has it yet; later it stays.
    Path(example["revision"]).unlink()
    EXAMPLE.unlink()

print("""\
Baked {{ cookiecutter.project_slug }}. Next:
  cd {{ cookiecutter.project_slug }}
  make run    # serves it at http://127.0.0.1:8000
  make test   # proves it""")
