"""Whom the service takes for the sender: the peer, unless a trusted proxy names another one."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.http.proxies import Proxies, Sender, host_name, is_loopback

PROXY, INNER, CLIENT, OTHER = "10.0.0.2", "10.0.0.3", "203.0.113.9", "198.51.100.7"
TRUSTED = ("10.0.0.2/32", "10.0.0.3/32", "2001:db8::/64")


def sender(peer: str | None, *fields: tuple[str, str], by: str = "x-forwarded", trusted: object = TRUSTED) -> Sender:
    headers: dict[bytes, bytes] = {b"host": b"Inside:8000"}
    for name, value in fields:
        key, text = name.lower().encode(), value.encode("latin-1")
        headers[key] = headers[key] + b", " + text if key in headers and key != b"host" else text
    scope = {"type": "http", "scheme": "http", "client": (peer, 1) if peer is not None else None}
    return Proxies(trusted, by).sender(scope, headers)  # type: ignore[arg-type]


def client(peer: str | None, *fields: tuple[str, str], by: str = "x-forwarded", trusted: object = TRUSTED) -> object:
    return sender(peer, *fields, by=by, trusted=trusted).address


FOR, PROTO, HOST = "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"


@pytest.mark.parametrize("peer", [OTHER, "10.0.0.4", "2001:db8:0:1::1", "testclient", "", None])
@pytest.mark.parametrize("trusted", [TRUSTED, ()])
def test_whoever_is_not_trusted_changes_nothing(peer: str | None, trusted: tuple[str, ...]) -> None:
    fields = (FOR, CLIENT), (PROTO, "https"), (HOST, "kb.example.com"), ("Forwarded", f"for={CLIENT};proto=https")
    for by in ("x-forwarded", "forwarded"):
        assert sender(peer, *fields, by=by, trusted=trusted) == Sender(peer, "http", "inside", forwarded=False)


def test_a_trusted_proxy_names_client_scheme_and_host() -> None:
    told = sender(PROXY, (FOR, CLIENT), (PROTO, "HTTPS"), (HOST, "KB.example.com:443"))
    assert told == Sender(CLIENT, "https", "kb.example.com", forwarded=True)
    element = 'for="[2001:db8:1::9]:4711";Proto=https;host=kb.example.com;by=_x'
    told = sender(PROXY, ("Forwarded", element), by="forwarded")
    assert told == Sender("2001:db8:1::9", "https", "kb.example.com", forwarded=True)
    assert sender(PROXY) == Sender(PROXY, "http", "inside", forwarded=False)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (CLIENT, CLIENT),
        (f"{OTHER}, {CLIENT}", CLIENT),
        (f"garbage, 1.1.1.1,{CLIENT} , {INNER}", CLIENT),
        (f"{CLIENT}, 2001:DB8::7, {INNER}", CLIENT),
        (f"{CLIENT}:50123", CLIENT),
        ("[2001:db8:1::9]:443", "2001:db8:1::9"),
        ("2001:db8:1:0::9", "2001:db8:1::9"),
        ("[2001:db8:1::9]", "2001:db8:1::9"),
        (f"::ffff:{CLIENT}", CLIENT),
        (f"{INNER}, {PROXY}", INNER),
    ],
)
def test_the_walk_goes_from_the_right_past_trusted_proxies(told: str, found: str) -> None:
    assert client(PROXY, (FOR, told)) == found


def test_repeated_fields_are_one_list() -> None:
    assert client(PROXY, (FOR, OTHER), (FOR, CLIENT), (FOR, INNER)) == CLIENT


@pytest.mark.parametrize(
    "told",
    [
        *(
            "unknown",
            "_hidden",
            "",
            ",",
            f"{CLIENT},",
            f"{CLIENT}, x",
            f"x, {INNER}",
            "1.2.3",
            "256.1.1.1",
            "1.2.3.4.5",
        ),
        *("::1::2", "[1.2.3.4", "1.2.3.4]", "1.2.3.4 5.6.7.8", "<script>", "a" * 9000, "%31"),
    ],
)
def test_what_is_no_address_leaves_the_client_unknown_and_never_the_proxy(told: str) -> None:
    assert client(PROXY, (FOR, told)) is None


@pytest.mark.parametrize("fields", [[(PROTO, "https")], [(HOST, "kb.example.com")]])
def test_a_proxy_that_names_no_client_is_not_taken_for_one(fields: list[tuple[str, str]]) -> None:
    assert client(PROXY, *fields) is None


@pytest.mark.parametrize(
    ("schemes", "scheme"),
    [
        ("https", "https"),
        ("http", "http"),
        ("https, http, http", "https"),
        ("http, http, https", "http"),
        ("https,https,http,http,http", "http"),
        ("wss", "http"),
        ("https;x", "http"),
        ("", "http"),
    ],
)
def test_the_scheme_is_that_of_the_step_at_which_the_client_was_seen(schemes: str, scheme: str) -> None:
    assert sender(PROXY, (FOR, f"{CLIENT}, {INNER}, {PROXY}"), (PROTO, schemes)).scheme == scheme


def test_fields_of_the_other_kind_count_for_nothing() -> None:
    x_fields, rfc = ((FOR, OTHER), (PROTO, "https"), (HOST, "evil")), ("Forwarded", f"for={CLIENT}")
    assert sender(PROXY, *x_fields, rfc, by="forwarded") == Sender(CLIENT, "http", "inside", forwarded=True)
    spoofed = ("Forwarded", f"for={OTHER};proto=https;host=evil")
    assert sender(PROXY, (FOR, CLIENT), spoofed) == Sender(CLIENT, "http", "inside", forwarded=True)


@pytest.mark.parametrize("front", ['for="', 'for="\\', 'for=1.1.1.1;x="', '"', "for=", ";;;", "=", 'for="a, b";x="'])
def test_nothing_that_a_client_has_put_in_front_hides_it(front: str) -> None:
    for told in (f"for={CLIENT}", f'for="{CLIENT}:80"', f'proto=http; for="{CLIENT}" ;host="kb"'):
        assert client(PROXY, ("Forwarded", f"{front}, {told}"), by="forwarded") == CLIENT


def test_sockets_for_both_families_are_known_by_what_they_are() -> None:
    assert client(f"::ffff:{PROXY}", (FOR, CLIENT)) == CLIENT
    assert client(f"::ffff:{OTHER}") == OTHER
    assert client("fe80::1%eth0") == "fe80::1"
    assert all(is_loopback(text) for text in ("::ffff:127.0.0.1", "127.9.9.9", "::1"))
    assert not any(is_loopback(text) for text in (CLIENT, f"::ffff:{CLIENT}", "localhost", "", None))


def test_a_peer_on_a_unix_socket_is_trusted_by_that_word_only() -> None:
    assert client(None, (FOR, CLIENT)) is None
    assert client(None, (FOR, CLIENT), trusted=("unix",)) == CLIENT
    assert client(OTHER, (FOR, CLIENT), trusted=("unix",)) == OTHER


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("kb.example.com", "kb.example.com"),
        ("KB.Example.com.:8443", "kb.example.com"),
        ("[::1]:8000", "::1"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("kb.example.com:", "kb.example.com"),
        ("user@kb.example.com", ""),
        ("kb.example.com/path", ""),
        ("a b", ""),
        ("", ""),
        ("kb:80:80", ""),
    ],
)
def test_the_name_in_a_host_field(field: str, name: str) -> None:
    assert host_name(field) == name


ADDRESSES = st.ip_addresses().filter(lambda address: address not in {ip_address(PROXY), ip_address(INNER)})


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0")), ADDRESSES.filter(lambda a: a.version == 4))
def test_whatever_a_client_writes_itself_it_is_found(front: str, address: object) -> None:
    for chain in (f"{front},{address}", f"{front},{address},{INNER}"):
        assert client(PROXY, (FOR, chain)) == str(address)
    assert client(PROXY, ("Forwarded", f"{front},for={address};proto=https"), by="forwarded") == str(address)


@given(st.text(st.characters(codec="latin-1")), st.sampled_from(["x-forwarded", "forwarded"]))
def test_nothing_that_is_told_breaks_the_reading(text: str, by: str) -> None:
    fields = (FOR, text), (PROTO, text), (HOST, text), ("Forwarded", text), ("Host", text)
    found = sender(PROXY, *fields, by=by)
    assert found.address is None or ip_address(found.address)
    assert found.scheme in {"http", "https"}
