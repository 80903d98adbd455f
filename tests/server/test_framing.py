"""Bytes that two servers could read differently are refused, and those that mean one thing mean it here too."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from entrypoints.http.strict_protocol import PIPELINED_MAX
from tests.server.sockets import GET, HOST, Echo, Listening, assert_refused, served

POST = b"POST /c HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
FIELDS = b"POST /fields HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def listening() -> AsyncIterator[Listening]:
    async with served(Echo()) as server:
        yield server


def get(target: bytes = b"/", host: bytes = b"kb.example.com") -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, host)


AMBIGUOUS = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "an empty host": get(host=b""),
    "a user in the host": get(host=b"a@b"),
    "a space in the host": get(host=b"a b"),
    "a list of hosts": get(host=b"a, b"),
    "a path in the host": get(host=b"a/b"),
    "a word for a port": get(host=b"a:x"),
    "a port too high": get(host=b"a:65536"),
    "a bad host in HTTP/1.0": b"GET / HTTP/1.0\r\nHost: a@b\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "one bare line feed": b"GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n",
    "length and coding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": POST + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": POST + b"Content-Length: +5\r\n\r\nhello",
    "a negative length": POST + b"Content-Length: -5\r\n\r\nhello",
    "a length in code": POST + b"Content-Length: 0x5\r\n\r\nhello",
    "a length beyond numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "no coding at all": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a coding twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a coding like chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding behind a tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks with line feeds": CHUNKED + b"5\nhello\n0\n\n",
    "an extension with a line feed": CHUNKED + b"5;a\nhello\r\n0\r\n\r\n",
    "a chunk size like code": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a sign": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk size beyond numbers": CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n",
    "a chunk without its end": CHUNKED + b"5\r\nhello0\r\n\r\n",
    "a length behind the content": CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n",
    "a folded field": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",
    "a field without a name": b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n\r\n",
    "a field without a colon": b"GET / HTTP/1.1\r\n" + HOST + b"A\r\n\r\n",
    "NUL in a field": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\0c\r\n\r\n",
    "NUL in the path": get(b"/\0"),
    "raw bytes in the path": get(b"/\xff"),
    "a backslash in the path": get(b"/a\\b"),
    "a fragment": get(b"/a#b"),
    "no slash": get(b"a"),
    "only a query": get(b"?a=b"),
    "a star for GET": get(b"*"),
    "a user in the address": get(b"http://a:b@kb.example.com/"),
    "another scheme": get(b"ftp://kb.example.com/"),
    "an address with a port too high": get(b"http://kb.example.com:99999/"),
    "a tunnel": b"CONNECT kb.example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel to a path": b"CONNECT / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of nobody": b"GRAB / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method in small letters": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "the PROXY protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get(),
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_two_servers_could_read_differently_is_refused(listening: Listening, data: bytes) -> None:
    assert_refused(await listening.say(data), 400, "malformed_request")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n", b"POST /c 5"),
        (CHUNKED + b"1\r\na\r\n" * 5_000 + b"0\r\n\r\n", b"POST /c 5000"),
        (b"GET / HTTP/1.0\r\n\r\n", b"GET / 0"),
        (b"\r\n\r\n" + get(), b"GET / 0"),
        (get(host=b"[2001:db8::1]:8080"), b"GET / 0"),
        (get(host=b"my_service:80"), b"GET / 0"),
        (get(b"//a//b?c=/../"), b"GET //a//b 0"),
        (get(b"HTTP://kb.example.com"), b"GET / 0"),
        (get(b"http://kb.example.com?a=b"), b"GET / 0"),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", b"OPTIONS * 0"),
    ],
)
async def test_what_means_one_thing_is_taken(listening: Listening, data: bytes, told: bytes) -> None:
    assert (await listening.say(data)).endswith(told)


async def test_the_host_of_an_absolute_form_counts_alone(listening: Listening) -> None:
    answer = await listening.say(get(b"http://kb.example.com:81/fields", host=b"elsewhere"))
    assert answer.endswith(b"\r\n\r\nhost=kb.example.com:81")


async def test_fields_behind_the_content_are_not_taken_for_those_of_the_head(listening: Listening) -> None:
    answer = await listening.say(FIELDS + b"5\r\nhello\r\n0\r\nHost: b\r\nAuthorization: c\r\nX-API-Key: d\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nhost=kb.example.com\ntransfer-encoding=chunked")


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
async def test_another_protocol_is_not_spoken_and_hides_nothing(listening: Listening, protocol: bytes) -> None:
    asking = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: AAMAAABk\r\n" % protocol
    hidden = get(b"/hidden")
    begin = POST + asking + b"Content-Length: %d\r\n\r\n" % len(hidden)
    whole = await listening.say(begin + hidden + get(b"/next"))
    assert whole.count(b"HTTP/1.1 200 ") == 2
    assert b"POST /c %d" % len(hidden) in whole
    assert whole.endswith(b"GET /next 0")
    async with listening.connected() as (reader, writer):
        writer.write(begin)
        await writer.drain()
        writer.write(hidden)
        await reader.readuntil(b"POST /c %d" % len(hidden))
        writer.write(b"GET /fields HTTP/1.1\r\n" + HOST + asking + b"\r\n")
        assert b"upgrade=" not in await reader.readuntil(b"http2-settings=AAMAAABk")


async def test_requests_that_follow_at_once_are_answered_in_order(listening: Listening) -> None:
    answer = await listening.say(GET % b"/a" + POST + b"Content-Length: 2\r\n\r\nhi" + GET % b"/b")
    assert [part for part in (b"GET /a 0", b"POST /c 2", b"GET /b 0") if part in answer] == [
        b"GET /a 0",
        b"POST /c 2",
        b"GET /b 0",
    ]
    assert answer.endswith(b"GET /b 0")


async def test_what_comes_behind_a_good_request_does_not_take_its_answer(listening: Listening) -> None:
    for garbage in (b"\0\0\0", POST + b"Content-Length: x\r\n\r\n", CHUNKED + b"zz\r\n"):
        answer = await listening.say(GET % b"/a" + garbage)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"GET /a 0")


async def test_a_flood_of_requests_is_answered_in_part_and_told_to_come_again(listening: Listening) -> None:
    answer = await listening.say(b"".join(GET % b"/a%d" % n for n in range(5_000)))
    assert answer.count(b"HTTP/1.1 200 ") == PIPELINED_MAX + 1
    assert answer.endswith(b"connection: close\r\n\r\nGET /a%d 0" % PIPELINED_MAX)


async def test_heads_are_limited(listening: Listening) -> None:
    begin = b"GET / HTTP/1.1\r\n" + HOST
    assert_refused(await listening.say(begin + b"A: b\r\n" * 101 + b"\r\n"), 431, "headers_too_large")
    assert_refused(await listening.say(begin + b"A: " + b"b" * 17_000 + b"\r\n\r\n"), 431, "headers_too_large")
    assert_refused(await listening.say(begin + b"A: " + b"b" * 60_000), 431, "headers_too_large")
    assert_refused(await listening.say(b"\r\n" * 20_000), 431, "headers_too_large")
    assert_refused(await listening.say(get(b"/" + b"a" * 9_000)), 414, "url_too_long")
    assert (await listening.say(begin + b"A: b\r\n" * 99 + b"\r\n")).endswith(b"GET / 0")
    assert (await listening.say(begin + b"A: " + b"b" * 15_000 + b"\r\n\r\n")).endswith(b"GET / 0")


@pytest.mark.parametrize("endless", [b"A: " + b"b" * 300_000, b"A: b\r\n" * 200])
async def test_fields_behind_the_content_are_limited_too(listening: Listening, endless: bytes) -> None:
    assert_refused(await listening.say(CHUNKED + b"5\r\nhello\r\n0\r\n" + endless), 431, "headers_too_large")


async def test_chunks_are_not_all_wrapping(listening: Listening) -> None:
    assert_refused(await listening.say(CHUNKED + b"5;" + b"a" * 300_000), 431, "headers_too_large")


async def test_http_1_0_gets_neither_chunks_nor_a_lasting_connection(listening: Listening) -> None:
    listening.server.config.loaded_app.let_go.set()
    answer = await listening.say(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert content == b"begun GET /stream 0"
