"""The time of this machine."""

from datetime import UTC, datetime

from domain.shared.values import Instant


class SystemClock:
    """The port `Clock`."""

    def now(self) -> Instant:
        return datetime.now(UTC)
