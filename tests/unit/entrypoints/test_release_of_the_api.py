"""`make release-api`: takes over what was added, and what breaks clients only while nobody has the release."""

import json
from pathlib import Path

import pytest

from entrypoints.reference import api


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(api, "RELEASED", tmp_path / "api" / "v1.json")
    monkeypatch.setattr(api, "CHANGELOG", tmp_path / "CHANGELOG.md")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 (unreleased)\n")
    return tmp_path


def test_the_first_one_is_taken_as_it_is_and_the_next_one_with_what_was_added(folder: Path) -> None:
    api.main()
    text = api.RELEASED.read_text()
    assert text == api.canonical(api.contract())
    smaller = json.loads(text)
    del smaller["paths"]["/api/v1/users"]["post"]
    api.RELEASED.write_text(api.canonical(smaller))
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0\n")
    api.main()
    assert api.RELEASED.read_text() == text


def test_what_breaks_a_release_that_is_out_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    larger = api.contract()
    larger["paths"]["/api/v1/gone"] = {"get": larger["paths"]["/api/v1/users"]["get"]}
    api.RELEASED.parent.mkdir()
    api.RELEASED.write_text(before := api.canonical(larger))
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 0.2.0 (unreleased)\n\n## 0.1.0\n")
    with pytest.raises(SystemExit) as stopped:
        api.main()
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "GET /api/v1/gone: the operation is gone\n"
    assert api.RELEASED.read_text() == before
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 (unreleased)\n")
    api.main()
    assert "/api/v1/gone" not in api.RELEASED.read_text()
