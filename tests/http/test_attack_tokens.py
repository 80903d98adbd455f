"""Texts that pass themselves off as access tokens: each is 401 as a credential and not active, and none is an error."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from tests.http.service import BASE, Service
from tests.http.test_problems import assert_problem
from tests.unit.security.test_access_tokens import parts, segment, signed

Attack = Callable[[dict[str, Any], dict[str, Any], OKPKey], str]
OTHER = OKPKey.generate_key("Ed25519")
PUBLIC = OTHER.as_dict(private=False)


def unsigned(header: dict[str, Any], claims: dict[str, Any], _key: OKPKey) -> str:
    return f"{segment(header | {'alg': 'none'})}.{segment(claims)}."


def with_the_public_key_as_secret(header: dict[str, Any], claims: dict[str, Any], key: OKPKey) -> str:
    message = f"{segment(header | {'alg': 'HS256'})}.{segment(claims)}"
    mac = hmac.digest(key.as_pem(private=False), message.encode(), "sha256")
    return f"{message}.{segment(mac)}"


def with_header(**change: Any) -> Attack:
    return lambda header, claims, key: signed(header | change, claims, key)


def with_claims(**change: Any) -> Attack:
    return lambda header, claims, key: signed(header, claims | change, key)


def without(name: str) -> Attack:
    return lambda header, claims, key: signed(header, {k: v for k, v in claims.items() if k != name}, key)


def by_another_key(**change: Any) -> Attack:
    return lambda header, claims, _key: signed(header | change, claims, OTHER)


ATTACKS: dict[str, Attack] = {
    "alg none": unsigned,
    "public key as secret": with_the_public_key_as_secret,
    "older name of the algorithm": with_header(alg="EdDSA"),
    "kid as a path": with_header(kid="../../../../dev/null"),
    "kid as a statement": with_header(kid="x' UNION SELECT 'a' --"),
    "kid of another key": by_another_key(kid=OTHER.thumbprint()),
    "jwk": by_another_key(jwk=PUBLIC),
    "jku": by_another_key(jku="https://evil.example/jwks.json"),
    "x5u": by_another_key(x5u="https://evil.example/chain.pem"),
    "crit": with_header(crit=["exp"]),
    "id token": with_header(typ="JWT"),
    "other audience": with_claims(aud="https://other.example"),
    "several audiences": with_claims(aud=[BASE, "https://other.example"]),
    "other issuer": with_claims(iss="https://other.example"),
    "expired": with_claims(exp=int(time.time()) - 1),
    "exp beyond all time": with_claims(exp=10**20),
    "exp as text": with_claims(exp="9999999999"),
    "session of nobody": with_claims(sid="019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"),
    "user of another session": with_claims(sub="019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"),
    "rights of its own": lambda header, claims, _key: signed(header, claims | {"scope": "users:write"}, OTHER),
    **{f"without {name}": without(name) for name in ("iss", "aud", "sub", "sid", "iat", "exp", "jti", "client_id")},
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_made_up_token_is_401_and_never_an_error(service: Service, attack: Attack) -> None:
    person, admin = await service.person("viewer"), await service.person("admin")
    own = person.headers["Authorization"].removeprefix("Bearer ")
    key = service.container.security.key_ring().active
    assert (await person.get("/me")).status_code == 200
    token = attack(*parts(own), key)
    refused = await service.client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert_problem(refused, 401, "invalid_token")
    asking = await service.key_of(admin, "tokens:introspect")
    told = await asking.client.post("/api/v1/auth/introspect", data={"token": token}, headers=asking.headers)
    assert (told.status_code, told.json()) == (200, {"active": False})


async def test_what_is_signed_alike_for_us_is_taken(service: Service) -> None:
    """So the attacks fail for what they change, not for how the test signs."""
    person = await service.person("viewer")
    header, claims = parts(person.headers["Authorization"].removeprefix("Bearer "))
    token = signed(header, claims, service.container.security.key_ring().active)
    answer = await service.client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_tokens_of_other_kinds_are_no_access_tokens(service: Service) -> None:
    person = await service.person("viewer")
    kept = hashlib.sha256(person.refresh_token.encode()).hexdigest()
    for text in (person.refresh_token, kept, base64.b64encode(b"admin:admin").decode(), json.dumps(PUBLIC)):
        answer = await service.client.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 401
