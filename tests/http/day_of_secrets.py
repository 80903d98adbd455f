"""A day on which everything that makes or takes a secret is used over HTTP, and which secrets those were.

Some are used up in the evening and some are not: links, codes, challenges and jobs are left in every state.
"""

import base64
import io
import json
import re
import time
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import bcrypt
import httpx2
import pyotp
from sqlalchemy import select

from adapters.persistence.sqlalchemy.tables import knowledge
from tests import smtp_server
from tests.authenticator import Authenticator
from tests.fakes_openid import CLIENT_SECRET, GONE, OpenIdStandIn, openid_stand_in
from tests.http.service import BASE, MASTER_KEY, PASSWORD, SYSTEM, Caller, Service
from tests.http.sign_on import APP, a_browser, a_provider, told
from tests.http.test_exports import build
from tests.smtp_server import Inbox, mail_server

KEY = "a-key-that-nobody-guesses-81c4"
KEYED = {"headers": {"Idempotency-Key": KEY}}
PURPOSES = (
    *("repeats", "signing-keys", "account-mail", "one-time-links", "link-subjects", "totp", "sealed-texts"),
    *("challenges", "refresh-tokens", "cursors", "journal"),
)
"""What keys are derived for."""


def password(of: str) -> str:
    return f"the horse of {of} reads quietly"


@dataclass
class World:
    """The servers that a service talks to, and the settings that lead there."""

    inbox: Inbox
    provider: OpenIdStandIn

    @property
    def settings(self) -> dict[str, Any]:
        login = f"{quote('kb@example.com')}:{quote(smtp_server.PASSWORD.decode())}"
        return {
            "registration": "open",
            "smtp_url": f"smtp://{login}@127.0.0.1:{self.inbox.port}",
            "oidc_providers": a_provider(self.provider.issuer, new_people="admitted", default_roles=["viewer"]),
            "cors_origins": "https://app.example.com",
        }


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    async with mail_server(needs_password=True) as inbox, openid_stand_in() as provider:
        yield World(inbox, provider)


@dataclass
class Day:
    """`found` are the secrets by what they are. Nothing is looked up in the store: these are what others were told."""

    service: Service
    world: World
    found: dict[str, str | bytes] = field(default_factory=dict)

    async def spend(self) -> None:
        admin = await self.service.person("admin")
        self.found |= {"password": PASSWORD, "idempotency key": KEY, "mail password": smtp_server.PASSWORD}
        self.found["client secret"] = CLIENT_SECRET
        await self.sessions(admin)
        admin = await self.service.signed_in(admin.email, admin.id)
        await self.api_keys(admin)
        await self.passwords(admin)
        await self.links(admin)
        await self.codes()
        await self.passkeys()
        await self.single_sign_on()
        await self.keys()
        await self.service.number()

    async def sessions(self, person: Caller) -> None:
        self._keep("", person.headers["Authorization"].split()[1], person.refresh_token)
        form = {"grant_type": "refresh_token", "refresh_token": person.refresh_token}
        pair = (await _told(self.service.token(**form))).json()
        self._keep("next ", pair["access_token"], pair["refresh_token"])
        self.found["secret of the family"] = base64.urlsafe_b64decode(pair["refresh_token"])[20:52]
        person = person.with_headers(Authorization=f"Bearer {pair['access_token']}")
        for token in (pair["access_token"], pair["refresh_token"]):
            await _told(person("POST", "/auth/introspect", data={"token": token}))
        proven = await _told(person.post("/me/reauthentication", {"password": PASSWORD}))
        self.found["renewed access token"] = proven.json()["access_token"]
        assert (await self.service.token(**form)).status_code == 400, "the family ends with it"

    async def api_keys(self, admin: Caller) -> None:
        new = {"name": "import", "scopes": ["search"]}
        account = {"name": "Robot", "email": "robot@example.com", "kind": "service", "roles": ["viewer"]}
        robot = (await _told(admin.post("/users", account), 201)).json()
        made = [await _told(admin.post("/api-keys", new, **KEYED), 201) for _ in range(2)]
        assert made[0].json()["secret"] == made[1].json()["secret"]
        path = f"/api-keys/{made[0].json()['id']}/rotate"
        rotated = [await _told(admin.post(path, {"overlap_seconds": 3600}, **KEYED)) for _ in range(2)]
        of_robot = await _told(admin.post("/api-keys", new | {"owner_id": robot["id"]}), 201)
        for name, answer in (("api key", made[0]), ("rotated api key", rotated[0]), ("key of a service", of_robot)):
            self.found[name] = answer.json()["secret"]
            await _told(self.service.client.get("/api/v1/me", headers={"X-API-Key": answer.json()["secret"]}))
            await _told(admin("POST", "/auth/introspect", data={"token": answer.json()["secret"]}))

    async def passwords(self, admin: Caller) -> None:
        """One that an administrator chose, one that is changed, a wrong one, and one whose hash came from elsewhere."""
        new, moved = password("Ada"), password("somebody who moved")
        self.found |= {"new password": new, "moved password": moved, "wrong password": KEY}
        user = {"name": "Ada", "email": "ada@example.com", "password": new}
        await _told(admin.post("/users", user, **KEYED), 201)
        ada = await self.service.signed_in("ada@example.com", password=new)
        self.found["changed password"] = changed = password("Ada from now on")
        await _told(ada.put("/me/password", {"current_password": new, "new_password": changed}), 204)
        assert (await self.service.token(grant_type="password", username=ada.email, password=KEY)).status_code == 400
        foreign = bcrypt.hashpw(moved.encode(), bcrypt.gensalt(4)).decode()
        users = self.service.container.identity.users()
        await users.create(SYSTEM, name="Eve", email="eve@example.com", password_hash=foreign)
        await self.service.signed_in("eve@example.com", password=moved)

    async def links(self, admin: Caller) -> None:
        """Of each kind one that is used and one that is not; a mail that was refused, and one that still waits."""
        auth, chosen = self.service.anonymous, {"password": password("who chose anew")}
        self.found |= {"registered password": password("who registers"), "chosen password": chosen["password"]}
        for place in ("used", "unused"):
            name, (person, mover) = {"name": "New"}, [await self.service.person() for _ in range(2)]
            email, away, invited = f"new@{place}.example", f"away@{place}.example", f"guest@{place}.example"
            content = name | {"email": email, "password": password("who registers")}
            await _told(auth.post("/auth/register", content, **KEYED), 202)
            await _told(auth.post("/auth/password-resets", {"email": person.email}), 202)
            await _told(mover.patch("/me", {"email": away}))
            await _told(admin.post("/users", name | {"email": invited}), 201)
            reset = await self._link(f"reset link, {place}", person.email)
            registered = await self._link(f"registration link, {place}", email)
            change = await self._link(f"link of a change, {place}", away)
            invitation = await self._link(f"invitation, {place}", invited)
            await _told(auth.post("/auth/email-verifications", {"email": person.email}), 202)
            verification = await self._link(f"verification link, {place}", person.email)
            if place == "used":
                for token in (registered, verification, change):
                    await _told(auth.post("/auth/email-verifications/confirm", token), 204)
                await _told(auth.post("/auth/password-resets/confirm", reset | chosen), 204)
                await _told(auth.post("/auth/invitations/accept", invitation | chosen), 204)
                assert (await auth.post("/auth/password-resets/confirm", reset | chosen)).status_code == 422
        for place, answer in (("refused", "550 no"), ("delayed", "451 later")):
            self.world.inbox.answer = answer
            content = {"name": "New", "email": f"new@{place}.example", "password": password("who registers")}
            await _told(auth.post("/auth/register", content), 202)
            await self.service.deliver()
        await _told(auth.post("/auth/register", content | {"email": "new@waiting.example"}), 202)

    async def codes(self) -> None:
        """An app that counts, an app that was never confirmed, and recovery codes of which one is used."""
        pending, person = await self.service.person(), await self.service.person()
        self.found["pending totp secret"] = (await _told(pending.post("/me/totp"))).json()["secret"]
        begun = [await _told(person.post("/me/totp", **KEYED)) for _ in range(2)]
        self.found["totp secret"] = secret = begun[0].json()["secret"]
        assert begun[1].json()["secret"] == secret
        await _told(person.post("/me/totp", {"code": pyotp.TOTP(secret).now()}))
        codes = (await _told(person.post("/me/recovery-codes", **KEYED))).json()["codes"]
        self.found |= {f"recovery code {number}": code for number, code in enumerate(codes)}
        form = {"grant_type": "password", "username": person.email, "password": PASSWORD}
        following = pyotp.TOTP(secret).at(time.time() + 30)
        for code in (codes[0], following):
            await _told(self.service.token(**form, totp=code))
        assert (await self.service.token(**form, totp=codes[0])).status_code == 400
        await self._export(person)

    async def passkeys(self) -> None:
        """Challenges that were asked for, used, and answered with a wrong signature."""
        person, key = await self.service.person(), Authenticator(BASE)
        creation = [await _told(person.post("/me/passkeys/options")) for _ in range(2)]
        made = key.create(self._options("creation", creation))
        await _told(person.post("/me/passkeys", {"name": "phone", "credential": made}), 201)
        sign_in = [await _told(self.service.anonymous.post("/auth/passkeys/options")) for _ in range(2)]
        alone = {"credential": key.get(self._options("sign-in", sign_in))}
        await _told(self.service.anonymous.post("/auth/passkeys/verify", alone))
        forged = {"credential": key.get(sign_in[1].json()["options"], signature=b"no signature")}
        assert (await self.service.anonymous.post("/auth/passkeys/verify", forged)).status_code == 400
        form = {"grant_type": "password", "username": person.email, "password": PASSWORD}
        refused = await self.service.token(**form)
        options = refused.json()["passkey_options"]
        self.found["challenge beside a password"] = options["challenge"]
        await _told(self.service.token(**form, passkey=json.dumps(key.get(options))))
        await self._export(person)

    async def single_sign_on(self) -> None:
        """What the browser keeps, what the provider is told and tells, and the code with its verifier; twice."""
        provider = self.world.provider
        provider.claims, provider.userinfo = {"email": GONE}, {"email": "ada@corp.example", "email_verified": True}
        for place in ("used", "unused"):
            provider.tokens = {name: f"{name} of the provider, {place}" for name in ("access_token", "refresh_token")}
            written: list[str] = []
            provider.write = lambda claims, written=written: written.append(provider.signed(claims)) or written[-1]
            async with a_browser(self.service) as browser:
                address = await browser.to_provider(APP)
                (cookie,) = dict(browser.client.cookies).values()
                asked = dict(parse_qsl(urlsplit(address).query))
                back = provider.signs_in(address)
                code = told(await browser.back(back))["code"]
                if place == "used":
                    tokens = (await _told(browser.redeem(code))).json()
                    self._keep("federated ", tokens["access_token"], tokens["refresh_token"])
            form = provider.forms[-1]
            mine = {
                "cookie": cookie,
                "state": asked["state"],
                "nonce": asked["nonce"],
                "verifier": form["code_verifier"],
            }
            theirs = {"code of the provider": form["code"], "id token": written[-1], **provider.tokens}
            clients = {"code": code, "verifier of the page": browser.verifier}
            self.found |= {f"{name}, {place}": value for name, value in (mine | theirs | clients).items()}

    async def keys(self) -> None:
        """The master key and those made of it, and the keys that sign tokens, before and after two changes."""
        ring, now = self.service.container.security.key_ring(), self.service.container.persistence.clock().now()
        for turn in (1, 2):
            self.found |= {f"signing key {kid}": key.private_key.private_bytes_raw() for kid, key in ring.keys.items()}
            await ring.rotate(now + timedelta(minutes=3 * turn))
        self.found |= {f"signing key {kid}": key.private_key.private_bytes_raw() for kid, key in ring.keys.items()}
        master = self.service.container.keys.master()
        self.found |= {"master key": MASTER_KEY, "master key, raw": base64.b64decode(MASTER_KEY)}
        self.found |= {f"key for {purpose}": master.derive(purpose) for purpose in PURPOSES}

    async def unpacked(self) -> dict[str, bytes]:
        """What stands in the exports, which are packed at rest."""
        database = self.service.container.persistence.database()
        blobs, table = self.service.container.persistence.blobs(), knowledge.blobs
        stored = select(table.c.key).distinct()
        keys = await database.read(lambda connection: connection.execute(stored).scalars().all())
        found = {}
        for key in keys:
            with zipfile.ZipFile(io.BytesIO(await blobs.read(key))) as archive:
                found |= {f"{key}/{name}": archive.read(name) for name in archive.namelist()}
        return found

    async def _export(self, person: Caller) -> None:
        await _told(person.post("/me/exports", {}), 202)
        await build(self.service)

    async def _link(self, name: str, address: str) -> dict[str, str]:
        """What the newest mail for an address carries, as it is handed in."""
        await self.service.deliver()
        inbox = self.world.inbox
        mails = [mail for mail, to in zip(inbox.mails, inbox.recipients, strict=True) if to == [address]]
        self.found[name] = token = re.findall(r"/account/[a-z-]+#(\S+)", mails[-1].get_content())[0]
        return {"token": token}

    def _options(self, name: str, answers: list[httpx2.Response]) -> Any:
        """The options of the first answer; the challenges of all are kept."""
        options = [answer.json()["options"] for answer in answers]
        self.found |= {f"challenge of {name} {number}": one["challenge"] for number, one in enumerate(options)}
        return options[0]

    def _keep(self, which: str, access_token: str, refresh_token: str) -> None:
        self.found[f"{which}access token"] = access_token
        self.found[f"signature of the {which}access token"] = access_token.rpartition(".")[2]
        self.found[f"{which}refresh token"] = refresh_token


async def _told(asked: Any, status: int = 200) -> httpx2.Response:
    answer: httpx2.Response = await asked
    assert answer.status_code == status, answer.text
    return answer
