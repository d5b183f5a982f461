"""Run by an installed service's Python: serves it with routes that are slow, stuck or broken. Argument: its package."""

import asyncio
import importlib
import logging
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

package = sys.argv[1]


def module(name: str) -> Any:
    return importlib.import_module(f"{package}.{name}")


async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


async def block(seconds: float) -> str:
    time.sleep(seconds)  # what must not be done
    return "blocked"


async def busy() -> str:
    await asyncio.sleep(0.05)
    return block_for(0.004)


def block_for(seconds: float) -> str:
    """Use the processor, as real work does."""
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        pass
    return "worked"


async def fail(text: str) -> str:
    raise RuntimeError(text)


async def broken_stream() -> Any:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("after the answer began")

    return importlib.import_module("fastapi").responses.StreamingResponse(chunks())


async def big() -> Any:
    return importlib.import_module("fastapi").Response(b"x" * 50_000_000)


async def echo(request: Any) -> int:
    return len(await request.body())


async def tell(request: Any) -> str:
    """Log a header, which no route should."""
    logging.getLogger("test").error("Told: %s", request.headers.get("x-told", request.headers.get("authorization")))
    return "told"


async def run_sql(request: Any, wanted: str) -> str:
    """Run a statement that fails for its parameter, where the database looks at that, and for its table elsewhere."""
    sql = importlib.import_module("sqlalchemy").text
    async with request.app.state.resources.database.read_session() as session:
        await session.execute(sql("SELECT CAST(:wanted AS integer)"), {"wanted": wanted})
        await session.execute(sql("SELECT 1 FROM no_such_table WHERE name = :wanted"), {"wanted": wanted})
    return "stated"


async def validate(wanted: str) -> str:
    """Meet a model's error where nobody expects one."""
    importlib.import_module("pydantic").TypeAdapter(dict[str, int]).validate_python({"number": wanted})
    return "valid"


async def answer_wrongly(wanted: str) -> Any:
    return wanted


async def log() -> str:
    logging.getLogger("test").error("Lost last")
    return "logged"


async def undocumented() -> Any:
    return importlib.import_module("fastapi").Response(status_code=418)


async def untrue() -> Any:
    return importlib.import_module("fastapi").responses.JSONResponse("no number")


def create_app(settings: Any, state: Any) -> Any:
    if settings.revision == "fails at the start":
        raise RuntimeError(settings.revision)
    app = module("app").create_app(settings, state)
    fastapi = importlib.import_module("fastapi")
    echo.__annotations__["request"] = fastapi.Request
    endpoint: Any
    for endpoint in (block, slow):
        app.get(f"/test/{endpoint.__name__}/{{seconds}}")(endpoint)
    for endpoint in (busy, fail, log):
        app.get(f"/test/{endpoint.__name__}")(endpoint)
    for endpoint in (broken_stream, big):
        app.get(f"/test/{endpoint.__name__}", response_model=None)(endpoint)
    for endpoint in (undocumented, untrue):
        app.get(f"/test/{endpoint.__name__}", response_model=int)(endpoint)
    app.post("/test/echo")(echo)
    for endpoint in (tell, run_sql):
        endpoint.__annotations__["request"] = fastapi.Request
    for endpoint in (tell, run_sql, validate):
        app.get(f"/test/{endpoint.__name__}")(endpoint)
    app.get("/test/answer_wrongly", response_model=int)(answer_wrongly)
    return importlib.import_module("nested").add_nested(app)


if __name__ == "__main__":
    settings = module("runtime.loader").load_settings(module("settings").Settings)
    sys.exit(module("runtime.serve").serve(settings, create_app))
