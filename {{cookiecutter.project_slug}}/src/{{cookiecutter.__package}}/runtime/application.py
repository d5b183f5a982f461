# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The application that every service begins with; `app.py` adds the routes."""

from functools import partial

from fastapi import FastAPI
from starlette.middleware import Middleware

from . import service
from .auth.guard import GuardMiddleware, requires
from .config import RuntimeSettings
from .database.retry import RetrySerializationFailures
from .http import openapi, problems
from .http.docs import docs_router
from .http.edge import EdgeMiddleware
from .lifespan import lifespan
from .observability.tracing import build_tracer_provider
from .state import State


def new_application(settings: RuntimeSettings, state: State | None = None) -> FastAPI:
    """Return an application with the runtime's middleware, problems and telemetry, and no route of its own.

    `state` is the server's; without one, as in tests, the application has its own.
    """
    state = state or State()
    provider = build_tracer_provider(settings, settings.otel_service_name or service.NAME, service.VERSION)
    middleware = [Middleware(EdgeMiddleware, settings=settings, state=state), Middleware(RetrySerializationFailures)]
    keys = None
    if settings.auth.issuer is not None and settings.auth.audience is not None:
        # Imported here: they cost some 120 ms and 11 MiB, which a service that lets everybody in need not pay.
        from .auth.keys import Keys
        from .auth.tokens import Verifier

        keys = Keys(settings.auth.issuer)
        verifier = Verifier(keys, settings.auth.issuer, settings.auth.audience)
        middleware.insert(1, Middleware(GuardMiddleware, verify=verifier, docs=settings.docs_enabled))
    app = FastAPI(
        title=service.NAME,
        description=service.DESCRIPTION,
        version=service.VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        # A redirect would name the scheme and host that the proxy sees, not the caller's.
        redirect_slashes=False,
        lifespan=partial(lifespan, settings=settings, state=state, tracer_provider=provider, keys=keys),
        middleware=middleware,
        dependencies=[requires()] if keys else None,
        # The edge traces (observability/tracing.py).
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    problems.install(app)
    openapi.install(app, guarded=keys is not None)
    if settings.docs_enabled:
        app.include_router(docs_router())
    return app
