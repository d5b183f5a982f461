# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""`make feature name=orders`: adds a feature, made of the files in tools/feature/, whose `$` marks its names fill in.

`name` is the plural, and `one` the singular where the rules don't find it. Nothing is written unless all of it can be.
"""

import ast
import keyword
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import Template

SKELETON = Path("tools/feature")
TESTS = Path("tests/unit")
VERSIONS = Path("migrations/versions")
LENGTH = 40
"""Characters of a name: with what stands around it, a constraint's name has less than PostgreSQL's 63, a line 120."""
SINGULAR = {"ies": "y", "sses": "ss", "shes": "sh", "ches": "ch", "xes": "x", "s": ""}
"""What a plural's end becomes, the first that fits. What ends in ss, us or is, is taken for no plural."""


def singular(many: str) -> str:
    """Return the singular of a plural, or nothing where the rules don't tell."""
    if not many.endswith(("ss", "us", "is")):
        for ending, instead in SINGULAR.items():
            if many.endswith(ending):
                return many.removesuffix(ending) + instead
    return ""


def words(many: str, one: str, revision: str = "", down_revision: str = "") -> dict[str, str]:
    """Return what each mark of the skeleton stands for."""
    return {
        "many": many,
        "many_in_path": many.replace("_", "-"),
        "many_in_words": many.replace("_", " "),
        "one": one,
        "one_in_path": one.replace("_", "-"),
        "one_in_words": one.replace("_", " "),
        "Class": "".join(word.capitalize() for word in one.split("_")),
        "revision": revision,
        "down_revision": down_revision,
    }


def rendered(filled: dict[str, str]) -> dict[Path, str]:
    """Return the text of each file of the skeleton, by its path there."""
    return {
        path.relative_to(SKELETON).with_suffix(""): Template(path.read_text(encoding="utf-8")).substitute(filled)
        for path in sorted(SKELETON.rglob("*.template"))
    }


def spelling_problems(variable: str, name: str) -> list[str]:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        form = "lower-case letters, digits and single hyphens or underscores, with a letter first, as in order-lines"
        return [f"{variable}={name} can't name it in code: it must be {form}"]
    if not 2 <= len(name) <= LENGTH:
        return [f"{variable}={name} has {len(name)} characters: it must have 2 to {LENGTH}"]
    return []


def identifiers(text: str) -> Iterator[str]:
    """Yield the names that a module gives or uses, in an order that is the same for every feature."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.alias(asname=str(name)) | ast.alias(name=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name


def clashes(many: str, one: str) -> set[str]:
    """Return what would name two things in one file of the feature."""
    mark, found = "neutral", set()
    actual = rendered(words(many, one))
    for path, text in rendered(words(f"{mark}s", mark)).items():
        pairs = list(zip(identifiers(text), identifiers(actual[path]), strict=True))
        fixed = {name for name, _ in pairs if mark not in name.lower()}
        found |= fixed & {name for neutral, name in pairs if mark in neutral.lower()}
    return found


def name_problems(many: str, one: str) -> list[str]:
    """Return what is wrong with the names, whatever the service has."""
    found = spelling_problems("name", many)
    # Of a name that is wrong, so is what is derived.
    if one and not (found and one == singular(many)):
        found += spelling_problems("one", one)
    if found:
        return found
    if not one:
        return [f"name={many} is no plural that the rules know: say the singular as well, as in name=people one=person"]
    other = f"try name=our-{many.replace('_', '-')[: LENGTH - 4].rstrip('-')}"
    if one == many:
        list_of = f"{many[: LENGTH - 5]}-list"
        return [f"name={many} is the singular as well, and code needs both: try name={list_of} one={one}"]
    reserved = {word for word in (many, one, words(many, one)["Class"]) if keyword.iskeyword(word)}
    if reserved:
        return [f"{word} is a word of Python's: {other}" for word in sorted(reserved)]
    return [f"{word} is something else in the code of a feature: {other}" for word in sorted(clashes(many, one))]


class History:
    """The revisions of the schema as their files have them."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}
        self.tables = Counter({"alembic_version": 1})
        """How often each is made, less how often it is dropped."""
        self.problems: list[str] = []
        followed: set[str] = set()
        for path in sorted(VERSIONS.glob("*.py")):
            tree = parsed(path)
            revision, down = str(assigned(tree, "revision")), assigned(tree, "down_revision")
            if revision in self.files:
                self.problems.append(
                    f"{self.files[revision]} and {path} are both revision {revision}: give the later one the next "
                    "number, in its name and in `revision`, and the other's number as its `down_revision`"
                )
            self.files[revision] = path
            followed |= {down} if isinstance(down, str) else set(down or ())
            self._count_tables(tree)
        self.heads = sorted(set(self.files) - followed)
        if len(self.heads) != 1 and not self.problems:
            self.problems.append(
                f"{VERSIONS} has {len(self.heads)} newest revisions ({', '.join(self.heads)}) and must have one: give "
                "one of them the other as its `down_revision`"
            )

    def _count_tables(self, tree: ast.Module) -> None:
        upgrades = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")
        for node in (node for upgrade in upgrades for node in ast.walk(upgrade)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                match node.func.attr, [argument.value for argument in node.args if isinstance(argument, ast.Constant)]:
                    case "create_table", [str(table), *_]:
                        self.tables[table] += 1
                    case "drop_table", [str(table), *_]:
                        self.tables[table] -= 1
                    case "rename_table", [str(old), str(table), *_]:
                        self.tables[old] -= 1
                        self.tables[table] += 1

    def next(self) -> str:
        """Return the next number. migrations/env.py counts in the same way for `make migration`."""
        return f"{max((int(name) for name in self.files if re.fullmatch('[0-9]{4}', name)), default=0) + 1:04}"


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def assigned(tree: ast.Module, name: str) -> str | tuple[str, ...] | None:
    """Return the literal that a module assigns to a name."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id == name:
                literal: str | tuple[str, ...] | None = ast.literal_eval(node.value)
                return literal
    return None


def taken_problems(package: Path, filled: dict[str, str], history: History) -> list[str]:
    """Return what the service has already of what the feature would bring."""
    many, one, path = filled["many"], filled["one"], filled["many_in_path"]
    places = (package / many, package / f"{many}.py", TESTS / many)
    found = [f"{place} is there already: take another name" for place in places if place.exists()]
    if history.tables[one] > 0:
        found.append(f"the schema has a table {one} already: say another one=…, or drop it by a revision")
    for source in sorted(set(package.rglob("*.py")) - set((package / "runtime").rglob("*.py"))):
        for node in ast.walk(parsed(source)):
            match node:
                case ast.keyword(arg="prefix", value=ast.Constant(value=str(address))) if address == f"/{path}":
                    pass
                case ast.Constant(value=str(address)) if re.fullmatch(rf"/v1/{path}(/.*)?", address):
                    pass
                case _:
                    continue
            found.append(f"{source}:{node.lineno} has the path {address} already: take another name")
    return found


def lines_for(many: str, application: str = "app") -> tuple[str, str]:
    """Return the two lines that app.py needs."""
    name = f"{many}_router"
    return f"from .{many}.routes import router as {name}", f'{application}.include_router({name}, prefix="/v1")'


def included(app: str, many: str) -> str | None:
    """Return app.py with the feature's router included, or None where no place for it is surely right."""
    tree, lines = ast.parse(app), app.split("\n")
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1]
    bodies = [node.body for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "create_app"]
    if len(bodies) != 1 or not imports or re.search(rf"\b{many}_router\b", app):
        return None
    (body,) = bodies
    match body[-1]:
        case ast.Return(value=ast.Name(id=application)) as returned:
            place, indent = returned.lineno - 1, lines[returned.lineno - 1][: returned.col_offset]
        case _:
            return None
    if indent.strip():
        return None
    for node in body:
        match node:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="include_router"))):
                place = node.end_lineno if name == application and node.end_lineno else place
    import_line, include_line = lines_for(many, application)
    lines.insert(place, indent + include_line)
    lines.insert(imports[-1].end_lineno or 0, import_line)
    return "\n".join(lines)


def write(new: dict[Path, str], app: Path, composed: str | None) -> None:
    """Write the new files and app.py as `make check` wants them: how they break and sort depends on the names.

    Raises:
        OSError, subprocess.CalledProcessError: a file could not be written, or formatted. All is as it was.
    """
    made: list[Path] = []
    before = app.read_bytes()
    try:
        for path, text in new.items():
            if not path.parent.exists():
                path.parent.mkdir()
                made.append(path.parent)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                made.append(path)
                file.write(text)
        changed = list(new)
        if composed is not None:
            app.write_text(composed, encoding="utf-8", newline="\n")
            changed.append(app)
        for command in (["check", "--select", "I", "--fix"], ["format"]):
            subprocess.run([sys.executable, "-m", "ruff", *command, "--quiet", *map(str, changed)], check=True)
    except (OSError, subprocess.CalledProcessError):
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        app.write_bytes(before)
        raise


def refuse(problems: list[str]) -> int:
    print("Nothing was written:", *problems, sep="\n  - ", file=sys.stderr)
    return 1


def main(name: str = "", one: str = "") -> int:
    many = name.replace("-", "_")
    one = one.replace("-", "_") or singular(many)
    if not many:
        return refuse(["say its name, a plural: make feature name=orders"])
    if problems := name_problems(many, one):
        return refuse(problems)
    (app,) = Path("src").glob("*/app.py")
    history = History()
    filled = words(many, one, history.next(), *history.heads[:1])
    if problems := history.problems + taken_problems(app.parent, filled, history):
        return refuse(problems)

    folders = {Path("package"): app.parent / many, Path("tests"): TESTS / many}
    texts = {}
    for path, text in rendered(filled).items():
        folder = folders.get(path.parent)
        texts[folder / path.name if folder else VERSIONS / f"{filled['revision']}_{many}.py"] = text
    composed = included(app.read_text(encoding="utf-8"), many)
    write(texts, app, composed)
    print(*(f"  new      {path}" for path in texts), sep="\n")
    if composed is not None:
        print(f"  changed  {app}")
    print(f"One of them is called {filled['one_in_words']!r}, the class {filled['Class']}, the table {one}.")
    if composed is None:
        print(f"{app} has no place that is surely right. Add there:", *lines_for(many), sep="\n    ")
    print(f"Next: make migrate, make check, make test; then they are at /v1/{filled['many_in_path']}.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except SyntaxError as error:
        sys.exit(refuse([f"{error.filename}:{error.lineno} is no Python: {error.msg}"]))
    except OSError as error:
        sys.exit(refuse([f"{error.filename}: {error.strerror}"]))
    except subprocess.CalledProcessError:
        sys.exit(refuse(["ruff failed, and says above why"]))
