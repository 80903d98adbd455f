"""What is told of shared rate limits: whether this process has to count for itself."""

from loguru import logger
from prometheus_client import Gauge

ALONE = Gauge(
    "fastops_rate_limits_alone",
    "1 while Redis does not answer and this process counts rate limits for itself, else 0.",
)


def tell_alone(alone: bool) -> None:
    """Once when it begins, once when it ends."""
    ALONE.set(alone)
    log = logger.bind(event="rate_limits", setting="REDIS_URL")
    if alone:
        log.warning("Redis does not answer: this process counts rate limits for itself and asks no language model")
    else:
        log.info("Redis answers: rate limits are shared again")
