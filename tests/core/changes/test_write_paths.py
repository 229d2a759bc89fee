"""I13: no code writes past the change log."""

from pathlib import Path

import pytest

from tests.core.changes.write_paths import violations

ROOT = Path(__file__).parents[3]


def test_i13_documents_are_written_through_the_change_log_alone() -> None:
    found = [line for path in sorted((ROOT / "app").rglob("*.py")) for line in violations(path, ROOT)]
    assert found == []


@pytest.mark.parametrize(
    ("place", "code", "count"),
    [
        ("app/services/notes.py", "await course.save()", 1),
        ("app/services/notes.py", "await collection('notes').replace_one({}, {})", 1),
        ("app/resolvers/notes.py", "await Note.get_pymongo_collection().find_one({})", 1),
        ("app/models/notes.py", "await collection('notes').find_one_and_update({}, {})", 1),
        ("app/models/notes.py", "await collection('notes').aggregate([{'$match': {}}, {'$merge': 'notes'}])", 1),
        ("app/models/notes.py", "projection = {'_events': 0}", 1),
        ("app/models/notes.py", "where = {'updated._events.v': 1}", 1),
        ("app/core/rows.py", "projection = {'_events': 0}", 1),
        ("app/core/changes/writes.py", "collection('notes').update_one({}, {'$set': {'_events': b''}})", 0),
        ("app/migrations/m0002.py", "await database['notes'].update_many({}, {'$unset': {'old': ''}})", 0),
        ("app/services/notes.py", "await changes.change(Note, {}, {'$set': {}})\nawait changes.insert(note)", 0),
        ("app/services/notes.py", "message = 'user_events are saved'\nitems.insert(0, item)\nkeep.update({})", 0),
    ],
)
def test_the_lint_itself(tmp_path: Path, place: str, code: str, count: int) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text("async def f():\n    " + code.replace("\n", "\n    "))
    assert len(list(violations(path, tmp_path))) == count
