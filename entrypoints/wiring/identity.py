"""Wiring of identity."""

from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, DependenciesContainer, Dependency, Factory, Provider, Singleton

from application.identity.access import AccessService
from application.identity.account import AccountService
from application.identity.account_mail import AccountMailService
from application.identity.api_keys import ApiKeyService
from application.identity.authentication import AuthenticationService, TokenMakers
from application.identity.confirmations import ConfirmationService
from application.identity.factor_reset import FactorReset
from application.identity.federated_accounts import FederatedAccounts
from application.identity.federation import FederationService
from application.identity.federation_texts import ReturnAddresses
from application.identity.groups import GroupService
from application.identity.identities import IdentityService
from application.identity.introspection import IntrospectionService
from application.identity.passkey_check import PasskeyCheck
from application.identity.passkeys import PasskeyService
from application.identity.passwords import PasswordKeeper
from application.identity.reactions import IdentityReactions
from application.identity.reauthentication import ReauthenticationService
from application.identity.roles import RoleService
from application.identity.second_factors import SecondFactors
from application.identity.self_service import Registration, SelfService
from application.identity.session_starts import SessionStarts
from application.identity.sessions import SessionService
from application.identity.standing import Standing
from application.identity.step_up import StepUp
from application.identity.totp import TotpService
from application.identity.upkeep import IdentityUpkeep
from application.identity.users import UserService
from domain.identity.password_policy import PasswordPolicy
from entrypoints.settings.settings import Settings
from entrypoints.wiring.sign_on import return_origins


def is_open(registration: Registration) -> bool:
    return registration is Registration.OPEN


class IdentityContainer(DeclarativeContainer):
    """Use cases of identity."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    persistence: Any = DependenciesContainer()
    security: Any = DependenciesContainer()
    limits: Any = DependenciesContainer()
    mail: Any = DependenciesContainer()

    policy = Factory(PasswordPolicy, settings.provided.access.password_min_length)
    passwords = Singleton(PasswordKeeper, policy, security.common_passwords, security.passwords)
    tokens = Factory(TokenMakers, access=security.access_tokens, refresh=security.refresh_tokens)

    users = Singleton(
        UserService, persistence.store, persistence.identity_lists, persistence.clock, passwords, mail.requests
    )
    account = Singleton(
        AccountService,
        persistence.store,
        persistence.identity_lists,
        persistence.clock,
        passwords,
        limits.sign_in,
        mail.requests,
    )
    passkey_check = Singleton(
        PasskeyCheck,
        persistence.store,
        persistence.clock,
        security.passkeys,
        security.challenges,
        persistence.spent_proofs,
    )
    second_factors = Singleton(
        SecondFactors,
        persistence.store,
        persistence.clock,
        security.totp_codes,
        security.recovery_texts,
        passkey_check,
    )
    factor_reset = Singleton(FactorReset, persistence.store, persistence.clock, mail.requests)
    starts = Singleton(SessionStarts, persistence.store, persistence.clock, tokens)
    passkeys = Singleton(PasskeyService, persistence.store, persistence.clock, passkey_check, security.passkeys, starts)
    totp = Singleton(
        TotpService,
        persistence.store,
        persistence.clock,
        security.totp_codes,
        security.recovery_texts,
        limits.sign_in,
    )
    authentication = Singleton(
        AuthenticationService,
        persistence.store,
        persistence.principals,
        persistence.clock,
        passwords,
        tokens,
        limits.sign_in,
        second_factors,
        settings.provided.access.refresh_retry_seconds,
    )
    standing = Singleton(Standing, persistence.principals, persistence.rights_epoch)
    access = Singleton(
        AccessService,
        standing,
        persistence.clock,
        security.access_tokens,
        security.api_key_secrets,
        settings.provided.access.reauthentication_seconds,
    )
    reauthentication = Singleton(
        ReauthenticationService,
        persistence.store,
        persistence.clock,
        passwords,
        security.access_tokens,
        limits.sign_in,
        second_factors,
        passkey_check,
    )
    introspection = Singleton(
        IntrospectionService,
        persistence.store,
        standing,
        persistence.clock,
        security.access_tokens,
        security.refresh_tokens,
        security.api_key_secrets,
    )
    registration = Callable(Registration, settings.provided.mail.registration)
    self_service = Singleton(SelfService, persistence.store, passwords, mail.requests, registration)
    confirmations = Singleton(
        ConfirmationService,
        persistence.store,
        persistence.clock,
        passwords,
        mail.links,
        mail.requests,
        limits.sign_in,
    )
    account_mail = Singleton(
        AccountMailService,
        persistence.store,
        persistence.clock,
        mail.requests,
        mail.links,
        mail.letters,
        mail.mailer,
        open_to_all=Callable(is_open, registration),
    )
    sessions = Singleton(SessionService, persistence.store, persistence.identity_lists, persistence.clock)
    api_keys = Singleton(
        ApiKeyService,
        persistence.store,
        persistence.identity_lists,
        persistence.clock,
        security.api_key_secrets,
    )
    roles = Singleton(RoleService, persistence.store, persistence.clock)
    groups = Singleton(GroupService, persistence.store, persistence.identity_lists, persistence.clock)
    federation = Singleton(
        FederationService,
        security.oidc_providers,
        Singleton(FederatedAccounts, persistence.store, persistence.clock),
        starts,
        security.sealed_texts,
        persistence.spent_proofs,
        persistence.clock,
        Singleton(ReturnAddresses, Callable(return_origins, settings)),
        settings.provided.public_url,
    )
    step_up = Singleton(StepUp, persistence.store, federation)
    identities = Singleton(IdentityService, persistence.store, persistence.clock, federation)
    upkeep = Singleton(IdentityUpkeep, persistence.store, persistence.job_queue, persistence.clock)
    reactions = Singleton(IdentityReactions, persistence.store, persistence.clock)
