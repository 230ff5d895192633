"""The pages in a real Chromium: what is seen, pointed at, clicked, typed and printed.

Without chromium and chromedriver these tests are skipped; with DOVETAIL_BROWSER=required that is a failure.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dovetail.explorer.report.data_run import Run, best, shown_in_full
from dovetail.explorer.report.draw_front import scales
from dovetail.explorer.report.evaluation_page import evaluation_page
from dovetail.explorer.report.records import Source
from dovetail.explorer.report.run_page import run_page

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --force-device-scale-factor=1"
)
WIDTHS = (1280, 400)
SCHEMES = ("light", "dark")

pytestmark = [
    pytest.mark.skipif(
        (BROWSER is None or DRIVER is None) and os.environ.get("DOVETAIL_BROWSER") != "required",
        reason="no chromium or no chromedriver: reports are not looked at in a browser",
    ),
]


class Page:
    """A browser at one of the pages."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver = driver
        self.folder = folder

    def open(self, name: str, width: int = 1280, scheme: str = "light") -> None:
        """Load a page at a width and in a colour scheme, with nothing but the file to load from."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.get("about:blank")
        self.driver.get((self.folder / f"{name}.html").as_uri())
        self.driver.get_log("browser")
        self.driver.refresh()

    def run(self, script: str, *given: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *given)

    def all(self, selector: str) -> list[Any]:
        """Elements by selector."""
        return list(self.driver.find_elements("css selector", selector))

    def one(self, selector: str) -> Any:
        """The first element of a selector."""
        return self.driver.find_element("css selector", selector)

    def point_at(self, element: Any) -> None:
        """Bring an element into view and move the pointer over its middle."""
        from selenium.webdriver import ActionChains

        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        ActionChains(self.driver).move_to_element(element).perform()

    def press(self, *keys: str) -> None:
        """Keys, to whatever has the focus."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def tip(self) -> str:
        """The words at the pointer; empty where there are none."""
        text: str = self.run("const t = document.getElementById('tip'); return t.hidden ? '' : t.textContent")
        return text

    @property
    def complaints(self) -> list[Any]:
        """What the console says."""
        return list(self.driver.get_log("browser"))


@pytest.fixture(scope="module")
def run_shown(make_run: Callable[..., Run]) -> Run:
    return make_run(4000)


@pytest.fixture(scope="module")
def chromium() -> tuple[str, str]:
    """Where browser and driver are; asked for first, so that a lack is found before pages are made."""
    assert BROWSER is not None and DRIVER is not None, "chromium and chromedriver are required here"
    return BROWSER, DRIVER


@pytest.fixture(scope="module")
def browser(
    chromium: tuple[str, str],
    source: Source,
    run_shown: Run,
    run_of_a_million: Run,
    make_run: Callable[..., Run],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Page]:
    from selenium import webdriver

    binary, chromedriver = chromium
    folder = tmp_path_factory.mktemp("pages")
    details = dict.fromkeys(shown_in_full(run_shown, 3), source)
    pages = {
        "evaluation": evaluation_page([source]),
        "run": run_page(run_shown, details),
        "three": run_page(make_run(20_000, goals=3), {}),
        "million": run_page(run_of_a_million, {}),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield Page(driver, folder)
    driver.quit()


PAGES = ("evaluation", "run", "three")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_complained_of_and_nothing_is_wider_than_the_page(
    browser: Page, name: str, width: int, scheme: str
) -> None:
    browser.open(name, width, scheme)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.complaints == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_no_table_and_no_picture_of_a_mapping_is_cut(browser: Page, name: str, width: int) -> None:
    """On a telephone too, with everything unfolded: only parallel coordinates and wide graphs scroll."""
    browser.open(name, width)
    browser.run("for (const e of document.querySelectorAll('details')) e.open = true")
    boxes = "document.querySelectorAll('.scroll:not(.wide, .graph)')"
    cut = f"""return [...{boxes}].filter(e => e.scrollWidth > e.clientWidth + 1)
        .map(e => [e.getAttribute('aria-label'), e.scrollWidth, e.clientWidth])"""
    assert browser.run(f"return {boxes}.length") > 2
    assert browser.run(cut) == []


def test_a_mapping_is_drawn_as_its_text_says(browser: Page, source: Source) -> None:
    """Loops of the picture from top to bottom are those of the text, for layers that share one too."""
    browser.open("evaluation")
    browser.run("for (const e of document.querySelectorAll('details')) e.open = true")
    read = """
        const box = document.getElementById(arguments[0]), svg = box.querySelector('svg.dt');
        const use = svg.querySelector('use');
        const drawn = use ? document.querySelector(use.getAttribute('href')) : svg;
        const seen = (use ?? svg.querySelector('g')).getBoundingClientRect();
        return [[...drawn.querySelectorAll('text.m')].map((t) => t.textContent), seen.width, seen.height];
    """
    for layer in source.evaluation.layers:
        if layer.mapping is None:
            continue
        loops, width, height = browser.run(read, f"layer-{layer.name}")
        lines = [line.strip() for line in layer.mapping.splitlines()]
        assert loops == [line for line in lines if line.startswith(("for ", "spatial ")) or line == "mac"]
        assert width > 200 and height > 15 * len(loops)


def test_a_million_designs_open_and_answer(browser: Page, run_of_a_million: Run) -> None:
    browser.open("million")
    assert browser.complaints == []
    drawn = browser.all(".pareto circle.front")
    assert len(drawn) == len(run_of_a_million.front)
    browser.point_at(drawn[0])
    assert browser.tip.startswith("design ")
    drawn[0].click()
    assert "Design" in browser.one("#pick").text


@pytest.mark.parametrize("name", PAGES)
def test_letters_stand_out_in_both_schemes(browser: Page, name: str) -> None:
    """Text against the page: 4.5 to 1 at least (WCAG AA), for words that are quiet too."""
    script = """
        const part = (c) => { c /= 255; return c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
        const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
                                  return .2126 * part(r) + .7152 * part(g) + .0722 * part(b); };
        const paper = light(getComputedStyle(document.body).backgroundColor);
        return ['body', '.quiet, .lead', 'a', 'thead th'].map((s) => {
            const ink = light(getComputedStyle(document.querySelector(s)).color);
            return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05); });
    """
    backgrounds = set()
    for scheme in SCHEMES:
        browser.open(name, 1280, scheme)
        assert min(browser.run(script)) >= 4.5
        backgrounds.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert len(backgrounds) == 2


@pytest.mark.parametrize("width", WIDTHS)
def test_the_points_of_the_front_stand_where_the_data_says(browser: Page, run_shown: Run, width: int) -> None:
    browser.open("run", width)
    drawn = browser.run(
        """
        const box = document.querySelector('.pareto .plot > svg').getBoundingClientRect();
        return [...document.querySelectorAll('.pareto circle.front')].map((c) => {
            const b = c.getBoundingClientRect();
            return [Number(c.dataset.front), (b.left + b.width / 2 - box.left) / box.width,
                    1 - (b.top + b.height / 2 - box.top) / box.height]; });
        """
    )
    across, up = scales(run_shown, "latency", "energy")
    assert sorted(i for i, _, _ in drawn) == list(range(len(run_shown.front)))
    for i, x, y in drawn:
        point = run_shown.front[i]
        assert x == pytest.approx(across.at(float(run_shown.column("latency")[point])), abs=0.004)
        assert y == pytest.approx(up.at(float(run_shown.column("energy")[point])), abs=0.004)


def test_pointing_at_a_point_tells_its_design(browser: Page, run_shown: Run) -> None:
    from dovetail.explorer.report import quantities as q

    browser.open("run")
    last = browser.all(".pareto circle.front")[-1]
    browser.point_at(last)
    point = run_shown.front[int(last.get_attribute("data-front"))]
    lines = browser.tip.split("\n")
    assert lines[0] == f"design {run_shown.names[point]}"
    assert f"latency: {q.metric(float(run_shown.column('latency')[point]), 's')}" in lines
    assert f"energy: {q.metric(float(run_shown.column('energy')[point]), 'pJ')}" in lines
    assert "at" in last.get_attribute("class").split()
    browser.press("\ue00c")  # Escape
    assert browser.tip == ""


def test_pointing_at_the_grey_field_tells_how_many_designs_are_there(browser: Page) -> None:
    from selenium.webdriver import ActionChains

    browser.open("run")
    plot = browser.one(".pareto .plot")
    browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", plot)
    found = set()
    for x in range(-150, 200, 50):
        ActionChains(browser.driver).move_to_element_with_offset(plot, x, 40).perform()
        found.add(browser.tip.rpartition("\n")[2])
    assert any(text.endswith((" designs here", " design here")) for text in found)


def test_a_click_opens_the_design_with_choices_metrics_and_layers(browser: Page, run_shown: Run) -> None:
    browser.open("run")
    for point in (best(run_shown, run_shown.goals[0]), best(run_shown, run_shown.goals[1])):
        name = run_shown.names[point]
        circle = browser.one(f'.pareto circle[data-front="{run_shown.front.index(point)}"]')
        browser.point_at(circle)
        circle.click()
        panel = browser.one("#pick").text
        assert f"Design {name}" in panel
        for choice, option in run_shown.choices(point).items():
            assert choice in panel and option in panel
        full = browser.one(f"#d{name}-design")
        assert full.get_attribute("open")
        assert full.find_elements("css selector", "table.layers tbody tr")
        assert full.find_elements("css selector", "pre")
        marked = {e.get_attribute("data-front") for e in browser.all(".picked[data-front]")}
        assert marked == {str(run_shown.front.index(point))}
    assert browser.complaints == []


def test_a_link_in_the_first_paragraph_opens_its_design(browser: Page, run_shown: Run) -> None:
    browser.open("run")
    browser.one(".answer a[data-pick]").click()
    name = run_shown.names[best(run_shown, run_shown.goals[0])]
    assert f"Design {name}" in browser.one("#pick").text


def test_the_front_is_walked_and_opened_by_keys(browser: Page, run_shown: Run) -> None:
    browser.open("run")
    stops = browser.all('.pareto [data-roving] [tabindex="0"]')
    assert len(stops) == 1
    browser.run("arguments[0].focus()", stops[0])
    browser.press("\ue014")  # the right arrow
    at = browser.run("return document.activeElement.dataset.front")
    assert at is not None and at != stops[0].get_attribute("data-front")
    assert len(browser.all('.pareto [data-roving] [tabindex="0"]')) == 1
    browser.press("\ue007")  # Enter
    assert f"Design {run_shown.names[run_shown.front[int(at)]]}" in browser.one("#pick").text


def test_an_option_keeps_the_lines_that_take_it(browser: Page, run_shown: Run) -> None:
    browser.open("run")
    button = browser.all("button.option")[0]
    browser.point_at(button)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    axis, option = (int(button.get_attribute(f"data-{name}")) for name in ("axis", "option"))
    for line in browser.all("path.line"):
        point = run_shown.front[int(line.get_attribute("data-front"))]
        off = "off" in line.get_attribute("class").split()
        assert off == (run_shown.picks[point, axis] != option)
    button.click()
    assert not browser.all("path.line.off")


def test_layers_are_sorted_and_put_back(browser: Page, source: Source) -> None:
    browser.open("evaluation")
    script = "return [...document.querySelectorAll('.layers tbody tr')].map((r) => Number(r.dataset.time))"
    cycles = [layer.cycles for layer in source.evaluation.layers]
    assert browser.run(script) == cycles
    browser.one('button[data-sort="time"]').click()
    assert browser.run(script) == sorted(cycles, reverse=True)
    browser.one('button[data-sort="order"]').click()
    assert browser.run(script) == cycles


def test_a_layer_s_link_unfolds_its_mapping(browser: Page) -> None:
    browser.open("evaluation")
    link = browser.one(".layers tbody a")
    browser.point_at(link)
    link.click()
    details = browser.one(f"details[id='layer-{link.text}']")
    assert details.get_attribute("open")
    assert details.find_element("css selector", "pre").is_displayed()


def test_a_piece_of_a_bar_tells_its_share(browser: Page, source: Source) -> None:
    browser.open("evaluation")
    browser.point_at(browser.one(".layers tbody .bar i"))
    first = source.evaluation.layers[0]
    assert browser.tip.startswith(f"{first.name}\ncomputing: ")
    assert "of the layer's time" in browser.tip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_no_label_of_a_chart_covers_another(browser: Page, name: str, width: int) -> None:
    browser.open(name, width)
    overlaps = browser.run(
        """
        const found = [];
        for (const plot of document.querySelectorAll('.plot')) {
            const labels = [...plot.querySelectorAll('.tick, .name, .note')];
            const boxes = labels.map((e) => [e.textContent, e.getBoundingClientRect()]);
            for (const [i, [a, p]] of boxes.entries()) for (const [b, q] of boxes.slice(i + 1)) {
                const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
                const up = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
                if (across > 1 && up > 1) found.push(`${a} | ${b}`);
            }
        }
        return found;
        """
    )
    assert overlaps == []


def test_the_tables_are_there_without_a_script(browser: Page, source: Source) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open("evaluation")
        assert len(browser.all(".layers tbody tr")) == len(source.evaluation.layers)
        assert browser.one(".layers tbody tr").is_displayed()
        assert not browser.one(".sort").is_displayed()  # what needs a script is not offered
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("name", PAGES)
def test_what_is_printed_is_on_paper_white_and_within_its_width(browser: Page, name: str) -> None:
    browser.open(name, 794, "dark")  # A4 at 96 points an inch, from a dark screen
    browser.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not browser.one("nav").is_displayed()
    wide = browser.run(
        "return [...document.querySelectorAll('.chart, .layers, .legend, .figures')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className)"
    )
    assert wide == []
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    paper = {"printBackground": False, "paperWidth": 8.27, "paperHeight": 11.69}
    printed = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", paper)["data"])
    assert printed.startswith(b"%PDF")
