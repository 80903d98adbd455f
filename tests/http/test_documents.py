"""Documents over HTTP: handed in as file or text, listed at once, found when ingested, gone when deleted."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.http.service import Caller, Service
from tests.http.test_collections import grant, grant_to, made_by
from tests.http.test_problems import assert_problem

TEXT = "Everyone has thirty days of leave a year. Unused days move to March."


async def submitted(caller: Caller, collection: str, **members: Any) -> dict[str, Any]:
    answer = await caller.post(f"/collections/{collection}/documents", {"text": TEXT, **members})
    assert answer.status_code == 202, answer.text
    return answer.json()["document"]  # type: ignore[no-any-return]


async def test_a_text_is_taken_listed_ingested_and_found(stored: Service) -> None:
    editor = await stored.person("editor")
    collection = (await made_by(editor))["id"]
    body = {"title": "Leave", "text": TEXT, "metadata": {"year": 2026}, "external_id": "hr-7"}
    answer = await editor.post(f"/collections/{collection}/documents", body)
    assert answer.status_code == 202, answer.text
    document, job = answer.json()["document"], answer.json()["job"]
    assert answer.headers["location"] == f"/api/v1/documents/{document['id']}"
    assert (document["status"], document["media_type"], document["error"]) == ("queued", "text/plain", None)
    assert document["content_hash"] == hashlib.sha256(TEXT.encode()).hexdigest()
    listed = await editor.get(f"/collections/{collection}/documents?external_id=hr-7&status=queued")
    assert [item["id"] for item in listed.json()["items"]] == [document["id"]]
    assert (await editor.get(f"/jobs/{job['id']}")).json()["status"] == "queued"

    await stored.ingest()

    ready = (await editor.get(f"/documents/{document['id']}")).json()
    assert (ready["status"], ready["chunk_count"]) == ("ready", 1)
    finished = (await editor.get(f"/jobs/{job['id']}")).json()
    assert (finished["status"], finished["progress"]) == ("succeeded", {"done": 1, "total": 1, "unit": "chunks"})
    (chunk,) = (await editor.get(f"/documents/{document['id']}/chunks")).json()["items"]
    assert chunk["text"] == TEXT[chunk["start"] : chunk["end"]]
    found = await editor.post("/search", {"query": "days of leave", "collection_ids": [collection]})
    assert found.status_code == 200, found.text
    (hit,) = found.json()["items"]
    assert (hit["document_id"], hit["external_id"], hit["metadata"]) == (document["id"], "hr-7", {"year": 2026})
    stranger = await stored.person("editor")
    assert (await stranger.post("/search", {"query": "days of leave"})).json()["items"] == []

    assert (await editor.delete(f"/documents/{document['id']}")).status_code == 204
    await stored.ingest()
    assert (await editor.post("/search", {"query": "days of leave"})).json()["items"] == []
    assert_problem(await editor.get(f"/documents/{document['id']}"), 404, "not_found")


async def test_a_file_comes_back_as_it_was_sent(stored: Service) -> None:
    editor = await stored.person("editor")
    collection = (await made_by(editor))["id"]
    content = b"# Leave\n\nThirty days.\n" * 10_000
    answer = await editor.post(
        f"/collections/{collection}/documents",
        files={"file": ('../über "uns".md', content, "text/markdown")},
        data={"title": "Leave", "metadata": '{"year": 2026}', "external_id": ""},
    )
    assert answer.status_code == 202, answer.text
    document = answer.json()["document"]
    assert document["file_name"] == 'über "uns".md'
    assert (document["bytes"], document["media_type"]) == (len(content), "text/markdown")
    assert (document["metadata"], document["external_id"]) == ({"year": 2026}, None)
    loaded = await editor.get(f"/documents/{document['id']}/content")
    assert loaded.content == content
    assert loaded.headers["content-type"] == "text/markdown"
    assert loaded.headers["content-length"] == str(len(content))
    assert loaded.headers["x-content-type-options"] == "nosniff"
    assert loaded.headers["content-disposition"] == (
        "attachment; filename=\"_ber _uns_.md\"; filename*=UTF-8''%C3%BCber%20%22uns%22.md"
    )
    again = await editor.get(f"/documents/{document['id']}/content", headers={"If-None-Match": loaded.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_same_content_is_there_already_and_new_content_is_a_new_version(stored: Service) -> None:
    editor = await stored.person("editor")
    collection = (await made_by(editor))["id"]
    first = await submitted(editor, collection, external_id="a")
    again = await editor.post(f"/collections/{collection}/documents", {"text": TEXT, "external_id": "a"})
    assert (again.status_code, again.json()["document"]["id"], again.json()["job"]) == (200, first["id"], None)
    other = await editor.post(f"/collections/{collection}/documents", {"text": "Other.", "external_id": "a"})
    assert (other.status_code, other.json()["document"]["id"]) == (202, first["id"])
    assert other.json()["document"]["version"] > first["version"]


async def test_title_and_metadata_are_changed_by_merge_patch(stored: Service) -> None:
    editor = await stored.person("editor")
    document = await submitted(editor, (await made_by(editor))["id"], title="Leave", metadata={"a": 1, "b": 2})
    path = f"/documents/{document['id']}"
    changed = await editor.patch(path, {"metadata": {"a": None, "c": 3}})
    assert (changed.status_code, changed.json()["metadata"]) == (200, {"b": 2, "c": 3})
    assert changed.json()["title"] == "Leave"
    stale = await editor.patch(path, {"title": "x"}, headers={"If-Match": f'"{document["id"][-12:]}.1"'})
    assert_problem(stale, 412, "stale_version")
    for foreign in ("collection_id", "status", "content_hash", "external_id", "text"):
        assert_problem(await editor.patch(path, {foreign: "x"}), 422, "invalid")
    gone = await editor.delete(path, headers={"If-Match": changed.headers["etag"]})
    assert gone.status_code == 204


async def test_reingesting_queues_again(stored: Service) -> None:
    editor = await stored.person("editor")
    document = await submitted(editor, (await made_by(editor))["id"])
    await stored.ingest()
    answer = await editor.post(f"/documents/{document['id']}/reingest")
    assert (answer.status_code, answer.json()["document"]["status"]) == (202, "queued")
    await stored.ingest()
    assert (await editor.get(f"/documents/{document['id']}")).json()["status"] == "ready"


async def test_readers_read_and_do_not_write(stored: Service) -> None:
    editor, reader = await stored.person("editor"), await stored.person("editor")
    collection = (await made_by(editor))["id"]
    document = await submitted(editor, collection)
    path = f"/documents/{document['id']}"
    for answer in (
        await reader.get(path),
        await reader.get(f"{path}/content"),
        await reader.get(f"{path}/chunks"),
        await reader.patch(path, {"title": "x"}),
        await reader.delete(path),
        await reader.post(f"{path}/reingest"),
    ):
        assert_problem(answer, 404, "not_found")
    await grant_to(editor, collection, grant("read", reader))
    assert (await reader.get(path)).status_code == 200
    for answer in (
        await reader.patch(path, {"title": "x"}),
        await reader.delete(path, headers={"If-Match": '"stale"'}),
        await reader.post(f"{path}/reingest"),
    ):
        assert_problem(answer, 403, "level_missing")


async def test_a_failed_file_says_why(stored: Service) -> None:
    editor = await stored.person("editor")
    collection = (await made_by(editor))["id"]
    answer = await editor.post(f"/collections/{collection}/documents", files={"file": ("a.txt", b" \n ")})
    await stored.ingest()
    document = (await editor.get(answer.headers["location"])).json()
    assert document["status"] == "failed"
    assert document["error"].keys() == {"code", "detail"}
    job = (await editor.get(f"/jobs/{answer.json()['job']['id']}")).json()
    assert (job["status"], job["error"]["code"]) == ("failed", document["error"]["code"])


@pytest.mark.parametrize(
    ("parts", "status", "code", "pointer"),
    [
        ({"data": {"title": "t"}, "files": {"other": ("a", b"x")}}, 422, "invalid", ""),
        ({"files": {"file": ("a", b"x")}, "data": {"text": "canary-3f9a"}}, 422, "invalid", ""),
        ({"files": [("file", ("a", b"x")), ("file", ("b", b"y"))]}, 422, "invalid", "/file"),
        ({"files": {"file": ("a", b"x")}, "data": {"title": ["a", "b"]}}, 422, "invalid", "/title"),
        ({"files": {"file": ("a", b"x")}, "data": {"title": "a" * 501}}, 422, "invalid", "/title"),
        ({"files": {"file": ("a", b"x")}, "data": {"title": "a\0"}}, 422, "invalid", "/title"),
        ({"files": {"file": ("a", b"x")}, "data": {"metadata": "[1]"}}, 422, "invalid", "/metadata"),
        ({"files": {"file": ("a", b"x")}, "data": {"metadata": "{canary-3f9a"}}, 400, "malformed_json", None),
        ({"files": {"file": ("a", b"x")}, "data": {"title": "a" * 1_100_000}}, 413, "too_large", None),
        ({"files": [("file", ("a", b"x"))] + [(f"x{n}", ("a", b"x")) for n in range(30)]}, 422, "invalid", ""),
        ({"files": {"title": ("a", b"x")}}, 422, "invalid", "/file"),
    ],
    ids=range(11),
)
async def test_unfit_parts_are_refused(
    service: Service, parts: dict[str, Any], status: int, code: str, pointer: str | None
) -> None:
    editor = await service.person("editor")
    answer = await editor.post(f"/collections/{(await made_by(editor))['id']}/documents", **parts)
    problem = assert_problem(answer, status, code)
    if pointer is not None:
        assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("content", "boundary"),
    [
        (b"", "x"),
        (b"--x", "x"),
        (b"--x--\r\n", "x"),
        (b"canary-3f9a", "x"),
        (b"--y\r\n\r\n--y--", "x"),
        (b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf', "x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--\r\n", "x"),
        (b"--x\r\n\r\nv\r\n--x--\r\n", "x"),
        (b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nv\r\n--x--\r\n', "x"),
        (b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xff\r\n--x--\r\n', "x"),
        (b"--x\r\n" + b"A: b\r\n" * 100 + b"\r\nv\r\n--x--\r\n", "x"),
        (b"--x\r\nA: " + b"b" * 100_000 + b"\r\n\r\nv\r\n--x--\r\n", "x"),
        (b"", ""),
        (b"", "b" * 500),
    ],
    ids=range(14),
)
async def test_what_is_no_multipart_is_malformed(service: Service, content: bytes, boundary: str) -> None:
    editor = await service.person("editor")
    path = f"/collections/{(await made_by(editor))['id']}/documents"
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = await editor("POST", path, content=content, headers=headers)
    if content == b"--x--\r\n":
        assert_problem(answer, 422, "invalid")
    else:
        assert_problem(answer, 400, "malformed_multipart")


async def test_a_file_over_the_limit_is_refused(service: Service) -> None:
    editor = await service.person("editor")
    path = f"/collections/{(await made_by(editor))['id']}/documents"
    limit = 25 * 1024 * 1024
    fits = await editor.post(path, files={"file": ("a.bin", b"\1" * limit)})
    assert fits.status_code == 202
    refused = await editor.post(path, files={"file": ("a.bin", b"\1" * (limit + 1))})
    assert_problem(refused, 413, "too_large")


@pytest.mark.parametrize("around", ["before", "behind", "in a field"])
async def test_content_that_belongs_to_no_file_is_limited_too(service: Service, around: str) -> None:
    editor = await service.person("editor")
    collection = (await made_by(editor))["id"]
    begin = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n'
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        if around == "behind":
            yield begin
        elif around == "in a field":
            yield b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n'
        while sent < 100_000_000:
            sent += 65536
            yield b"\r\n" * 32768

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await editor("POST", f"/collections/{collection}/documents", content=endless(), headers=headers)
    assert_problem(answer, 413, "too_large")
    assert sent < 1_400_000


async def test_a_text_over_the_limit_of_json_goes_by_multipart(service: Service) -> None:
    editor = await service.person("editor")
    path = f"/collections/{(await made_by(editor))['id']}/documents"
    text = "word " * 300_000
    assert_problem(await editor.post(path, {"text": text}), 413, "too_large")
    assert (await editor.post(path, files={"file": ("a.txt", text.encode())})).status_code == 202
