# mypy: ignore-errors
# The template's own tools know none of these libraries.
"""FastAPI with the route of `nested.py` and nothing else, not even an access log: what budgets are ratios to."""

import os

import uvicorn
from fastapi import FastAPI
from nested import add_nested

if __name__ == "__main__":
    uvicorn.run(add_nested(FastAPI()), host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False)
