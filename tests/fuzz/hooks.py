"""Loaded by schemathesis."""

from itertools import count
from typing import Any

import schemathesis
from schemathesis.hooks import HookContext

_NUMBERS = count()


@schemathesis.hook
def before_call(context: HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Make each Idempotency-Key a new one, where it is valid.

    One that came before is refused with another body, and answered with what may be deleted since with the same; which
    is what it is for (draft-ietf-httpapi-idempotency-key-header), and what schemathesis would call a failure.
    """
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and 1 <= len(key) <= 255:
        case.headers["Idempotency-Key"] = f"{key[:247]}-{next(_NUMBERS):07}"
