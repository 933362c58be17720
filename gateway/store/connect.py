"""From a store URL to a client: one server, servers behind Sentinel, or a cluster."""

from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.cluster import PRIMARY
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisClusterException, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from gateway.core.store_url import parse_store

Client = Redis | RedisCluster
FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What a client raises when the store does not do as it is told; the cluster's own class is no RedisError."""
MAX_CONNECTIONS = 256
SILENT = MaintNotificationsConfig(enabled=False)
"""No notices of maintenance: where the library listens for them, it hands out connections that the server has ended."""


class _Cluster(RedisCluster):
    """A cluster client that follows a slot to a master which was not there when the client looked last.

    While the cluster changes, the library closes connections that other commands are just opening; those then find
    no stream to write to. That is a lost connection like any other, and is said so.
    """

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Send one command to the master of its key."""
        try:
            return await super().execute_command(*args, **kwargs)
        except AttributeError as error:
            raise ConnectionLost("closed while a command was on its way") from error

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode | None:
        """Return the node; one that a redirection names and nobody knew yet is taken in, as for a finished move."""
        found = super().get_node(host, port, node_name)
        if found is None and node_name is not None:
            named_host, _, named_port = node_name.rpartition(":")
            found = ClusterNode(named_host, int(named_port), PRIMARY, **self.connection_kwargs)
            self.nodes_manager.nodes_cache[found.name] = found
        return found


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
            maint_notifications_config=SILENT,
            max_connections=MAX_CONNECTIONS,
        )
        return primary
    if address.scheme == "redis+cluster":
        return _Cluster(
            startup_nodes=[ClusterNode(host, port) for host, port in address.nodes],
            username=address.user,
            password=address.password,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=once,
            maint_notifications_config=SILENT,
            # Else every fifth redirection closes all connections, those that wait for an answer too.
            reinitialize_steps=0,
            max_connections=MAX_CONNECTIONS,
        )
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=0,
        retry=once,
        maint_notifications_config=SILENT,
        max_connections=MAX_CONNECTIONS,
    )


async def close_client(client: Client) -> None:
    """Close the client's connections, those to the sentinels included."""
    if isinstance(client, Redis) and isinstance(client.connection_pool, SentinelConnectionPool):
        for sentinel in client.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()
    await client.aclose()
