"""The services of identity on any store, with the real makers of hashes and tokens, quick but not weakened in form."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.limits.memory import MemoryCounts
from adapters.limits.sign_in import CountingSignInThrottle, NoSignInThrottle
from adapters.limits.windows import NoRateLimiter
from adapters.security.access_tokens import JoseAccessTokens
from adapters.security.api_key_secrets import ChecksummedApiKeySecrets
from adapters.security.challenges import HmacChallenges
from adapters.security.common_passwords import CommonPasswordRules
from adapters.security.master_key import MasterKey
from adapters.security.one_time_secrets import RandomOneTimeSecrets
from adapters.security.passkeys import WebauthnCeremonies
from adapters.security.passwords import Argon2Passwords
from adapters.security.recovery_codes import RandomRecoveryCodes
from adapters.security.refresh_tokens import HmacRefreshTokens
from adapters.security.sealing import Sealer
from adapters.security.signing_keys import KeyRing, MemorySigningKeys
from adapters.security.totp import PyotpCodes
from application.identity.access import AccessService
from application.identity.account import AccountService
from application.identity.account_mail import AccountMailService
from application.identity.api_keys import ApiKeyService
from application.identity.authentication import AuthenticationService, TokenMakers
from application.identity.confirmations import ConfirmationService
from application.identity.factor_reset import FactorReset
from application.identity.groups import GroupService
from application.identity.letters import Letters
from application.identity.links import Links
from application.identity.mail_requests import ACCOUNT_MAIL, MailRequests
from application.identity.passkey_check import PasskeyCheck
from application.identity.passkeys import PasskeyService
from application.identity.passwords import PasswordKeeper
from application.identity.ports import SignInThrottle
from application.identity.reactions import IdentityReactions
from application.identity.roles import RoleService
from application.identity.second_factors import SecondFactors, Shown
from application.identity.self_service import Registration, SelfService
from application.identity.session_starts import SessionStarts
from application.identity.standing import Standing
from application.identity.totp import TotpService
from application.identity.users import UserService
from application.identity.views import TokenPair
from application.shared.limits import RateLimiter
from domain.identity.password_policy import PasswordPolicy
from domain.identity.users import User
from domain.shared.actor import Actor, Origin
from tests.factories import PasswordFactory, UserFactory
from tests.fakes import Mailbox
from tests.stores import Store

MASTER = MasterKey(bytes(range(32)))
ISSUER = "https://kb.example.com"
PASSWORD = "a horse that reads quietly"
ORIGIN = Origin(request_id="r-1", client_address="192.0.2.1")
SECRETS = ChecksummedApiKeySecrets()
TOTP_CODES = PyotpCodes(Sealer(MASTER.derive("totp")), "FastOps")
RECOVERY_TEXTS = RandomRecoveryCodes()
CEREMONIES = WebauthnCeremonies("kb.example.com", (ISSUER,))
CHALLENGES = HmacChallenges(MASTER.derive("challenges"))
HASHER = Argon2Passwords(memory_kib=8, passes=1, workers=1)


def a_throttle() -> CountingSignInThrottle:
    """Throttling as one process has it, while no time passes."""
    counts, known = MemoryCounts(lambda: 0.0), MemoryCounts(lambda: 0.0)
    return CountingSignInThrottle(counts, known)


async def a_ring(now: Any) -> KeyRing:
    ring = KeyRing(MemorySigningKeys(), Sealer(MASTER.derive("signing-keys")))
    await ring.ensure(now)
    return ring


@dataclass
class Identity:
    """One installation's identity; `authentication` and `account` share the throttle that was given."""

    store: Store
    users: UserService
    account: AccountService
    authentication: AuthenticationService
    access: AccessService
    roles: RoleService
    groups: GroupService
    api_keys: ApiKeyService
    reactions: IdentityReactions
    totp: TotpService
    factors: SecondFactors
    passkeys: PasskeyService
    factor_reset: FactorReset
    tokens: TokenMakers
    keeper: PasswordKeeper
    self_service: SelfService
    confirmations: ConfirmationService
    account_mail: AccountMailService
    mailbox: Mailbox

    async def person(self, password: str | None = PASSWORD, **members: Any) -> User:
        """A stored account, with a password unless None is given."""
        user: User = UserFactory(**members)
        await self.store.given(user)
        if password is not None:
            await self.store.given(PasswordFactory(user=user, password_hash=await HASHER.hash(password)))
        return user

    async def sign_in(self, user: User, password: str = PASSWORD, origin: Origin = ORIGIN) -> TokenPair:
        return await self.authentication.password_grant(origin, email=user.email, password=password)

    async def sign_in_with(self, user: User, code: str) -> TokenPair:
        """By the password and a second factor."""
        return await self.authentication.password_grant(
            ORIGIN, email=user.email, password=PASSWORD, shown=Shown(code=code)
        )

    async def signed_in(self, **members: Any) -> Actor:
        """The actor of a new account with these members."""
        return await self.actor(await self.person(**members))

    async def actor(self, user: User) -> Actor:
        return await self.access.actor_of((await self.sign_in(user)).access_token, ORIGIN)

    async def deliver(self) -> None:
        """Work off all mails that are due."""
        while tickets := await self.store.job_queue.claim("mail", [ACCOUNT_MAIL], 50, self.store.clock.now()):
            for ticket in tickets:
                await self.account_mail.deliver(ticket)

    async def session(self, session_id: UUID | None) -> Any:
        return await self.store.stored("sessions", session_id)  # type: ignore[arg-type]


async def identity_on(
    store: Store,
    *,
    throttle: SignInThrottle | None = None,
    hasher: Argon2Passwords = HASHER,
    registration: Registration = Registration.OPEN,
    limiter: RateLimiter | None = None,
    refresh_retry_seconds: int = 0,
) -> Identity:
    """All services of identity on `store`."""
    throttle = throttle or NoSignInThrottle()
    ring = await a_ring(store.clock.now())
    access_tokens = JoseAccessTokens(ring, issuer=ISSUER, audience=ISSUER)
    tokens = TokenMakers(access_tokens, HmacRefreshTokens(MASTER.derive("refresh-tokens")))
    keeper = PasswordKeeper(PasswordPolicy(), CommonPasswordRules(), hasher)
    requests = MailRequests(Sealer(MASTER.derive("account-mail")), limiter or NoRateLimiter(), on=True)
    links = Links(RandomOneTimeSecrets(MASTER.derive("link-subjects")), Sealer(MASTER.derive("one-time-links")))
    is_open, mailbox = registration is Registration.OPEN, Mailbox()
    check = PasskeyCheck(store.work, store.clock, CEREMONIES, CHALLENGES, store.spent_proofs)
    factors = SecondFactors(store.work, store.clock, TOTP_CODES, RECOVERY_TEXTS, check)
    work, lists, clock, principals = store.work, store.lists, store.clock, store.principals
    return Identity(
        store=store,
        users=UserService(work, lists, clock, keeper, requests),
        account=AccountService(work, lists, clock, keeper, throttle, requests),
        authentication=AuthenticationService(
            work, principals, clock, keeper, tokens, throttle, factors, refresh_retry_seconds
        ),
        access=AccessService(Standing(principals, store.rights_epoch), clock, access_tokens, SECRETS),
        roles=RoleService(work, clock),
        groups=GroupService(work, lists, clock),
        api_keys=ApiKeyService(work, lists, clock, SECRETS),
        reactions=IdentityReactions(work, clock),
        totp=TotpService(work, clock, TOTP_CODES, RECOVERY_TEXTS, throttle),
        factors=factors,
        passkeys=PasskeyService(work, clock, check, CEREMONIES, SessionStarts(work, clock, tokens)),
        factor_reset=FactorReset(work, clock, requests),
        tokens=tokens,
        keeper=keeper,
        self_service=SelfService(work, keeper, requests, registration),
        confirmations=ConfirmationService(work, clock, keeper, links, requests, throttle),
        account_mail=AccountMailService(work, clock, requests, links, Letters(ISSUER), mailbox, open_to_all=is_open),
        mailbox=mailbox,
    )
