"""The checks of `fastops doctor`, each with a sentence that says what to do."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Literal

from adapters.embeddings.model_files import SHA256, locate
from adapters.persistence.sqlalchemy import migrations
from application.identity.federation import Provider
from domain.identity.errors import ProviderUnavailable
from domain.shared.errors import FastOpsError
from entrypoints.settings.settings import Settings
from entrypoints.wiring.container import build_container
from entrypoints.wiring.installation import master_key, require_database, require_schema
from entrypoints.wiring.lifecycle import Extent, running

ROOM_MIN = 1024**3

State = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: `note` works but could do more, `bad` is needed and does not work."""

    part: str
    state: State
    detail: str


async def diagnose(settings: Settings) -> list[Finding]:
    """All findings, in the order in which a start needs the parts. Changes nothing."""
    findings = [Finding("settings", "ok", f"{settings.service.environment.value}, {settings.store}")]
    findings += _data_directory(settings)
    findings.append(_database(settings))
    findings.append(_master_key(settings))
    if all(finding.state != "bad" for finding in findings):
        findings += [finding async for finding in _inside(settings)]
    findings.append(await _embedding_model(settings))
    findings.append(_language_model(settings))
    findings.append(await _rate_limits(settings))
    findings += await _openid_providers(settings)
    findings.append(_service(settings))
    return findings


def _data_directory(settings: Settings) -> Iterator[Finding]:
    folder = settings.service.data_dir.absolute()
    if not folder.is_dir():
        yield Finding("data directory", "note", f"{folder} is not there; the first `fastops serve` makes it.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("data directory", "bad", f"{folder} cannot be written; give it to this user or set DATA_DIR.")
        return
    free = shutil.disk_usage(folder).free
    if free < ROOM_MIN:
        yield Finding("data directory", "bad", f"{folder} has only {free // 1024**2} MiB free; make room.")
        return
    yield Finding("data directory", "ok", str(folder))


def _database(settings: Settings) -> Finding:
    if settings.store == "memory":
        return Finding("database", "note", "DATABASE_URL is memory://: nothing outlives the process.")
    try:
        require_database(settings)
        status = migrations.status(settings.database_url)
        require_schema(status)
    except FastOpsError as error:
        return Finding("database", "bad", error.detail)
    return Finding("database", "ok", f"schema {status.current}")


def _master_key(settings: Settings) -> Finding:
    if settings.store == "memory":
        return Finding("master key", "ok", "made for this process")
    try:
        master_key(settings)
    except FastOpsError as error:
        return Finding("master key", "bad", error.detail)
    origin = "MASTER_KEY" if settings.secrets.master_key is not None else str(settings.master_key_file)
    return Finding("master key", "ok", f"from {origin}; back it up apart from the database")


async def _inside(settings: Settings) -> AsyncIterator[Finding]:
    container = build_container(settings)
    try:
        async with running(container, Extent.STORE):
            open_jobs = await container.persistence.job_queue().open_count()
            yield Finding("signing keys", "ok", "open with this master key")
            waiting = (
                f"{open_jobs} waiting or running; a running service works them off" if open_jobs else "none waiting"
            )
            yield Finding("jobs", "note" if open_jobs else "ok", waiting)
    except FastOpsError as error:
        yield Finding("store", "bad", error.detail)


async def _embedding_model(settings: Settings) -> Finding:
    try:
        if settings.models.embedding_url is None:
            await asyncio.to_thread(_check_files, settings)
        else:
            await build_container(settings).retrieval.embedder().query("ready?")
    except FastOpsError as error:
        return Finding("embedding model", "bad", f"{error.detail} Until then searches go by keywords.")
    return Finding("embedding model", "ok", settings.models.embedding_model or "all-MiniLM-L6-v2, intact")


def _check_files(settings: Settings) -> None:
    files = locate(settings.models.model_dir, settings.service.data_dir)
    for name in SHA256:
        files.path(name)


def _language_model(settings: Settings) -> Finding:
    models = settings.models
    if models.language_model_url:
        return Finding("language model", "ok", f"{models.language_model} at {models.language_model_url}")
    if models.groq_api_key:
        return Finding("language model", "ok", "Groq")
    detail = "none: answers are made of quotes. Set GROQ_API_KEY or LANGUAGE_MODEL_URL for written ones."
    return Finding("language model", "note", detail)


async def _rate_limits(settings: Settings) -> Finding:
    limits = build_container(settings).limits
    place = limits.place()
    if place == "nothing":
        return Finding("rate limits", "note", "RATE_LIMITS is off: callers and guesses at passwords are not held back.")
    if place == "process":
        return Finding(
            "rate limits", "ok", "counted by each process for itself; REDIS_URL would have them counted as one"
        )
    counts = limits.counts()
    answers = await counts.check()
    await counts.close()
    if answers:
        return Finding("rate limits", "ok", "counted in Redis for all processes")
    detail = "Redis does not answer at REDIS_URL: each process counts for itself, and no language model is asked."
    return Finding("rate limits", "bad", detail)


async def _openid_providers(settings: Settings) -> list[Finding]:
    """All at once, because each may take its time."""
    security = build_container(settings).security
    try:
        return await asyncio.gather(*(_openid_provider(provider) for provider in security.oidc_providers()))
    finally:
        await security.oidc_fetcher().close()


async def _openid_provider(provider: Provider) -> Finding:
    part = f"OpenID provider {provider.name}"
    try:
        await provider.client.check()
    except ProviderUnavailable as error:
        return Finding(part, "bad", f"It {error.flaw}. See its issuer in OIDC_PROVIDERS.")
    return Finding(part, "ok", "its discovery document and keys are sound")


def _service(settings: Settings) -> Finding:
    host, port = settings.service.host, settings.service.port
    try:
        with socket.create_connection((host, port), timeout=1):
            return Finding("service", "ok", f"something listens on {host}:{port}")
    except OSError:
        return Finding("service", "note", f"nothing listens on {host}:{port}; `fastops serve` starts it.")
