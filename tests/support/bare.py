# mypy: ignore-errors
# The template's own tools know none of these libraries.
"""FastAPI with one route and nothing else, not even an access log: what budgets are ratios to."""

import os

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/test/outer/{outer_id}/inner/{number}")
async def nested(outer_id: int, number: int) -> int:
    return number


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False)
