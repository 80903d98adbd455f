"""Step-up: proving anew who one is before something dangerous (RFC 9470)."""

from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from application.identity.reauthentication import ReauthenticationService
from application.identity.second_factors import Shown
from domain.identity.errors import InvalidGrant, SecondFactorRequired, SessionRequired
from domain.shared.actor import Actor
from domain.shared.errors import Invalid, RateLimited, Violation
from entrypoints.http.bodies import JsonBody
from entrypoints.http.documented import problems
from entrypoints.http.provided import provided
from entrypoints.http.representations import json_response
from entrypoints.http.routers import Router
from entrypoints.http.security import signed_in
from entrypoints.http.v1.schemas.reauthentication import ACCESS_TOKEN, PROOF, AccessTokenOut, Proof, access_token_out
from entrypoints.http.v1.schemas.values import shown
from entrypoints.http.v1.tokens import NO_STORE

router = Router("/api/v1/me/reauthentication", tags=["Account"])


@router.post(
    "",
    response_model=AccessTokenOut,
    responses={200: shown(ACCESS_TOKEN), **problems(InvalidGrant, SecondFactorRequired, SessionRequired, RateLimited)},
)
async def reauthenticate(
    actor: Annotated[Actor, signed_in()],
    proof: Annotated[Proof, Depends(JsonBody(Proof, PROOF))],
    service: Annotated[ReauthenticationService, provided("identity.reauthentication")],
) -> Response:
    """Prove anew who one is, with what a sign-in takes.

    The answer is an access token that dangerous actions accept, as `reauthentication_required` asks for. The session
    and its refresh token stay as they are. Wrong proofs count as wrong sign-ins do.
    """
    if proof.password is None and proof.passkey is None:
        raise Invalid(violations=[Violation("/password", "missing", "Send the password or a passkey.")])
    shown_factor = Shown(code=proof.totp, passkey=proof.passkey)
    grant = await service.reauthenticate(actor, password=proof.password, shown=shown_factor)
    return json_response(access_token_out(grant), headers=NO_STORE)
