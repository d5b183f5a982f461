"""Answers, legal and not, made from what README.md says they may be and from the standards that it points to."""

import keyword
import re
import sys

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from support.hooks import OWN, TAKEN

Answers = dict[str, str]
# The same examples in each run, so that what is found is found again. Told as they are: to look for a smaller one takes
# a bake for each step, and minutes.
STEADY = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)

_LOWER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
_WORD = st.text(_LOWER + _DIGITS, min_size=1, max_size=12)


def _joined(parts: st.SearchStrategy[str], separators: list[str], longest: int) -> st.SearchStrategy[str]:
    """Words with a separator between each two."""
    rest = st.lists(st.tuples(st.sampled_from(separators), parts).map("".join), max_size=6)
    return st.builds(lambda first, rest: first + "".join(rest), parts, rest).filter(lambda text: len(text) <= longest)


def _is_free(slug: str) -> bool:
    package = slug.replace("-", "_")
    return not (keyword.iskeyword(package) or package in sys.stdlib_module_names or package in TAKEN | OWN)


# Printable, on one line, no braces; not even Unicode's own replacements and non-characters.
_CHARACTER = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"), exclude_characters="{}").filter(
    lambda character: not 0xFFF0 <= ord(character) <= 0xFFFF
)
_TEXT = st.text(_CHARACTER, min_size=1, max_size=120).filter(str.strip)
# What TOML, YAML, Markdown, Dockerfiles and shells have a meaning for.
_TRICKY = st.text(st.sampled_from("\"'\\$#:&*!|>%@`<-[](),;=~^ ?/.n0x😀é"), min_size=1, max_size=40).filter(str.strip)
_SLUG = st.builds("".join, st.tuples(st.sampled_from(_LOWER), _joined(_WORD, ["-"], 39))).filter(
    lambda slug: len(slug) >= 3 and _is_free(slug)
)
# The name of an entity in Backstage's catalog.
_OWNER = _joined(st.text(_LOWER + _LOWER.upper() + _DIGITS, min_size=1, max_size=12), ["-", "_", ".", "..", "-_"], 63)
# A host, perhaps with a port, and the repository names of the OCI distribution specification.
_HOST = _joined(_WORD, [".", "-", "--"], 60)
_REGISTRY = st.builds(
    lambda host, port, path: "/".join([host + port, *path]),
    _HOST,
    st.sampled_from(["", ":443", ":5000"]),
    st.lists(_joined(_WORD, [".", "_", "__", "-", "---"], 40), max_size=3),
)
LEGAL_ANSWERS = st.fixed_dictionaries(
    {
        "project_name": _TEXT | _TRICKY,
        "project_slug": _SLUG,
        "description": _TEXT | _TRICKY,
        "owner": _OWNER,
        "image_registry": _REGISTRY,
        "include_example": st.sampled_from(["true", "false"]),
    }
)


def _with_one(text: st.SearchStrategy[str], strange: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A text with something strange in it, which is no Jinja: that would be run before anything can refuse it."""
    parts = st.tuples(st.just("x"), text.map(lambda text: text[:50]), strange, text.map(lambda text: text[:50]))
    return parts.map("".join).filter(lambda text: not re.search(r"\{[{%#]", text))


_CONTROL = st.characters(categories=("Cc", "Zl", "Zp"), exclude_characters="\0")
_STRANGE = _with_one(_TEXT, st.sampled_from("{}\u200b\u202e\ufeff") | _CONTROL) | st.text(
    _CHARACTER, min_size=121, max_size=130
)
WRONG_ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "project_name": _STRANGE,
        # Not with a slash: before any hook runs, cookiecutter makes that folder and the one above it (SECURITY.md).
        "project_slug": _with_one(_SLUG, st.sampled_from(["_", "--", " ", ".", "A", "ä"]))
        | st.text(_LOWER, min_size=41, max_size=60)
        | st.text(_LOWER, max_size=2)
        | st.sampled_from(sorted(sys.stdlib_module_names)),
        "description": _STRANGE,
        "owner": _with_one(_OWNER, st.sampled_from([" ", "/", ":", "é", "@"]))
        | st.text(_LOWER, min_size=64, max_size=80),
        "image_registry": _with_one(_REGISTRY, st.sampled_from(["..", "://", "A", "//", "@", " ", "_-"])),
    },
).filter(bool)
