"""Takes docs/images/graphiql.png: `atrium dev`, then `python docs/images/graphiql.py [address of the endpoint]`."""

import asyncio
import shutil
import sys
from pathlib import Path

from playwright.async_api import async_playwright

PICTURE = Path(__file__).with_suffix(".png")


async def take(url: str, *, dark: bool = False, picture: Path = PICTURE) -> None:
    """Signs in with the first demo account, runs the first tab beside the explorer, and keeps what is then to see."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        page = await chromium.new_page(
            viewport={"width": 1440, "height": 900}, color_scheme="dark" if dark else "light"
        )
        await page.goto(url)
        await page.get_by_role("group", name="Demo accounts").get_by_role("button").first.click()
        await page.get_by_role("button", name="Sign out").wait_for()
        await page.get_by_role("button", name="Show GraphiQL Explorer").click()
        await page.get_by_role("button", name="Execute query").click()
        await page.get_by_role("region", name="Result Window").get_by_text("data").wait_for()
        await page.screenshot(path=picture)
        await chromium.close()


if __name__ == "__main__":
    asyncio.run(take(*sys.argv[1:2] or ["http://127.0.0.1:8000/graphql"]))
