# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""A POST that may be sent twice: the second one gets the first one's answer, byte by byte."""

import hashlib
from typing import Annotated

import orjson
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from ..auth.guard import Caller
from ..database.idempotency import StoredResponse, claim, find
from ..database.session import WriteSession
from .problems import UnprocessableContent
from .routing import route_template

REUSED = "urn:problem-type:idempotency-key-reused"


class Idempotency:
    """The Idempotency-Key of a request, bound to its route, body and transaction; without a key it does nothing."""

    def __init__(
        self,
        request: Request,
        session: WriteSession,
        caller: Caller,
        key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)] = None,
    ) -> None:
        self._scope = f"{request.method} {route_template(request.scope)}"
        if caller is not None:
            # Nobody gets another's answer, whatever key they guess.
            self._scope += " " + hashlib.sha256(caller.subject.encode()).hexdigest()[:32]
        self._session = session
        self._key = key
        self._claim: StoredResponse | None = None

    async def replay(self, body: BaseModel) -> Response | None:
        """Return the stored answer, if there is one; else claim the key before anything else is written.

        Without the claim, a second request at the same time would meet the first one's data and not its answer.

        Raises:
            UnprocessableContent: the key came before with another body.
        """
        if self._key is None:
            return None
        stored = await find(self._session, self._scope, self._key)
        if stored is None:
            self._claim = StoredResponse(
                scope=self._scope, key=self._key, request_hash=_hash(body), status=0, headers="", body=b""
            )
            await claim(self._session, self._claim)
            return None
        if stored.request_hash != _hash(body):
            raise UnprocessableContent("This Idempotency-Key was used with another body.", type=REUSED)
        return Response(stored.body, stored.status, orjson.loads(stored.headers), "application/json")

    def keep(self, response: Response) -> Response:
        """Store an answer under the key that `replay` has claimed, and return it."""
        if self._claim is not None:
            headers = {name: value for name, value in response.headers.items() if name in ("location", "etag")}
            self._claim.status = response.status_code
            self._claim.headers = orjson.dumps(headers).decode()
            self._claim.body = bytes(response.body)
        return response


def _hash(body: BaseModel) -> str:
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()


IdempotencyKey = Annotated[Idempotency, Depends(Idempotency, scope="function")]
