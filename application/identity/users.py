"""Accounts, as administrators manage them."""

from uuid import UUID

from application.identity.account_mail import has_joined
from application.identity.factor_ports import FactorWork
from application.identity.mail_requests import Letter, MailRequest, MailRequests
from application.identity.passwords import PasswordKeeper, has_second_factor, put_password
from application.identity.ports import ROLES_IN_PLACE, IdentityLists, IdentityWork
from application.identity.rights import (
    guard_administrator,
    require_holding,
    require_known,
    require_not_above,
    require_recent,
    roles_named,
)
from application.identity.sessions import end_sessions, sweep_sessions
from application.identity.views import UserView
from application.shared.ports import Clock
from application.shared.settling import require_version, settled
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.identity.credentials import PasswordCredential
from domain.identity.errors import AlreadyJoined, EmailTaken
from domain.identity.roles import ADMIN, BUILT_IN
from domain.identity.users import User, UserKind, normal_email, normal_name
from domain.shared.actor import Actor, Permission
from domain.shared.errors import Invalid, NotFound, Violation
from domain.shared.values import ListQuery, Page


class UserService:
    """Create, change, disable and delete accounts; give and take roles. Every verb needs users:read or users:write.

    What gives somebody rights or takes an account away from its owner needs a recent sign-in besides.
    """

    def __init__(
        self,
        work: Work[FactorWork],
        lists: IdentityLists,
        clock: Clock,
        passwords: PasswordKeeper,
        mail: MailRequests,
    ) -> None:
        self._work, self._lists, self._clock, self._passwords, self._mail = work, lists, clock, passwords, mail

    @repeatable
    async def create(
        self,
        actor: Actor,
        *,
        name: str,
        email: str,
        password: str | None = None,
        roles: frozenset[str] = frozenset(),
        kind: UserKind = UserKind.PERSON,
        invite: bool = False,
        password_hash: str | None = None,
        email_verified: bool = False,
        repeat: Repeat | None = None,
    ) -> UserView:
        """Make an account; without a password it cannot sign in yet. With `invite` a person without one is invited by
        mail, where this installation sends any. `password_hash` is one that another system made of the password.

        Raises EmailTaken, UnknownRole, RightsNotHeld for roles beyond the actor's own rights, and PasswordRefused.
        """
        actor.require(Permission.USERS_WRITE)
        if roles:
            require_recent(actor)
        async with self._work(Operation("user.create", actor, repeat)) as uow:
            await require_known(uow, roles)
            await require_holding(uow, actor, roles)
            user = User.register(name=name, email=email, at=self._clock.now(), roles=roles, kind=kind)
            if await uow.users.by_email(user.email) is not None:
                raise EmailTaken()
            uow.users.add(user)
            self._guard_roles(uow, user, roles)
            if email_verified:
                user.verify_email(user.created_at)
            if password is not None or password_hash is not None:
                kept = await self._hash(user, password, password_hash)
                uow.passwords.add(PasswordCredential.set(user.id, kept, user.created_at))
            elif invite and kind is UserKind.PERSON:
                self._mail.queue(uow.jobs, _invitation(user, actor))
            return await uow.commit(UserView.of(user))

    @repeatable
    async def invite(self, actor: Actor, user_id: UUID, *, repeat: Repeat | None = None) -> UserView:
        """Mail the invitation to an account that nobody has signed in to yet, again where it was mailed before.

        Raises MailOff, NotFound, and AlreadyJoined where there is a password or the account is shut out.
        """
        actor.require(Permission.USERS_WRITE)
        self._mail.require_on()
        async with self._work(Operation("user.invite", actor, repeat)) as uow:
            user = await uow.users.get(user_id)
            if user.kind is UserKind.SERVICE or not user.is_active or await has_joined(uow, user):
                raise AlreadyJoined()
            self._mail.queue(uow.jobs, _invitation(user, actor))
            return await uow.commit(UserView.of(user))

    async def get(self, actor: Actor, user_id: UUID) -> UserView:
        """One account. Raises NotFound."""
        actor.require(Permission.USERS_READ)
        async with self._work(Operation("user.get", actor)) as uow:
            return UserView.of(await uow.users.get(user_id))

    async def by_email(self, actor: Actor, email: str) -> UserView:
        """The account of an address. Raises NotFound."""
        actor.require(Permission.USERS_READ)
        async with self._work(Operation("user.get", actor)) as uow:
            user = await uow.users.by_email(normal_email(email))
            if user is None:
                raise NotFound(detail="There is no account with this e-mail address.")
            return UserView.of(user)

    async def page(self, actor: Actor, query: ListQuery) -> Page[UserView]:
        """Accounts. Sorts: created_at, name, email. Filters: email, status, role, q."""
        actor.require(Permission.USERS_READ)
        return await self._lists.users(query)

    async def change(
        self, actor: Actor, user_id: UUID, *, name: str, email: str, roles: frozenset[str], expected: int | None
    ) -> UserView:
        """Give the account these values. A new address is unverified. Raises StaleVersion, EmailTaken, UnknownRole,
        RightsNotHeld, and LastAdministrator where no administrator would remain."""
        actor.require(Permission.USERS_WRITE)
        async with self._work(Operation("user.change", actor)) as uow:
            user = await uow.users.get(user_id)
            await self._require_changeable(uow, actor, user, email, roles)
            require_version(user, expected)
            await self._rename(uow, user, name, email)
            self._set_roles(uow, user, roles)
            return await uow.commit(UserView.of(user))

    async def give_role(self, actor: Actor, user_id: UUID, role: str) -> UserView:
        """Add a role; nothing happens where it is held. Raises NotFound for an unknown user or role."""
        return await self._with_roles(actor, user_id, role, given=True)

    async def take_role(self, actor: Actor, user_id: UUID, role: str) -> UserView:
        """Take a role away; nothing happens where it is not held. Raises NotFound, and LastAdministrator."""
        return await self._with_roles(actor, user_id, role, given=False)

    @repeatable
    async def disable(
        self, actor: Actor, user_id: UUID, *, expected: int | None = None, repeat: Repeat | None = None
    ) -> UserView:
        """Shut a user out of every replica within a second and end the sessions. Raises WrongState if shut out
        already, RightsNotHeld for users who administer what the actor may not, and LastAdministrator."""
        actor.require(Permission.USERS_WRITE)
        require_recent(actor)

        async def attempt() -> UserView:
            async with self._work(Operation("user.disable", actor, repeat)) as uow:
                user = await uow.users.get(user_id)
                await require_not_above(uow, actor, user.roles)
                require_version(user, expected)
                user.disable(self._clock.now())
                await end_sessions(uow, user.id, user.updated_at)
                guard_administrator(uow, user)
                return await uow.commit(UserView.of(user))

        return await settled(attempt)

    @repeatable
    async def enable(
        self, actor: Actor, user_id: UUID, *, expected: int | None = None, repeat: Repeat | None = None
    ) -> UserView:
        """Let a user in again; sessions that slipped in meanwhile end. Raises WrongState if not shut out,
        and RightsNotHeld as `disable`."""
        actor.require(Permission.USERS_WRITE)
        require_recent(actor)

        async def attempt() -> UserView:
            async with self._work(Operation("user.enable", actor, repeat)) as uow:
                user = await uow.users.get(user_id)
                await require_not_above(uow, actor, user.roles)
                require_version(user, expected)
                user.enable(self._clock.now())
                await end_sessions(uow, user.id, user.updated_at)
                return await uow.commit(UserView.of(user))

        return await settled(attempt)

    async def delete(self, actor: Actor, user_id: UUID, *, expected: int | None) -> None:
        """Remove an account with its password and keys, and end its sessions. Raises RightsNotHeld as `disable`, and
        LastAdministrator."""
        actor.require(Permission.USERS_WRITE)
        require_recent(actor)

        async def attempt() -> None:
            async with self._work(Operation("user.delete", actor)) as uow:
                user = await uow.users.get(user_id)
                await require_not_above(uow, actor, user.roles)
                require_version(user, expected)
                user.delete(self._clock.now())
                await end_sessions(uow, user.id, user.updated_at)
                await self._remove_credentials(uow, user)
                uow.users.remove(user)
                guard_administrator(uow, user)
                await uow.commit(None)

        await settled(attempt)

    async def reset_password(self, actor: Actor, user_id: UUID, password: str) -> None:
        """Set a user's password and end all sessions. Raises RightsNotHeld for users with more rights than the
        actor's, who would take over their account."""
        actor.require(Permission.USERS_WRITE)
        require_recent(actor)

        async def attempt() -> None:
            async with self._work(Operation("user.reset_password", actor)) as uow:
                user = await uow.users.get(user_id)
                await require_holding(uow, actor, user.roles)
                second_factor = await has_second_factor(uow, user.id)
                kept = await self._hash(user, password, second_factor=second_factor)
                is_short = self._passwords.is_short(password)
                await put_password(uow, user.id, kept, self._clock.now(), is_short=is_short)
                await end_sessions(uow, user.id, self._clock.now())
                await uow.commit(None)

        await settled(attempt)
        await sweep_sessions(self._work, actor, user_id, self._clock)

    async def _with_roles(self, actor: Actor, user_id: UUID, role: str, *, given: bool) -> UserView:
        actor.require(Permission.USERS_WRITE)
        require_recent(actor)

        async def attempt() -> UserView:
            async with self._work(Operation("user.give_role" if given else "user.take_role", actor)) as uow:
                user = await uow.users.get(user_id)
                if given and not await roles_named(uow, {role}):
                    raise NotFound(detail="There is no role of this name.")
                await require_holding(uow, actor, {role})
                self._set_roles(uow, user, user.roles | {role} if given else user.roles - {role})
                return await uow.commit(UserView.of(user))

        return await settled(attempt)

    @staticmethod
    async def _require_changeable(
        uow: IdentityWork, actor: Actor, user: User, email: str, roles: frozenset[str]
    ) -> None:
        if roles != user.roles or normal_email(email) != user.email:
            require_recent(actor)
        await require_known(uow, roles - user.roles)
        await require_holding(uow, actor, roles ^ user.roles)
        if normal_email(email) != user.email:
            await require_holding(uow, actor, user.roles)

    async def _rename(self, uow: IdentityWork, user: User, name: str, email: str) -> None:
        now, address = self._clock.now(), normal_email(email)
        if normal_name(name) != user.name:
            user.rename(name, now)
        if address != user.email:
            if await uow.users.by_email(address) is not None:
                raise EmailTaken()
            user.change_email(address, now)

    def _set_roles(self, uow: IdentityWork, user: User, roles: frozenset[str]) -> None:
        if ADMIN.name in user.roles - roles:
            guard_administrator(uow, user)
        self._guard_roles(uow, user, roles - user.roles)
        user.set_roles(roles, self._clock.now())

    @staticmethod
    def _guard_roles(uow: IdentityWork, user: User, given: frozenset[str]) -> None:
        if given - BUILT_IN.keys():
            uow.guard(ROLES_IN_PLACE, user.id)

    async def _hash(
        self, user: User, password: str | None, foreign: str | None = None, *, second_factor: bool = False
    ) -> str:
        if user.kind is UserKind.SERVICE:
            detail = "Service accounts have API keys and no password."
            raise Invalid(violations=[Violation("/password", "service_account", detail)])
        if password is None:
            return self._passwords.adopt(foreign or "")
        return await self._passwords.hash(password, name=user.name, email=user.email, second_factor=second_factor)

    @staticmethod
    async def _remove_credentials(uow: IdentityWork, user: User) -> None:
        credential = await uow.passwords.find(user.id)
        if credential is not None:
            uow.passwords.remove(credential)
        for key in await uow.api_keys.of_owner(user.id):
            key.revoke(user.updated_at)
            uow.api_keys.remove(key)


def _invitation(user: User, actor: Actor) -> MailRequest:
    return MailRequest(letter=Letter.INVITATION, email=user.email, user_id=user.id, origin=actor.origin)
