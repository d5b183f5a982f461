"""What the hook that checks the answers goes by. It can't be imported: it is a template until it runs."""

import ast
import keyword
import re
import sys
from typing import Any

from support.baking import ROOT

PRE_GEN = (ROOT / "hooks/pre_gen_project.py").read_text()


def _constants() -> dict[str, Any]:
    found = {}
    for statement in ast.parse(PRE_GEN).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant() | ast.Set() as value):
                found[name] = ast.literal_eval(value)
    return found


_CONSTANTS = _constants()
SLUG: str = _CONSTANTS["SLUG"]
TEXT: str = _CONSTANTS["TEXT"]
OWNER: str = _CONSTANTS["OWNER"]
REGISTRY: str = _CONSTANTS["REGISTRY"]
LENGTH: int = _CONSTANTS["LENGTH"]
REGISTRY_LENGTH: int = _CONSTANTS["REGISTRY_LENGTH"]
TAKEN: set[str] = _CONSTANTS["TAKEN"]
OWN: set[str] = _CONSTANTS["OWN"]
# The slugs that would pass but for what their package would hide. The standard library's are those of this Python.
RESERVED = {
    slug
    for name in TAKEN | OWN | sys.stdlib_module_names | set(keyword.kwlist)
    if re.fullmatch(SLUG, slug := name.replace("_", "-"))
}
