import stat
from pathlib import Path

import pytest

from app.dev.data import DataDirectoryError, claimed, secret_key


def test_a_directory_with_other_things_is_never_used_nor_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    for fresh in (False, True):
        with pytest.raises(DataDirectoryError, match="DATA_DIR"), claimed(tmp_path, fresh=fresh):
            pass
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_fresh_empties_its_own_directory_without_following_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.txt").write_text("precious")
    with claimed(tmp_path / "data", fresh=False) as directory:
        (directory / "mongodb").mkdir()
        (directory / "mongodb" / "file").write_text("x")
        (directory / "link").symlink_to(outside)
        first = secret_key(directory)
    with claimed(tmp_path / "data", fresh=True) as directory:
        assert not (directory / "mongodb").exists()
        assert not (directory / "link").exists()
        assert secret_key(directory) != first
    assert (outside / "thesis.txt").exists()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        claimed(tmp_path, fresh=False),
        pytest.raises(DataDirectoryError, match="Another"),
        claimed(tmp_path, fresh=True),
    ):
        pass


def test_a_path_that_cannot_be_a_directory_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match="file"), claimed(tmp_path / "file", fresh=False):
        pass


def test_the_secret_key_is_the_owner_s_alone(tmp_path: Path) -> None:
    assert secret_key(tmp_path) == secret_key(tmp_path)
    assert len(secret_key(tmp_path)) >= 32
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
