"""A real OpenID provider for tests: the certified `oidc-provider` on Node.js, and somebody who fills in its forms.

`.ci/services` puts its packages into tests/openid.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.fakes_openid import CLIENT_ID, CLIENT_SECRET

FOLDER = Path(__file__).parent / "openid"


@dataclass
class OpenIdServer:
    """A running provider; whoever signs in needs only a name."""

    issuer: str
    process: subprocess.Popen[str]

    def end(self) -> None:
        self.process.kill()
        self.process.wait(10)

    async def signs_in(self, person: httpx2.AsyncClient, url: str, name: str = "ada") -> str:
        """Where a person is sent back to, who goes to this address and fills in what is shown there."""
        for _ in range(10):
            answer = await person.get(url)
            if answer.status_code == 200:
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert prompt is not None, answer.text
                form = {"prompt": prompt[1], "login": name, "password": "any"}
                answer = await person.post(url, data=form)
            assert answer.status_code in {302, 303}, answer.text
            url = str(httpx2.URL(url).join(answer.headers["location"]))
            if not url.startswith(self.issuer):
                return url
        raise AssertionError("the provider sends the browser round and round")

    async def goes_back(self, person: httpx2.AsyncClient, url: str) -> str:
        """The same for a person who gives up at the first form."""
        answer = await person.get(url)
        form = str(httpx2.URL(url).join(answer.headers["location"]))
        answer = await person.get(f"{form}/abort")
        resumed = await person.get(str(httpx2.URL(url).join(answer.headers["location"])))
        return resumed.headers["location"]


@contextmanager
def openid_server(redirect_uri: str) -> Iterator[OpenIdServer]:
    """Raises LookupError where Node.js or the packages are missing."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        raise LookupError("the OpenID provider is not installed: run .ci/services")
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uris": [redirect_uri]}
    command = [node, "provider.mjs", json.dumps(client)]
    process = subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://127.0.0.1:"), "the OpenID provider did not start"
        yield OpenIdServer(issuer, process)
    finally:
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
