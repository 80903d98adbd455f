"""A real browser for tests: Debian's Chromium, on the screen of a phone, and somebody who reads and types there.

`.ci/services` installs it. It works in a thread of its own, so that the service of a test can answer meanwhile.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.waiting import GIVE_UP_SECONDS

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE = {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": True}


@dataclass
class Browser:
    """Finds fields by their labels and buttons by their words, as people do."""

    driver: Chrome

    async def open(self, url: str) -> None:
        """Go to a page, with nothing left of the one before."""
        await asyncio.to_thread(self._open, url)

    async def fill(self, label: str, text: str) -> None:
        await asyncio.to_thread(self._fill, label, text)

    async def press(self, button: str) -> None:
        await asyncio.to_thread(lambda: self._find(f"//button[normalize-space()='{button}']").click())

    async def follow(self, link: str) -> None:
        await asyncio.to_thread(lambda: self._find(f"//a[normalize-space()='{link}']").click())

    async def type(self, *keys: str) -> None:
        """Strike keys, wherever the focus is; `Keys.TAB` leads on."""
        await asyncio.to_thread(lambda: [self.driver.switch_to.active_element.send_keys(key) for key in keys])

    async def reads(self, text: str) -> None:
        """Wait until the page shows this text."""
        await asyncio.to_thread(self._until, lambda: text in self._text(), text)

    async def focused(self) -> str:
        """The id of what has the focus."""
        return await asyncio.to_thread(lambda: self.driver.switch_to.active_element.get_attribute("id") or "")

    async def address(self) -> str:
        return await asyncio.to_thread(lambda: self.driver.current_url)

    async def console(self) -> list[str]:
        """What the browser has complained of since the last look, beside answers that were refusals."""
        entries = await asyncio.to_thread(self.driver.get_log, "browser")
        return [one["message"] for one in entries if "the server responded with a status of 4" not in one["message"]]

    def _open(self, url: str) -> None:
        self.driver.get("about:blank")
        self.driver.get(url)
        assert self.driver.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]

    def _fill(self, label: str, text: str) -> None:
        name = self._find(f"//label[starts-with(normalize-space(), '{label}')]").get_attribute("for")
        field = self._find(f"//input[@id='{name}']")
        field.clear()
        field.send_keys(text)

    def _find(self, path: str) -> WebElement:
        self._until(lambda: any(one.is_displayed() for one in self.driver.find_elements("xpath", path)), path)
        return next(one for one in self.driver.find_elements("xpath", path) if one.is_displayed())

    def _text(self) -> str:
        return self.driver.find_element("tag name", "body").text

    def _until(self, condition: Callable[[], bool], wanted: str) -> None:
        waiting = WebDriverWait(self.driver, GIVE_UP_SECONDS, poll_frequency=0.05)
        waiting.until(lambda _: condition(), f"{wanted} is not on the page")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Raises LookupError where the browser or its driver is missing."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        raise LookupError("no Chromium: run .ci/services, or install the packages chromium and chromium-driver")
    with tempfile.TemporaryDirectory(prefix="fastops-chromium-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = program
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        running = Chrome(options, ChromeService(driver))
        try:
            running.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
            yield Browser(running)
        finally:
            running.quit()


TAB, ENTER = Keys.TAB, Keys.ENTER
