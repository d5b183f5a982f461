"""What this service is made of. Yours to change: each feature's router is included here."""

from fastapi import FastAPI

from .items.routes import router as items_router
from .runtime.application import new_application
from .runtime.state import State
from .settings import Settings


def create_app(settings: Settings, state: State | None = None) -> FastAPI:
    app = new_application(settings, state)
    app.include_router(items_router, prefix="/v1")
    return app
