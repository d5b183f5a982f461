"""Answers that have broken templates before, and the edges of what is refused, each with a word of its remedy."""

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

LEGAL = [
    SHORTEST,
    LONGEST,
    LAST,
    ORDINARY,
    WITHOUT_EXAMPLE,
    LONGEST | WITHOUT_EXAMPLE,
    {
        "project_name": "x" * 120,
        "project_slug": "a1b",
        "description": "x" * 120,
        "owner": "x" * 63,
        "image_registry": "localhost:5000",
    },
    {
        "project_name": '"',
        "project_slug": "a-b-c-d",
        "description": "\\",
        "owner": "Team_7.b-c",
        "image_registry": "registry.example/a/b__c/d-e.f",
    },
    {
        "project_name": "日本のサービス",
        "project_slug": "orders-2",
        "description": "'",
        "owner": "7",
        "image_registry": "xn--bcher-kva.example/" + "a" * 178,
    },
]

_TEXTS = [
    (" ", "is empty"),
    ("x" * 121, "has 121 characters"),
    ("two\nlines", "one line"),
    ("a bell\a", "one line of printable characters"),
    ("Right\u202eleft", "printable"),
    ("a {brace", "without braces"),
    ("a brace}", "without braces"),
    # A byte that isn't UTF-8, as Python takes it from a command line.
    ("a byte \udc80", "printable"),
]
_SLUG, _SERVICE = "3 to 40 lower-case letters", "-service"
WRONG = {
    "project_name": _TEXTS,
    "project_slug": [
        ("ab", _SLUG),
        ("a" * 41, _SLUG),
        ("1abc", _SLUG),
        ("Orders", _SLUG),
        ("a--b", _SLUG),
        ("-orders", _SLUG),
        ("orders-", _SLUG),
        ("or_ders", _SLUG),
        ("ördners", _SLUG),
        ("orders\n", _SLUG),
        ('"""); raise SystemExit(0) #', _SLUG),
        ("redis", _SERVICE),
        ("prometheus-client", _SERVICE),
        ("opentelemetry-sdk", _SERVICE),
        ("class", _SERVICE),
        ("asyncio", _SERVICE),
        ("tests", _SERVICE),
        ("tools", _SERVICE),
        ("conftest", _SERVICE),
    ],
    "description": _TEXTS,
    "owner": [
        ("two words", "catalog"),
        ("", "catalog"),
        ("x" * 64, "catalog"),
        ("-team", "catalog"),
    ],
    "image_registry": [
        ("https://ghcr.io/example", "without scheme"),
        ("ghcr.io/Example", "lower-case"),
        ("ghcr.io/example/", "final slash"),
        ("ghcr.io/example:latest", "tag"),
        ("ghcr.io/a..b", "host and path"),
        ("", "host and path"),
        ("ghcr.io/" + "a" * 193, "has 201 characters"),
    ],
}
