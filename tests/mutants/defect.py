"""A defect names the one check that is meant to find it, and what that check then says."""

from dataclasses import dataclass

from support.baking import TEMPLATE

T = TEMPLATE.name
CHART = f"{T}/charts/{{{{cookiecutter.project_slug}}}}"
PACKAGE = f"{T}/src/{{{{cookiecutter.__package}}}}"
SERVICE = "service: "
"""Begins the name of a check of the service's own."""


@dataclass(frozen=True)
class Defect:
    name: str
    file: str
    """In this checkout; a service is baked of it where the check is a service's own."""
    find: str
    """A regular expression, whose first match is replaced; a file of which nothing is left is taken away."""
    put: str
    check: str
    says: str
    """A regular expression for what the check says, so that it fails for this reason and for no other."""
