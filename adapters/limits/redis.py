"""Counts in Redis, shared by all processes: the storage of the library `limits` on connections that give up early.

The only module that needs the extra `redis`.
"""

import time
from typing import Final

from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

KEY_PREFIX: Final = "fastops:limits"
CONNECTIONS_MAX: Final = 16
WAIT_SECONDS: Final = 0.25


class RedisCounts(RedisStorage):
    """Raises StorageError (of `limits`) where Redis fails. Connections are made when they are first needed."""

    def __init__(self, url: str) -> None:
        """Raises ValueError or TypeError for a URL with options that no connection takes."""
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=WAIT_SECONDS,
            socket_timeout=WAIT_SECONDS,
            socket_connect_timeout=WAIT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._pool.make_connection()  # type: ignore[no-untyped-call]
        super().__init__(
            "async+redis://",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=KEY_PREFIX,
            connection_pool=self._pool,  # type: ignore[arg-type]
        )

    def now(self) -> float:
        """Seconds since 1970, by which the library counts in Redis."""
        return time.time()

    async def close(self) -> None:
        await self._pool.aclose()
