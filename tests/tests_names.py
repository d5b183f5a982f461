"""Answers that have broken templates before."""

_QUOTED = {
    "project_name": 'Ünïted "Orders" & Söns\' <b>',
    "description": 'It\'s the "best" of <all>: Straße \\ & co #1',
}
AWKWARD = [
    {"project_slug": "abx", **_QUOTED},
    {"project_slug": "a-service-with-a-name-of-forty-letters-x", **_QUOTED},
    {"project_slug": "zz-top", **_QUOTED},
]
