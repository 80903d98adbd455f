"""What answers are held to beyond the checks of schemathesis, and where generated data is helped to reach further."""

from itertools import count
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure

from domain.identity.roles import BUILT_IN
from tests.http.fuzzing.subject import PROVIDER, VISITOR
from tests.http.service import BASE, PASSWORD

BEYOND_SCHEMA: Final = {
    "cidr_invalid": "which texts are networks",
    "code_refused": "what an authenticator app shows",
    "cursor_invalid": "that a cursor is one of this list with this filter and sort",
    "email_invalid": "that an address holds after normalization (NFKC)",
    "filter_invalid": "which values go with which field and operator; test_filter_schema holds the grammar to it",
    "idempotency_key_reused": "which keys were used",
    "in_the_past": "what time it is",
    "invalid_grant": "which passwords and tokens are right",
    "link_invalid": "which links were mailed",
    "malformed_json": "numbers beyond 64 bits, and nesting",
    "name": "names of members deep within metadata",
    "oidc_state_invalid": "which sign-ins were begun",
    "out_of_order": "that the last sequence is not before the first one",
    "passkey_refused": "which passkeys there are, and what they signed",
    "password_refused": "which passwords are common, one's own name or not the present one",
    "return_to_not_allowed": "which origins are the service's own",
    "stale_version": "which state there is (RFC 9110 §13.1.1)",
    "subject_repeated": "that each subject is named once",
    "too_deep": "how deep metadata is nested",
    "too_large": "how many bytes metadata takes",
    "unknown_role": "which roles there are",
    "unknown_user": "which users there are",
}
"""Codes with which input may be refused although it fits its schema, and what it is that no schema can say."""

CHECKS: Final = {
    # A failed or missing precondition refuses too, and comes before the content (RFC 9110 §13.2.2, RFC 6585 §3).
    "negative_data_rejection": {
        "expected-statuses": [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, "5xx"]
    },
    # The contract has 428 for a missing If-Match, as RFC 6585 §3 means it.
    "missing_required_header": {"expected-statuses": [400, 401, 403, 406, 415, 422, 428]},
    # Refusals of fitting input are judged by their codes, in `refused_for_a_reason`.
    "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "4xx", "5xx"]},
}

TIMES_TO_COME = st.builds(
    "{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format,
    *(st.integers(*bounds) for bounds in ((2100, 9000), (1, 12), (1, 28), (0, 23), (0, 59), (0, 59))),
    st.sampled_from(["", ".5", ".123456", ".123456789"]),
    st.sampled_from(["Z", "z", "+00:00", "-11:30", "+14:00"]),
)
NETWORKS = st.one_of(st.ip_addresses().map(str), st.ip_addresses(v=4).map("{}/16".format), st.just("2001:db8::/32"))
PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=30).map(
    "a horse, {}".format
)

schemathesis.openapi.format("date-time", TIMES_TO_COME)
schemathesis.openapi.format("cidr", NETWORKS)
schemathesis.openapi.format("password", PASSWORDS)

_numbers = count()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give fitting data what only the service knows, so that requests come further than to its refusal."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "If-Match" in (case.headers or {}):
        case.headers["If-Match"] = "*"
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = f"key-{next(_numbers)}"
    if case.query:
        case.query.pop("cursor", None)
    if "provider" in (case.path_parameters or {}):
        case.path_parameters["provider"] = PROVIDER
        if case.query and {"link", "return_to", "code_challenge"} & case.query.keys():  # they go together
            case.query |= {"return_to": f"{BASE}/back", "code_challenge": "c" * 43}
    if not isinstance(case.body, dict):
        return
    if case.body.get("roles"):
        case.body["roles"] = list(BUILT_IN)[: len(case.body["roles"])]
    if case.body.get("password") and case.operation.path.endswith("/me/reauthentication"):
        case.body = {"password": PASSWORD}
    if "current_password" in case.body:
        case.body |= {"current_password": PASSWORD, "new_password": PASSWORD}
    if case.body.get("grant_type") == "password":
        case.body |= {"username": VISITOR, "password": PASSWORD}
        case.body.pop("passkey", None)  # JSON within a text, of which no schema says so
    if case.body.get("grants"):
        case.body["grants"] = [{"subject": {"type": "everyone"}, "level": "manage"}]


@schemathesis.check
def documented_code(_: Any, response: Any, case: Any) -> None:
    """Each refusal has one of the codes that the document names for its operation and status."""
    code = _problem(response).get("code")
    answers = case.operation.definition.raw["responses"]
    named = answers.get(str(response.status_code), {}).get("content", {}).get("application/problem+json", {})
    if code is not None and response.status_code != 405 and code not in named.get("examples", ()):
        raise _failure(case, "Undocumented code", f"{response.status_code} {code}")


@schemathesis.check
def refused_for_a_reason(_: Any, response: Any, case: Any) -> None:
    """What fits its schema is accepted, or refused for what no schema can say."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code in {400, 406, 412, 413, 415, 422, 428}:
        problem = _problem(response)
        codes = {item["code"] for item in problem.get("errors", ())} or {problem.get("code")}
        if problem.get("code") not in BEYOND_SCHEMA and not codes <= BEYOND_SCHEMA.keys():
            raise _failure(case, "Fitting input refused", f"{response.status_code} {sorted(codes)}")


def _problem(response: Any) -> dict[str, Any]:
    is_problem = response.headers.get("content-type") == ["application/problem+json"]
    return dict(response.json()) if is_problem else {}


def _failure(case: Any, title: str, message: str) -> Failure:
    return Failure(operation=case.operation.label, title=title, message=message)
