"""One run of schemathesis over every operation, with all of its checks and ours, and what came out of it.

python -m tests.http.fuzzing.run --examples 200
"""

import argparse
import sys
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from loguru import logger
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.http.fuzzing.expectations import CHECKS
from tests.http.fuzzing.subject import KeeperSignIn, a_subject

SEED = 20260131
PHASES = ("examples", "coverage", "fuzzing", "stateful")
FILTERS = [{"field": "metadata.year", "op": "gte", "value": 2020}, {"not": {"field": "title", "op": "eq", "value": ""}}]


@dataclass
class Findings:
    """Failures by what they have in common, errors of the run, and how often each operation answered how."""

    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    answers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def cases(self) -> int:
        return sum(counter.total() for counter in self.answers.values())

    @property
    def server_errors(self) -> list[tuple[str, int]]:
        return [(label, status) for label, counter in self.answers.items() for status in counter if status >= 500]

    def take_in(self, other: "Findings") -> None:
        self.failures = other.failures | self.failures
        self.errors += other.errors
        for label, counter in other.answers.items():
            self.answers[label] += counter

    def add(self, recorder: Any) -> None:
        for name, interaction in recorder.interactions.items():
            label = recorder.cases[name].value.operation.label
            if interaction.response is None:
                self.errors.append(f"{label}: no answer")
            else:
                self.answers[label][interaction.response.status_code] += 1
        for name, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    self._failed(recorder, name, check)

    def _failed(self, recorder: Any, name: str, check: Any) -> None:
        failure, label = check.failure_info.failure, recorder.cases[name].value.operation.label
        interaction = recorder.interactions.get(name)
        content = interaction.response.content[:600] if interaction and interaction.response else b""
        text = f"{failure.title}: {failure.message[:400]}\n{check.failure_info.code_sample[:1000]}\n{content!r}"
        self.failures.setdefault((label, check.name, failure.title), text)


def fuzz(
    examples: int, phases: Sequence[str] = PHASES, seed: int = SEED, *, known: bool = True, paths: str = ""
) -> Findings:
    """Send what the document of a new service gives rise to; the same seed sends the same.

    With `known` ids and names, values of earlier answers are used again, and requests reach what is there. There are
    fewer of them than of invented ones, so without it an operation gets its full number of examples.
    """
    app = a_subject()
    sources = {"extra-data-sources": {"responses": known}}
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            # U+0000 is no matter of schemas: the contract has it refused as malformed wherever it stands.
            "generation": {"max-examples": examples, "deterministic": True, "allow-x00": False, "database": "none"},
            "phases": {name: {"enabled": name in phases} | (sources if name != "stateful" else {}) for name in PHASES},
            "checks": CHECKS,
            "max-stream-events": 1,
            "continue-on-failure": True,
            "request-timeout": 30,
            "cache": {"enabled": False},
        }
    )
    schema = schemathesis.openapi.from_dict(as_schemathesis_reads_it(app.openapi()), config=config)
    schema.app = app
    schema = schema.include(path_regex=paths) if paths else schema
    schema.auth(refresh_interval=120)(KeeperSignIn)
    findings = Findings()
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # as an error, a warning of the tools would pass for a failure to generate
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                findings.add(event.recorder)
            elif isinstance(event, (events.NonFatalError, events.FatalError)):
                error = getattr(event, "value", None) or getattr(event, "exception", event)
                told = traceback.format_exception(error) if isinstance(error, BaseException) else [str(error)]
                findings.errors.append("".join(told))
    return findings


def as_schemathesis_reads_it(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a few filters in place of their grammar, and with events where it has streams.

    Walking a recursive grammar takes the coverage phase longer than all the rest together, and it has no eye for `if`;
    test_filter_schema holds the grammar to the domain's instead. The schema of a stream is a text in OpenAPI 3.1;
    schemathesis takes it for the one of each event.
    """
    document = deepcopy(document)
    for name in ("SearchIn", "QuestionIn"):
        document["components"]["schemas"][name]["properties"]["filter"] = {"enum": [None, *FILTERS]}
    for item in document["paths"].values():
        for operation in item.values():
            content = operation["responses"].get("200", {}).get("content", {})
            for stream in [content["text/event-stream"]] if "text/event-stream" in content else []:
                stream["schema"] = stream.pop("x-itemSchema")
    return document


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="generated cases per operation")
    parser.add_argument("--phases", nargs="+", default=PHASES, choices=PHASES)
    parser.add_argument("--paths", default="", help="a regular expression; only operations whose path has it")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    logger.remove()
    began = time.monotonic()
    found = fuzz(options.examples, options.phases, options.seed, paths=options.paths)
    if "fuzzing" in options.phases:
        found.take_in(fuzz(options.examples, ["fuzzing"], options.seed, known=False, paths=options.paths))
    for label, counter in found.answers.items():
        print(f"{label}: {', '.join(f'{status} x{number}' for status, number in sorted(counter.items()))}")
    for (label, check, _), text in found.failures.items():
        print(f"\nFAILED {label} ({check})\n{text}")
    for error in found.errors:
        print(f"\nERROR {error}")
    print(
        f"\n{found.cases} requests to {len(found.answers)} operations in {time.monotonic() - began:.0f} s: "
        f"{len(found.failures)} failures, {len(found.errors)} errors, {len(found.server_errors)} answers of 5xx"
    )
    return 1 if found.failures or found.errors or found.server_errors else 0


if __name__ == "__main__":
    sys.exit(main())
