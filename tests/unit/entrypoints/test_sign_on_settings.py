"""OIDC_PROVIDERS: what it takes, and what it says of a member that is wrong without showing it."""

import json
from typing import Any

import pytest

from entrypoints.settings.refusals import WrongSettings
from entrypoints.settings.settings import Settings, load_settings

ONE = {"name": "corp", "issuer": "https://id.example.com/", "client_id": "kb", "client_secret": "canary"}


def loaded(*providers: dict[str, Any], **others: Any) -> Settings:
    return load_settings(None, database_url="memory://", oidc_providers=json.dumps(providers), **others)


def test_what_is_left_out_is_strict() -> None:
    (one,) = loaded(ONE).oidc_providers
    assert (one.new_people, one.email_verified, one.linked_domains, one.default_roles) == (
        "refused",
        "by_claim",
        (),
        (),
    )
    assert one.issuer == "https://id.example.com/"
    assert one.scopes == ("openid", "email", "profile")
    assert "canary" not in repr(one)
    assert load_settings(None, database_url="memory://").oidc_providers == ()


def test_domains_have_one_spelling() -> None:
    (one,) = loaded(ONE | {"email_domains": [" Corp.Example "]}).oidc_providers
    assert one.email_domains == ("corp.example",)


def test_providers_reach_child_processes() -> None:
    settings = loaded(ONE)
    assert json.loads(settings.environ()["FASTOPS_OIDC_PROVIDERS"]) == [ONE]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"name": "Canary"}, "0/name"),
        ({"name": "a" * 41}, "0/name"),
        ({"issuer": "canary"}, "0/issuer"),
        ({"issuer": "https://id.example.com/?canary"}, "0/issuer"),
        ({"client_id": ""}, "0/client_id"),
        ({"scopes": ["email"]}, "0/scopes"),
        ({"scopes": ["openid", "two words"]}, "0/scopes/1"),
        ({"new_people": "canary"}, "0/new_people"),
        ({"email_domains": ["canary@corp.example"]}, "0/email_domains/0"),
        ({"linked_domains": ["canary"]}, "0/linked_domains/0"),
        ({"default_roles": ["Canary!"]}, "0/default_roles/0"),
        ({"roles": {"canary": "admin"}}, "0/roles needs roles_claim"),
        ({"roles_claim": "groups", "roles": {"canary": "No Role"}}, "0/roles"),
        ({"canary": 1}, "is no member"),
    ],
)
def test_a_wrong_member_is_named_and_its_value_is_not(members: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongSettings) as stopped:
        loaded(ONE | members)
    (problem,) = stopped.value.problems
    assert problem.name == "OIDC_PROVIDERS"
    assert said in problem.detail
    assert "two words" not in problem.detail


def test_all_wrong_members_are_named_at_once() -> None:
    broken = json.dumps([ONE | {"name": "Canary", "client_id": ""}, ONE | {"scopes": ["email"]}])
    with pytest.raises(WrongSettings) as stopped:
        load_settings(None, database_url="memory://", oidc_providers=broken)
    for member in ("0/name", "0/client_id", "1/scopes must hold openid"):
        assert member in str(stopped.value)
    assert "Canary" not in str(stopped.value)


@pytest.mark.parametrize("text", ["{", "{}", "7", '"corp"', "[7]", "[[]]", json.dumps([ONE, ONE])])
def test_what_is_no_list_of_different_providers_is_refused(text: str) -> None:
    with pytest.raises(WrongSettings, match="OIDC_PROVIDERS") as stopped:
        load_settings(None, database_url="memory://", oidc_providers=text)
    assert "canary" not in str(stopped.value)


def test_an_issuer_in_clear_is_for_the_own_machine_in_development() -> None:
    assert loaded(ONE | {"issuer": "http://127.0.0.1:8080"}).oidc_providers
    for issuer, environment in (("http://id.example.com", "development"), ("http://127.0.0.1:8080", "staging")):
        with pytest.raises(WrongSettings, match="https://"):
            loaded(ONE | {"issuer": issuer}, environment=environment)
