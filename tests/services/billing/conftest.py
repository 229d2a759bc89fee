from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.settings import settings


@pytest.fixture
async def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """Where PDFs are kept."""
    monkeypatch.setenv("MEDIA_URL", f"file://{tmp_path}")
    settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()
