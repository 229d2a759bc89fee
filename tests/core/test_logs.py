import json
import os
import subprocess
import sys

import pytest

from app.core.logs import REDACTED, redact

SECRETS = [
    "mongodb://atrium:hunter2@db.example:27017/",
    "cannot reach redis://:hunter2@cache:6379/0",
    "Authorization: Bearer hunter2.hunter2-hunter2",
    "Basic aHVudGVyMjpodW50ZXIy",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.aHVudGVyMg",
    "a key atr_live_hunter2aHVudGVyMg in a sentence",
    "atr_token_hunter2.aHVudGVyMg-_",
    "password=hunter2&next=/",
    '{"refreshToken": "hunter2", "a": 1}',
    "{'api_key': 'hunter2'}",
    r"{\"password\": \"hunter2\"}",
]


@pytest.mark.parametrize("text", SECRETS)
def test_text_that_looks_like_a_secret_is_redacted(text: str) -> None:
    shown = redact(text)
    assert REDACTED in shown
    assert "hunter2" not in shown
    assert "aHVudGVyM" not in shown


@pytest.mark.parametrize(
    "name",
    ["password", "newPassword", "Authorization", "set-cookie", "accessToken", "refresh_token", "token", "SECRET_KEY"],
)
def test_what_a_secret_s_name_points_at_is_redacted(name: str) -> None:
    assert redact({"a": [{name: "hunter2"}]}) == {"a": [{name: REDACTED}]}
    assert redact({name: {"deep": "hunter2"}}) == {name: REDACTED}


@pytest.mark.parametrize(
    "value",
    [
        "the token was refused",
        "https://example.com/a?b=c",
        "mongodb://db.example:27017/",
        "passwords are hashed",
        {"tokens": 812},
    ],
)
def test_what_is_no_secret_stays(value: object) -> None:
    assert redact(value) == value


PROGRAM = """
import logging, structlog, warnings
from app.core import logs
from app.core.settings import settings
logs.configure(settings())
log = structlog.stdlib.get_logger("app")
structlog.contextvars.bind_contextvars(request_id="r-1")
log.info("signed_in", password="hunter2", uri="mongodb://a:hunter2@h/", count=3)
log.debug("unseen")
try:
    raise ValueError("redis://:hunter2@h")
except ValueError:
    log.exception("failed")
    logging.getLogger("arq.worker").exception("late: %s", "token=hunter2")
logging.getLogger("uvicorn.error").info("Started %d", 7, extra={"cookie": "hunter2"})
logging.getLogger("pymongo.command").debug("hunter2")
warnings.warn("Bearer hunter2")
"""


def run(**changes: str) -> str:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env={**os.environ, **changes}, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_every_record_is_one_json_line_without_secrets() -> None:
    output = run(LOG_FORMAT="json")
    assert "hunter2" not in output
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["level"] for line in lines] == ["info", "error", "error", "info", "warning"]
    assert all({"event", "timestamp"} <= line.keys() and line["request_id"] == "r-1" for line in lines)
    assert (lines[0]["event"], lines[0]["count"]) == ("signed_in", 3)
    assert "ValueError" in lines[1]["exception"]
    assert lines[2]["logger"] == "arq.worker"
    assert lines[3]["event"] == "Started 7"


def test_text_for_people_is_redacted_as_well_and_debug_never_shows_commands() -> None:
    output = run(LOG_FORMAT="text", LOG_LEVEL="debug")
    assert "hunter2" not in output
    assert "unseen" in output
