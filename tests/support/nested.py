# mypy: ignore-errors
# The template's own tools know none of these libraries.
"""Run by an installed service's Python: serves it with the route that budgets are measured by. Argument: its package.

`bare.py` has the same, since FastAPI's included routers cost as much in both.
"""

import importlib
import sys

from fastapi import APIRouter


async def nested(outer_id: int, number: int) -> int:
    return number


def add_nested(app):
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")
    inner.get("/{number}")(nested)
    outer.include_router(inner, prefix="/{outer_id}")
    app.include_router(outer, prefix="/test")
    return app


def main(package):
    def module(name):
        return importlib.import_module(f"{package}.{name}")

    def create_app(settings, state):
        return add_nested(module("app").create_app(settings, state))

    settings = module("runtime.loader").load_settings(module("settings").Settings)
    return module("runtime.serve").serve(settings, create_app)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
