"""From a store URL to a client: one server, servers behind Sentinel, or a cluster."""

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from gateway.core.store_url import parse_store

Client = Redis | RedisCluster
MAX_CONNECTIONS = 256


def connect(url: str, timeout: float = 1.0) -> Client:
    """Return a client; nothing is sent before the first command, and no command is sent twice by itself."""
    address = parse_store(url)
    once = Retry(NoBackoff(), 0)
    if address.scheme == "redis+sentinel":
        sentinel = Sentinel(  # type: ignore[no-untyped-call]
            list(address.nodes), sentinel_kwargs={"socket_timeout": timeout, "socket_connect_timeout": timeout}
        )
        primary: Redis = sentinel.master_for(
            address.service,
            username=address.user,
            password=address.password,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=once,
            max_connections=MAX_CONNECTIONS,
        )
        return primary
    if address.scheme == "redis+cluster":
        return RedisCluster(
            startup_nodes=[ClusterNode(host, port) for host, port in address.nodes],
            username=address.user,
            password=address.password,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            max_connections=MAX_CONNECTIONS,
        )
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=0,
        retry=once,
        max_connections=MAX_CONNECTIONS,
    )


async def close_client(client: Client) -> None:
    """Close the client's connections, those to the sentinels included."""
    if isinstance(client, Redis) and isinstance(client.connection_pool, SentinelConnectionPool):
        for sentinel in client.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()
    await client.aclose()
