from fakes.servers import ring, whole_ring
from fakes.valkey import redis_server, redis_url

__all__ = ["redis_server", "redis_url", "ring", "whole_ring"]
