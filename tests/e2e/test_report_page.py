"""The report in a real browser: it stays inert whatever a run holds, and it fits the screens that people have."""

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autorec.web.account import read_account
from autorec.web.report import render
from tests.unit.report_runs import finished, hostile

SECTIONS = (
    "test", "progress", "curves", "lineage", "candidates", "code", "hypotheses", "failures", "cost", "protocol", "next"
)  # fmt: skip
DESKTOP, TELEPHONE = 1280, 390
EYE_PX = 8.5
"""Letters of a drawing below this height cannot be read."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium; where there is none these tests skip, and fail where CI demands one."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        problem = "no browser: install the system's package chromium"
        if os.environ.get("AUTOREC_REQUIRE_BROWSER"):
            pytest.fail(problem)
        pytest.skip(problem)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A usual run and a hostile one, as files."""
    folder, made = tmp_path_factory.mktemp("pages"), {}
    for name, make in (("finished", finished), ("hostile", hostile)):
        told = make(folder / name)
        made[name] = folder / f"{name}.html"
        made[name].write_text(render(read_account(told.folder)), encoding="utf-8")
        told.close()
    return made


class Visit:
    """A page that was opened, and everything that it tried besides being shown."""

    def __init__(self, browser: Any, file: Path, width: int, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.tried: list[str] = []
        self.page.on("console", lambda message: self.tried.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.tried.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.tried.append("dialog"), dialog.dismiss()))
        self.page.on("popup", lambda popup: self.tried.append(f"popup: {popup.url}"))
        self.page.on("request", self._asked)
        self.address = file.as_uri()
        self.page.goto(self.address)

    def _asked(self, request: Any) -> None:
        if request.url != self.address:
            self.tried.append(f"request: {request.url}")

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.page.close()


@pytest.mark.parametrize("name", ["finished", "hostile"])
def test_the_page_is_inert(browser, pages, name):
    with Visit(browser, pages[name], DESKTOP) as visit:
        title = visit.page.title()
        visit.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        for link in visit.page.locator("nav a").all():
            link.click()
        visit.page.mouse.wheel(0, 20_000)
        assert visit.tried == []
        assert visit.page.title() == title == f"{name} · autorec report"
        assert visit.page.evaluate("typeof window.canary") == "undefined"
        assert visit.page.locator("script, iframe, img, form, object, embed").count() == 0


def test_the_policy_stops_what_escaping_would_have_let_through(browser, pages, tmp_path):
    """The control: the same attack, written in as markup, is stopped by the policy alone, and runs without it."""
    attack = "<script>window.canary = 1</script><img src=x onerror='window.canary = 1'></body>"
    html = pages["finished"].read_text(encoding="utf-8").replace("</body>", attack)
    guarded, open_ = tmp_path / "guarded.html", tmp_path / "open.html"
    guarded.write_text(html, encoding="utf-8")
    open_.write_text(html.replace("Content-Security-Policy", "X-Nothing"), encoding="utf-8")
    canaries = []
    for file in (guarded, open_):
        with Visit(browser, file, DESKTOP) as visit:
            canaries.append(visit.page.evaluate("typeof window.canary"))
    assert canaries == ["undefined", "number"]


@pytest.mark.parametrize("width", [DESKTOP, 768, TELEPHONE, 320])
@pytest.mark.parametrize("name", ["finished", "hostile"])
def test_the_page_never_scrolls_sideways(browser, pages, name, width):
    with Visit(browser, pages[name], width) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [DESKTOP, TELEPHONE])
def test_the_layout(browser, pages, width):
    """Sections stand below one another within the page; the headline comes first; drawings and letters are legible."""
    with Visit(browser, pages["finished"], width) as visit:
        boxes = [visit.page.locator(f"section#{name}").bounding_box() for name in SECTIONS]
        assert all(box["height"] > 60 for box in boxes)
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert all(above["y"] + above["height"] <= below["y"] + 1 for above, below in itertools.pairwise(boxes))
        headline = visit.page.locator("h1").bounding_box()
        assert headline["y"] < 250
        assert headline["height"] < 200
        drawings = [svg for svg in visit.page.locator("figure svg").all() if svg.is_visible()]
        assert len(drawings) == 4
        for drawing in drawings:
            box = drawing.bounding_box()
            assert box["width"] > 300
            assert box["height"] > 80
            letters = [t.bounding_box()["height"] for t in drawing.locator("text").all()]
            assert min(letters) > EYE_PX


def test_drawings_stand_side_by_side_on_a_desktop_and_below_one_another_on_a_telephone(browser, pages):
    for width, beside in ((DESKTOP, True), (TELEPHONE, False)):
        with Visit(browser, pages["finished"], width) as visit:
            left, right = (figure.bounding_box() for figure in visit.page.locator("#progress figure").all())
            assert (left["y"] == right["y"]) is beside
            assert (left["x"] < right["x"]) is beside


def test_labels_of_a_drawing_stay_within_it(browser, pages):
    for name in pages:
        for width in (DESKTOP, TELEPHONE):
            with Visit(browser, pages[name], width) as visit:
                for figure in visit.page.locator("figure").all():
                    box = figure.bounding_box()
                    for text in figure.locator("text").all():
                        if text.is_visible():
                            at = text.bounding_box()
                            assert at["x"] >= box["x"] - 1
                            assert at["x"] + at["width"] <= box["x"] + box["width"] + 1


def test_light_and_dark_have_contrast(browser, pages):
    """Ink on paper in both schemes, by the contrast ratio of WCAG 2.2 (4.5 is its level AA)."""
    papers = []
    for scheme in ("light", "dark"):
        with Visit(browser, pages["finished"], DESKTOP, scheme) as visit:
            paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
            papers.append(_luminance(paper))
            for place in ("h1", ".lead", "section > p", ".note", "td", "summary", ".badge.good"):
                ink = visit.page.evaluate(f"getComputedStyle(document.querySelector('{place}')).color")
                assert _contrast(_luminance(ink), _luminance(paper)) >= 4.5, (scheme, place)
    assert papers[0] > 0.8 > 0.1 > papers[1]


def _contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
