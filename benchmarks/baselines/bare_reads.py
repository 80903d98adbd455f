"""The practical limit of an authenticated read: Starlette, asyncpg, orjson and the check of a token, nothing else.

    python -m benchmarks.baselines.bare_reads PORT DATABASE_URL PUBLIC_KEY_JSON [--cache]

Answers `GET /api/v1/me` with the row and the roles of the token's user, and `GET /api/v1/users` with those of the
newest 100 users, by one statement each.
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

USERS = """
SELECT id, name, email, email_verified, kind, status, created_at, updated_at, version,
       ARRAY(SELECT role FROM user_roles WHERE user_id = users.id ORDER BY role) AS roles
FROM users
"""
USER = f"{USERS} WHERE id = $1"
NEWEST = f"{USERS} ORDER BY created_at DESC, id DESC LIMIT 100"


def app(url: str, key: OKPKey, *, cache: bool) -> Starlette:
    remembered: dict[str, UUID] = {}

    def subject(token: str) -> UUID:
        if token in remembered:
            return remembered[token]
        found = UUID(jwt.decode(token, key, algorithms=["Ed25519"]).claims["sub"])
        if cache:
            remembered[token] = found
        return found

    def caller(request: Request) -> UUID:
        return subject(request.headers["authorization"].removeprefix("Bearer "))

    async def me(request: Request) -> Response:
        user_id = caller(request)
        async with request.app.state.pool.acquire() as connection:
            row = await connection.fetchrow(USER, user_id)
        return Response(orjson.dumps(dict(row), default=str), media_type="application/json")

    async def users(request: Request) -> Response:
        caller(request)
        async with request.app.state.pool.acquire() as connection:
            rows = await connection.fetch(NEWEST)
        content = {"items": [dict(row) for row in rows], "next_cursor": None}
        return Response(orjson.dumps(content, default=str), media_type="application/json")

    @asynccontextmanager
    async def lifespan(running: Any) -> Any:
        async with asyncpg.create_pool(url, min_size=16, max_size=16) as pool:
            running.state.pool = pool
            yield

    return Starlette(routes=[Route("/api/v1/me", me), Route("/api/v1/users", users)], lifespan=lifespan)


def main() -> None:
    port, url, key = sys.argv[1:4]
    built = app(url, OKPKey.import_key(orjson.loads(key)), cache="--cache" in sys.argv)
    uvicorn.run(built, port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
