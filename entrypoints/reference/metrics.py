"""The page on metrics."""

from typing import Any

from prometheus_client.metrics import MetricWrapperBase

from adapters.telemetry import audit as _audit
from adapters.telemetry import journal as _journal
from adapters.telemetry import limits as _limits
from adapters.telemetry import operations as _operations
from adapters.telemetry import pools as _pools
from entrypoints.http import metrics as _http

COUNTED_IN = (_audit, _journal, _limits, _operations, _pools, _http)
PREFIX = "fastops_"

HEAD = """# Metrics

`/metrics` tells these in the text format of Prometheus, beside the usual ones of the process. It is open in
development; in production it needs `METRICS_TOKEN` as a bearer token, or a call from the loopback address. Labels
hold no ids and no free text.

| Name | Kind | Labels | What it counts |
|---|---|---|---|
"""

TAIL = """
This page is made from the code by `make docs`.
"""


def page() -> str:
    """The whole page, in Markdown."""
    metrics = sorted(_own(), key=lambda metric: metric._name)
    return HEAD + "".join(_row(metric) for metric in metrics) + TAIL


def _own() -> list[Any]:
    values = [value for module in COUNTED_IN for value in vars(module).values()]
    return [value for value in values if isinstance(value, MetricWrapperBase) and value._name.startswith(PREFIX)]


def _row(metric: Any) -> str:
    name = f"{metric._name}_total" if metric._type == "counter" else metric._name
    labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "–"
    return f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |\n"
