"""The endpoint passes every public audit of GraphQL over HTTP, what the specification recommends included."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.graphql.serving import application, listening

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the packages of the audits installed as the lock file says."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("The audits need Node.js 20 or later with npm on PATH.")
    installed = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    return node


async def audit(node: str, address: str) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        node, "audits.mjs", f"{address}/graphql", cwd=HERE, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    results: list[dict[str, Any]] = json.loads(output)
    return results


async def test_all_audits_pass(node: str) -> None:
    async with listening(application()) as address:
        results = await audit(node, address)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61
