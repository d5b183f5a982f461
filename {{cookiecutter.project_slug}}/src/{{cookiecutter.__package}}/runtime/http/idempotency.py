"""A POST that may be sent twice: the second one gets the first one's answer, byte by byte."""

import hashlib
from typing import Annotated

import orjson
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from ..database.idempotency import StoredResponse, find, store
from ..database.session import WriteSession
from .problems import UnprocessableContent
from .routing import route_template


class Idempotency:
    """The Idempotency-Key of a request, bound to its route, body and transaction; without a key it does nothing."""

    def __init__(
        self,
        request: Request,
        session: WriteSession,
        key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)] = None,
    ) -> None:
        self._scope = f"{request.method} {route_template(request.scope)}"
        self._session = session
        self._key = key

    async def replay(self, body: BaseModel) -> Response | None:
        """Return the stored answer, if there is one.

        Raises:
            UnprocessableContent: the key came before with another body.
        """
        if self._key is None:
            return None
        stored = await find(self._session, self._scope, self._key)
        if stored is None:
            return None
        if stored.request_hash != _hash(body):
            raise UnprocessableContent("This Idempotency-Key was used with another body.")
        return Response(stored.body, stored.status, orjson.loads(stored.headers), "application/json")

    async def keep(self, body: BaseModel, response: Response) -> Response:
        """Store an answer under the key, and return it."""
        if self._key is not None:
            headers = {name: value for name, value in response.headers.items() if name in ("location", "etag")}
            await store(
                self._session,
                StoredResponse(
                    scope=self._scope,
                    key=self._key,
                    request_hash=_hash(body),
                    status=response.status_code,
                    headers=orjson.dumps(headers).decode(),
                    body=bytes(response.body),
                ),
            )
        return response


def _hash(body: BaseModel) -> str:
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()


IdempotencyKey = Annotated[Idempotency, Depends(Idempotency, scope="function")]
