"""Metrics of the audit trail."""

from prometheus_client import Gauge

DIFFERS = Gauge(
    "fastops_audit_trail_differs",
    "1 while the trail does not have the head that was copied out last: it was cut, rewritten or restored; else 0.",
)
