"""The practical limit of an authenticated read: Starlette, asyncpg, orjson and the check of a token, nothing else.

    python -m benchmarks.baselines.bare_reads PORT DATABASE_URL PUBLIC_KEY_JSON [--cache]

Answers `GET /api/v1/me` with the row and the roles of the token's user, by one statement.
"""

import sys
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvicorn
from joserfc import jwt
from joserfc.jwk import OKPKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

USER = """
SELECT id, name, email, email_verified, kind, status, created_at, updated_at, version,
       ARRAY(SELECT role FROM user_roles WHERE user_id = users.id ORDER BY role) AS roles
FROM users WHERE id = $1
"""


def app(url: str, key: OKPKey, *, cache: bool) -> Starlette:
    remembered: dict[str, UUID] = {}

    def subject(token: str) -> UUID:
        if token in remembered:
            return remembered[token]
        found = UUID(jwt.decode(token, key, algorithms=["Ed25519"]).claims["sub"])
        if cache:
            remembered[token] = found
        return found

    async def me(request: Request) -> Response:
        user_id = subject(request.headers["authorization"].removeprefix("Bearer "))
        async with request.app.state.pool.acquire() as connection:
            row = await connection.fetchrow(USER, user_id)
        return Response(orjson.dumps(dict(row), default=str), media_type="application/json")

    @asynccontextmanager
    async def lifespan(running: Any) -> Any:
        async with asyncpg.create_pool(url, min_size=16, max_size=16) as pool:
            running.state.pool = pool
            yield

    return Starlette(routes=[Route("/api/v1/me", me)], lifespan=lifespan)


def main() -> None:
    port, url, key = sys.argv[1:4]
    built = app(url, OKPKey.import_key(orjson.loads(key)), cache="--cache" in sys.argv)
    uvicorn.run(built, port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
