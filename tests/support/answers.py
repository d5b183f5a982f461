"""Answers that have broken templates before."""

_QUOTED = {
    "project_name": 'Ünïted "Orders" & $HOME Söns\' <b> 😀',
    "description": 'It\'s the "best" of <all>: Straße \\ & $PATH co #1 """',
}
# Words that YAML takes for something else.
_YAML = {"owner": "null", "project_name": "yes", "description": "- a: &b *c !d | > % @ `"}

SHORTEST = {"project_slug": "abx", **_QUOTED}
LONGEST = {"project_slug": "a-service-with-a-name-of-forty-letters-x", **_QUOTED}
LAST = {"project_slug": "zz-top", **_YAML}
ORDINARY: dict[str, str] = {}
WITHOUT_EXAMPLE = {"include_example": "false"}

SHAPES = {
    "shortest": SHORTEST,
    "longest": LONGEST,
    "last": LAST,
    "ordinary": ORDINARY,
    "without example": WITHOUT_EXAMPLE,
    "longest without example": LONGEST | WITHOUT_EXAMPLE,
}
