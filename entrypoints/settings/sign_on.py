"""Single sign-on: the OpenID providers, as one JSON text, because there may be any number and each has a secret."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from entrypoints.settings.areas import Area, setting
from entrypoints.settings.refusals import ProvidersRefused

NAME = r"^[a-z0-9][a-z0-9-]{0,39}$"
SCOPE = r"^[!#-\[\]-~]{1,100}$"


def _domain(text: str) -> str:
    name = text.strip().lower()
    if not re.fullmatch(r"[^\s@/]{1,253}\.[^\s@./]{2,63}", name):
        raise ValueError("no domain")
    return name


Domains = tuple[Annotated[str, AfterValidator(_domain)], ...]
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class ProviderSettings(BaseModel):
    """One OpenID provider."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME)]
    title: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$", max_length=255)]
    client_id: Annotated[str, Field(min_length=1, max_length=500)]
    client_secret: SecretStr | None = None
    scopes: tuple[Annotated[str, Field(pattern=SCOPE)], ...] = ("openid", "email", "profile")
    new_people: Literal["refused", "admitted"] = "refused"
    email_domains: Domains = ()
    linked_domains: Domains = ()
    email_verified: Literal["by_claim", "always"] = "by_claim"
    default_roles: tuple[Role, ...] = ()
    roles_claim: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    roles: Mapping[Annotated[str, Field(min_length=1, max_length=200)], Role] = Field(default_factory=dict)


class SignOnSettings(Area):
    """Sign-in by OpenID providers; the page on single sign-on tells the members."""

    oidc_providers: SecretStr | None = setting(
        None,
        'a JSON list of providers: [{"name": "corp", "issuer": "https://id.example.com", "client_id": "…", '
        '"client_secret": "…"}]',
        "OpenID providers that people may sign in by.",
    )


def providers_of(setting: SecretStr | None) -> tuple[ProviderSettings, ...]:
    """The providers. Raises ProvidersRefused."""
    if setting is None:
        return ()
    try:
        items = json.loads(setting.get_secret_value())
    except ValueError:
        raise ProvidersRefused("is not JSON.") from None
    if not isinstance(items, list):
        raise ProvidersRefused("must be a JSON list.")
    wrong = [flaw for place, item in enumerate(items) for flaw in _flaws(place, item)]
    if wrong:
        members = "a member" if len(wrong) == 1 else "members"
        raise ProvidersRefused(f"has {members} that cannot be used: {'; '.join(wrong)}.")
    providers = tuple(ProviderSettings.model_validate(item) for item in items)
    if len({provider.name for provider in providers}) != len(providers):
        raise ProvidersRefused("must give each provider a name of its own.")
    return providers


def _flaws(place: int, item: Any) -> list[str]:
    """What is wrong with a provider, by member and reason; never what the member holds."""
    try:
        provider = ProviderSettings.model_validate(item)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        return [f"{'/'.join(map(str, (place, *one['loc'])))} {_reason(one['type'])}" for one in problems]
    flaws = [] if "openid" in provider.scopes else [f"{place}/scopes must hold openid"]
    if provider.roles and provider.roles_claim is None:
        flaws.append(f"{place}/roles needs roles_claim")
    return flaws


def _reason(kind: str) -> str:
    return {"missing": "is missing", "extra_forbidden": "is no member of a provider"}.get(kind, "has another form")
