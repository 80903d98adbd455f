"""Nothing is open by accident: every route names its permission or is on the list below. test_rights asks them all."""

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute

from domain.shared.actor import Permission
from entrypoints.http import app as application
from entrypoints.http import discovery, health, pages
from entrypoints.http.conditional import IfMatch
from entrypoints.http.console import account
from entrypoints.http.repeats import RepeatKey
from entrypoints.http.security import Anyone, Caller
from entrypoints.http.v1.routes import ROUTERS
from tests.http.service import Service

PUBLIC = {
    ("POST", "/api/v1/auth/token"),
    ("POST", "/api/v1/auth/revoke"),
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/email-verifications"),
    ("POST", "/api/v1/auth/email-verifications/confirm"),
    ("POST", "/api/v1/auth/password-resets"),
    ("POST", "/api/v1/auth/password-resets/confirm"),
    ("POST", "/api/v1/auth/invitations/accept"),
    ("GET", "/api/v1/auth/oidc"),
    ("GET", "/api/v1/auth/oidc/{provider}/login"),
    ("GET", "/api/v1/auth/oidc/{provider}/callback"),
    ("POST", "/api/v1/auth/passkeys/options"),
    ("POST", "/api/v1/auth/passkeys/verify"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/version"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/assets/{name}"),
    ("GET", "/account/{name}"),
    ("GET", "/evolution"),
    ("GET", "/problems"),
    ("GET", "/problems/{code}"),
}
FOR_ANYBODY_SIGNED_IN = {
    ("GET", "/api/v1/me"),
    ("PATCH", "/api/v1/me"),
    ("PUT", "/api/v1/me/password"),
    ("POST", "/api/v1/me/reauthentication"),
    ("GET", "/api/v1/me/totp"),
    ("POST", "/api/v1/me/totp"),
    ("DELETE", "/api/v1/me/totp"),
    ("POST", "/api/v1/me/recovery-codes"),
    ("GET", "/api/v1/me/identities"),
    ("GET", "/api/v1/me/identities/{identity_id}"),
    ("POST", "/api/v1/me/identities"),
    ("DELETE", "/api/v1/me/identities/{identity_id}"),
    ("GET", "/api/v1/me/passkeys"),
    ("POST", "/api/v1/me/passkeys"),
    ("POST", "/api/v1/me/passkeys/options"),
    ("DELETE", "/api/v1/me/passkeys/{passkey_id}"),
    ("POST", "/api/v1/me/exports"),
    ("GET", "/api/v1/exports/{export_id}"),
    ("GET", "/api/v1/exports/{export_id}/content"),
    ("GET", "/api/v1/me/sessions"),
    ("GET", "/api/v1/me/sessions/{session_id}"),
    ("DELETE", "/api/v1/me/sessions"),
    ("DELETE", "/api/v1/me/sessions/{session_id}"),
}
WITHOUT_REPEATS = {
    "/api/v1/auth/token": "RFC 6749 defines it; a refresh token is spent once",
    "/api/v1/auth/revoke": "RFC 7009 defines it; doing it twice does nothing more",
    "/api/v1/auth/introspect": "changes nothing",
    "/api/v1/search": "changes nothing",
    "/api/v1/me/passkeys/options": "changes nothing",
    "/api/v1/auth/passkeys/options": "changes nothing",
    "/api/v1/auth/passkeys/verify": "its challenge is spent once",
    "/api/v1/users/{user_id}/reset-factors": "doing it twice does nothing more",
    "/api/v1/me/reauthentication": "as sign-in: the proof is looked at each time",
    "/api/v1/auth/register": "a repeat mails again, and its link replaces the one before",
    "/api/v1/auth/email-verifications": "a repeat mails again, and its link replaces the one before",
    "/api/v1/auth/password-resets": "a repeat mails again, and its link replaces the one before",
    "/api/v1/auth/email-verifications/confirm": "a link works once",
    "/api/v1/auth/password-resets/confirm": "a link works once",
    "/api/v1/auth/invitations/accept": "a link works once",
}


def routes() -> Iterator[tuple[str, APIRoute]]:
    alone = (health.router, discovery.router, account.router, pages.router, pages.browsers, application.router)
    for router in (*ROUTERS, *alone):
        for route in router.routes:
            assert isinstance(route, APIRoute), route
            for method in route.methods or ():
                yield method, route


ROUTES = list(routes())
IDS = [f"{method} {route.path}" for method, route in ROUTES]


def gates(route: APIRoute) -> list[Caller | Anyone]:
    calls = [item.call for item in route.dependant.dependencies]
    return [call for call in calls if isinstance(call, (Caller, Anyone))]


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=IDS)
def test_each_route_has_one_gate_and_it_comes_first(method: str, route: APIRoute) -> None:
    first = route.dependant.dependencies[0].call
    assert gates(route) == [first], "declare needs(…), signed_in() or anyone() before everything else"
    if (method, route.path) in PUBLIC:
        assert isinstance(first, Anyone)
    elif (method, route.path) in FOR_ANYBODY_SIGNED_IN:
        assert isinstance(first, Caller)
        assert first.permission is None
    else:
        assert isinstance(first, Caller)
        assert isinstance(first.permission, Permission)


async def test_the_application_has_no_other_routes(service: Service) -> None:
    assert {id(route) for route in service.app.router.routes} == {id(route) for _, route in ROUTES}


def test_the_lists_name_no_route_that_is_gone() -> None:
    there = {(method, route.path) for method, route in ROUTES}
    assert there >= PUBLIC
    assert there >= FOR_ANYBODY_SIGNED_IN
    assert {path for _, path in there} >= WITHOUT_REPEATS.keys()


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=IDS)
def test_repeat_keys_are_read_behind_the_body(method: str, route: APIRoute) -> None:
    kinds = [type(item.call) for item in route.dependant.dependencies]
    names = [kind.__name__ for kind in kinds]
    if RepeatKey in kinds:
        assert method == "POST"
        bodies = [place for place, name in enumerate(names) if name in {"JsonBody", "HandInBody"}]
        assert bodies, "without its body a repeat cannot be told from another request"
        assert max(bodies) < kinds.index(RepeatKey)


POSTS = [route for method, route in ROUTES if method == "POST"]


@pytest.mark.parametrize("route", POSTS, ids=[route.path for route in POSTS])
def test_each_post_is_safe_to_repeat(route: APIRoute) -> None:
    takes_key = any(isinstance(item.call, RepeatKey) for item in route.dependant.dependencies)
    assert takes_key != (route.path in WITHOUT_REPEATS), "declare repeat_key(), or say in WITHOUT_REPEATS why not"


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=IDS)
def test_changes_of_shared_resources_take_if_match(method: str, route: APIRoute) -> None:
    if method in {"PATCH", "DELETE"} and not {"roles", "sessions", "members", "totp", "passkeys"} & set(
        route.path.split("/")[4:]
    ):
        assert any(isinstance(item.call, IfMatch) for item in route.dependant.dependencies)
