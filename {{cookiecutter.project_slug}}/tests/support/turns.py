# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Who gets the only connection of a pool, when two wait and one comes as it is given back."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine


async def order_of_service(engine: AsyncEngine) -> list[str]:
    served: list[str] = []

    async def ask(name: str) -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            served.append(name)

    holding = await engine.connect()
    waiting = []
    for name in ("first", "second"):
        waiting.append(asyncio.create_task(ask(name)))
        # Until it waits for the pool: nothing else on its way there can suspend it, but Python 3.11's wait_for.
        for _ in range(3):
            await asyncio.sleep(0)
    await holding.close()
    await ask("newcomer")
    await asyncio.gather(*waiting)
    return served
