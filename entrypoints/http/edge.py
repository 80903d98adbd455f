"""What is decided before a request reaches a route: host, https, questions of browsers; and the security headers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.types import Scope

from entrypoints.http.cors import CrossOrigin, Fields
from entrypoints.http.exchange import Exchange, root_of
from entrypoints.http.problems import Problem
from entrypoints.http.proxies import Proxies, Sender, host_name

if TYPE_CHECKING:
    from entrypoints.settings.settings import Settings

SECURITY_HEADERS: Final[Fields] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), payment=(), "
        b"publickey-credentials-get=(), usb=()",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""Sent with every answer that does not set the field itself (OWASP ASVS 5.0 V3.4)."""
HSTS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")

FOR_MACHINES: Final = frozenset({"/livez", "/readyz", "/metrics", "/version"})
"""Asked by what looks after the service, mostly in clear and by address. Through a proxy they are paths like others."""
REDIRECTED: Final = frozenset({"GET", "HEAD"})
PRIVATE: Final = frozenset({b"authorization", b"x-api-key", b"content-length", b"transfer-encoding"})
"""Fields of requests that must not have been sent in clear: a redirect would hide the mistake."""

HTTPS_REQUIRED: Final = Problem(
    403,
    "https_required",
    "Use https. This request came in clear, so replace the credential that it carried.",
    headers={"Connection": "close"},
)
MISDIRECTED: Final = Problem(
    421,
    "misdirected_request",
    "This service does not go by the name in Host; use its published address.",
    headers={"Connection": "close"},
)


@dataclass(frozen=True, slots=True)
class Edge:
    """The rules of one installation. Without `hosts` any name will do."""

    proxies: Proxies
    cross_origin: CrossOrigin
    hosts: frozenset[str]
    public_url: str
    https_only: bool
    in_production: bool

    @classmethod
    def of(cls, settings: "Settings") -> "Edge":
        edge = settings.edge
        own = host_name(settings.public_url.partition("://")[2].partition("/")[0])
        named = settings.is_production or edge.allowed_hosts
        return cls(
            proxies=Proxies(edge.trusted_proxies, edge.proxy_fields),
            cross_origin=CrossOrigin(edge.cors_origins),
            hosts=frozenset({own, *edge.allowed_hosts}) if named else frozenset(),
            public_url=settings.public_url,
            https_only=settings.https_only,
            in_production=settings.is_production,
        )

    def fields(self, exchange: Exchange, sender: Sender) -> Fields:
        """What every answer to this request says. Whoever has come in clear is told of no HSTS (RFC 6797 §7.2)."""
        own = self.cross_origin.fields(exchange.headers)
        if self.in_production and (sender.scheme == "https" or not self.https_only):
            own = (*own, HSTS)
        return own

    def answer(self, scope: Scope, exchange: Exchange, sender: Sender) -> Response | None:
        """The answer to a request that no route gets to see; None for all others."""
        if sender.forwarded or scope["path"].removeprefix(scope.get("root_path", "")) not in FOR_MACHINES:
            if self.hosts and sender.host not in self.hosts:
                return MISDIRECTED.response(root_of(scope), exchange)
            if self.https_only and sender.scheme != "https":
                return self._in_clear(scope, exchange)
        return self.cross_origin.preflight(scope["method"], exchange.headers)

    def _in_clear(self, scope: Scope, exchange: Exchange) -> Response:
        if scope["method"] not in REDIRECTED or PRIVATE & exchange.headers.keys():
            return HTTPS_REQUIRED.response(root_of(scope), exchange)
        path = scope["raw_path"].decode("latin-1").removeprefix(root_of(scope))
        query = f"?{query}" if (query := scope["query_string"].decode("latin-1")) else ""
        return Response(status_code=308, headers={"Location": f"{self.public_url}{path}{query}"})
