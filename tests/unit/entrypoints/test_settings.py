"""Settings: where they are read from, which one wins, and what stops the start without showing a value."""

import base64
import sys
from pathlib import Path

import pytest

from adapters.persistence.sqlalchemy.engine import database_url
from entrypoints.settings.areas import PREFIX
from entrypoints.settings.refusals import WrongSettings
from entrypoints.settings.settings import Settings, areas, load_settings

KEY = base64.b64encode(bytes(range(32))).decode()
NAMES = [name.upper() for area in areas().values() for name in area.model_fields]
SAFE = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://kb.example.com",
    "DATABASE_URL": "postgresql://fastops@db.example.com/fastops",
    "MASTER_KEY": KEY,
    "TRUSTED_PROXIES": "10.0.0.2",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(PREFIX + name, raising=False)
    monkeypatch.chdir(tmp_path)


def loaded(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def refused(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, str]:
    with pytest.raises(WrongSettings) as stopped:
        loaded(monkeypatch, **environment)
    return {problem.name: problem.detail for problem in stopped.value.problems}


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.database_url == "sqlite:///var/fastops.db"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.makes_what_is_missing


def test_the_prefix_wins_wherever_it_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HOST=plain-file\nFASTOPS_HOST=prefixed-file\nPORT=81\n")
    assert loaded(monkeypatch, HOST="plain-shell").service.host == "prefixed-file"
    assert loaded(monkeypatch, FASTOPS_HOST="prefixed-shell").service.host == "prefixed-shell"
    assert load_settings().service.port == 81
    assert loaded(monkeypatch, PORT="82").service.port == 82


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, GROQ_API_KEY="", PORT="").models.groq_api_key is None


def test_every_wrong_setting_is_named_and_no_value_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = refused(
        monkeypatch,
        PORT="eighty-secret",
        FASTOPS_DATABASE_URL="oracle://scott:tiger-secret@db/x",
        ADMIN_EMAIL="root@localhost-secret",
        MASTER_KEY="c2hvcnQtc2VjcmV0",
        LOG_FORMAT="xml-secret",
        PUBLIC_URL="ftp://secret",
        REDIS_URL="memcached://secret",
        DATABASE_REPLICA_URLS="postgresql://one/fastops,oracle://secret",
    )
    names = {
        "DATABASE_REPLICA_URLS",
        "PORT",
        "DATABASE_URL",
        "ADMIN_EMAIL",
        "MASTER_KEY",
        "LOG_FORMAT",
        "PUBLIC_URL",
        "REDIS_URL",
    }
    assert set(problems) == names
    assert "secret" not in str(problems)
    assert all(detail.startswith("takes ") for detail in problems.values())


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"LANGUAGE_MODEL_URL": "http://127.0.0.1:9/v1"}, "LANGUAGE_MODEL"),
        ({"EMBEDDING_URL": "http://127.0.0.1:9/v1"}, "EMBEDDING_MODEL"),
        ({"DATABASE_URL": "postgresql://fastops@db/fastops"}, "MASTER_KEY"),
        ({"DATABASE_URL": "mysql://fastops@db/fastops"}, "MASTER_KEY"),
        ({"DATABASE_URL": "mariadb://fastops@db/fastops"}, "MASTER_KEY"),
        ({"DATABASE_REPLICA_URLS": "postgresql://fastops@one/fastops"}, "DATABASE_REPLICA_URLS"),
        ({"DATABASE_REPLICA_URLS": "sqlite:///one.db"}, "DATABASE_REPLICA_URLS"),
    ],
)
def test_a_setting_that_needs_another_one_names_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], named: str
) -> None:
    assert set(refused(monkeypatch, **environment)) == {named}


@pytest.mark.parametrize(
    ("unsafe", "named"),
    [
        ({"PUBLIC_URL": "http://kb.example.com"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL"),
        ({"DATABASE_URL": "memory://"}, "DATABASE_URL"),
        ({"VECTOR_STORE": "memory"}, "VECTOR_STORE"),
        ({"RATE_LIMITS": "off"}, "RATE_LIMITS"),
        ({"LOG_LEVEL": "DEBUG"}, "LOG_LEVEL"),
        ({"MASTER_KEY": "", "DATABASE_URL": "sqlite:///fastops.db"}, "MASTER_KEY"),
        ({"CORS_ORIGINS": "*"}, "CORS_ORIGINS"),
        ({"CORS_ORIGINS": "https://app.example.com,http://app.example.com"}, "CORS_ORIGINS"),
        ({"TRUSTED_PROXIES": "10.0.0.2, ::/0"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": ""}, "TRUSTED_PROXIES"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN"),
    ],
)
def test_production_refuses_what_is_unsafe(monkeypatch: pytest.MonkeyPatch, unsafe: dict[str, str], named: str) -> None:
    assert set(refused(monkeypatch, **{**SAFE, **unsafe})) == {named}


def test_production_starts_with_what_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, **SAFE)
    assert settings.is_production
    assert not settings.makes_what_is_missing


@pytest.mark.parametrize("https_only", ["on", "off"])
def test_production_without_a_proxy_is_a_decision(monkeypatch: pytest.MonkeyPatch, https_only: str) -> None:
    settings = loaded(monkeypatch, **{**SAFE, "TRUSTED_PROXIES": "", "HTTPS_ONLY": https_only})
    assert settings.https_only is (https_only == "on")


LISTS = {
    "TRUSTED_PROXIES": (" 10.0.0.0/8,::1 , UNIX,,10.0.0.0/8", ("10.0.0.0/8", "::1/128", "unix")),
    "ALLOWED_HOSTS": ("KB.example.com, [::1]", ("kb.example.com", "::1")),
    "CORS_ORIGINS": (
        "https://App.example.com:443, http://[::1]:3000,*",
        ("https://app.example.com", "http://[::1]:3000", "*"),
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_plain_text_with_commas(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, values = LISTS[name]
    settings = loaded(monkeypatch, **{name: text})
    assert getattr(settings.edge, name.lower()) == values


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TRUSTED_PROXIES", "secret.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "*"),
        ("ALLOWED_HOSTS", "kb.example.com:8000"),
        ("ALLOWED_HOSTS", "*"),
        ("CORS_ORIGINS", "secret.example.com"),
        ("CORS_ORIGINS", "https://secret.example.com/"),
        ("CORS_ORIGINS", "https://user@secret.example.com"),
        ("CORS_ORIGINS", "https://secret.example.com:port"),
        ("CORS_ORIGINS", "https://*.secret.example.com"),
        ("CORS_ORIGINS", "null"),
    ],
)
def test_what_is_none_of_a_list_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    problems = refused(monkeypatch, **{name: text})
    assert set(problems) == {name}
    assert "secret" not in str(problems)


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://:secret@/0",
        "redis://cache:port/0",
        "redis://cache:0",
        "redis://cache:99999",
        "unix://",
        "http://cache",
        "cache:6379",
    ],
)
def test_what_is_no_address_of_redis_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert set(refused(monkeypatch, REDIS_URL=url)) == {"REDIS_URL"}


@pytest.mark.parametrize(
    "url", ["redis://cache", "redis://:pass@cache:6379/2", "rediss://u:p@[::1]:6380", "unix:///run/redis.sock?db=1"]
)
def test_the_usual_addresses_of_redis_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    redis_url = loaded(monkeypatch, REDIS_URL=url).data.redis_url
    assert redis_url is not None
    assert redis_url.get_secret_value() == url


def test_redis_without_its_package_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    problems = refused(monkeypatch, REDIS_URL="redis://cache")
    assert set(problems) == {"REDIS_URL"}
    assert "pip install fastops[redis]" in problems["REDIS_URL"]


@pytest.mark.parametrize(
    ("scheme", "store", "driver"),
    [
        ("postgres", "postgresql", "postgresql+asyncpg"),
        ("postgresql", "postgresql", "postgresql+asyncpg"),
        ("postgresql+asyncpg", "postgresql", "postgresql+asyncpg"),
        ("mysql", "mariadb", "mysql+aiomysql"),
        ("mysql+pymysql", "mariadb", "mysql+aiomysql"),
        ("mariadb", "mariadb", "mysql+aiomysql"),
    ],
)
def test_every_usual_name_of_a_database_is_one_store(
    monkeypatch: pytest.MonkeyPatch, scheme: str, store: str, driver: str
) -> None:
    settings = loaded(monkeypatch, DATABASE_URL=f"{scheme}://fastops@db/fastops", MASTER_KEY=KEY)
    assert settings.store == store
    assert database_url(settings.database_url).drivername == driver


def test_secrets_stay_out_of_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hunter2-hunter2"
    url, redis_url = f"postgresql://fastops:{secret}@db/fastops", f"redis://:{secret}@cache"
    names = ("GROQ_API_KEY", "LANGUAGE_MODEL_KEY", "EMBEDDING_KEY", "METRICS_TOKEN")
    settings = loaded(
        monkeypatch, DATABASE_URL=url, REDIS_URL=redis_url, MASTER_KEY=KEY, **dict.fromkeys(names, secret)
    )
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert secret not in text
        assert KEY not in text


def test_a_child_process_sees_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = load_settings(
        port=8123,
        data_dir=tmp_path,
        master_key=KEY,
        log_level="ERROR",
        password_min_length=20,
        trusted_proxies="10.0.0.2,unix",
        cors_origins="https://app.example.com",
    )
    for name, value in given.environ().items():
        monkeypatch.setenv(name, value)
    assert load_settings(env_file=None) == given
