"""ID-10: what devices are called, and where they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from app.core.settings import settings
from app.services.identity import devices

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/141.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {WEBKIT} CriOS/141 Safari/604.1", "Chrome on iPhone"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.5 Safari/605.1.15", "Safari on macOS"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0 Safari/537.36",
         "Samsung Internet on Android"),
        ("curl/8.5.0", "curl"),
        ("Atrium Field App/3.1 (iPad; iOS 18.5)", "Atrium Field App on iPad"),
        ("Mozilla/5.0", devices.UNKNOWN),
        ("", devices.UNKNOWN),
        ("\x00<script>/", devices.UNKNOWN),
    ],
)  # fmt: skip
def test_a_device_is_called_what_its_person_calls_it(agent: str, name: str) -> None:
    assert devices.name(agent) == name


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "places.mmdb"
    writer = MMDBWriter(6, "GeoLite2-City", ipv4_compatible=True)
    lyon = {"city": {"names": {"en": "Lyon", "fr": "Lyon"}}, "country": {"names": {"en": "France"}}}
    writer.insert_network(IPSet(["81.2.69.0/24"]), lyon)
    writer.insert_network(IPSet(["2001:db8::/32"]), {"country": {"names": {"en": "India"}}})
    writer.insert_network(IPSet(["81.2.70.0/24"]), {"location": {"latitude": 1.0}})
    writer.to_db_file(str(path))
    monkeypatch.setenv("PLACES_DATABASE", str(path))
    settings.cache_clear()
    yield path
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("81.2.69.160", "Lyon, France"),
        ("2001:db8::1", "India"),
        ("81.2.70.1", None),
        ("127.0.0.1", None),
        ("", None),
        ("not an address", None),
    ],
)
def test_a_place_is_what_the_file_says(address: str, place: str | None) -> None:
    assert devices.place(address) == place


def test_a_file_that_cannot_be_read_is_no_place(places: Path) -> None:
    places.write_text("damaged")
    assert devices.place("81.2.69.160") is None


def test_without_a_file_nobody_knows() -> None:
    assert devices.place("81.2.69.160") is None
