"""The page parses, stands alone, lists the claims, shows the figures, and every row of numbers names its settings."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from paper_figs.page import Page

VOID = {"meta", "img", "link", "br"}


class Reader(HTMLParser):
    """Checks that tags close in order, and collects ids, links, images and rows."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.images: list[str] = []
        self.rows: list[list[str]] = []
        self.text: list[str] = []
        self.row_links: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if found.get("id"):
            self.ids.add(str(found["id"]))
        if tag == "a":
            self.links.append(str(found["href"]))
            if "tr" in self.open:
                self.row_links[-1].append(str(found["href"]))
        if tag == "img":
            self.images.append(str(found["src"]))
        if tag == "tr":
            self.rows.append([])
            self.row_links.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.open[-1] in ("td", "th", "a") and "tr" in self.open:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def page(report: Path) -> Reader:
    reader = Reader()
    reader.feed((report / "index.html").read_text())
    reader.close()
    return reader


def test_page_is_well_formed_and_stands_alone(page: Reader) -> None:
    assert page.open == []
    assert len(page.images) >= 4
    assert all(src.startswith("data:image/png;base64,") for src in page.images)
    assert all(link.startswith("#") for link in page.links)


def test_every_link_leads_to_a_provenance(page: Reader) -> None:
    assert {link[1:] for link in page.links} <= page.ids


def test_every_row_of_numbers_names_its_settings(page: Reader) -> None:
    numbers = [i for i, row in enumerate(page.rows) if any(re.search(r"\d", cell) for cell in row[1:])]
    assert len(numbers) > 20
    assert all(page.row_links[i] for i in numbers)


def test_claims_are_listed_with_their_status(page: Reader, report: Path) -> None:
    text = " ".join(page.text)
    verified = json.loads((report / "verify.json").read_text())
    assert {c["id"] for c in verified["claims"]} >= {"T1", "T2", "T3", "T4", "T5", "T6"}
    for claim in verified["claims"]:
        assert claim["statement"] in text
        assert claim["status"] == "proved"
        assert all(h in text for h in claim["hypotheses"])


def test_provenance_has_settings_commit_and_machine(report: Path) -> None:
    for path in (report / "results").glob("*.json"):
        provenance = json.loads(path.read_text())["provenance"]
        assert {"settings", "settings_hash", "versions", "commit", "dirty", "machine", "threads", "seed"} <= provenance.keys()


def test_a_second_report_computes_nothing_and_gives_the_same_page(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import signescape
    from paper_figs import presets, success

    from .conftest import TINY

    monkeypatch.setitem(presets.PRESETS, "quick", TINY)
    monkeypatch.setattr(success, "compute", lambda *_: pytest.fail("computed again"))
    before = (report / "figures" / "success.png").read_bytes()
    assert signescape.main(["report", "--out", str(report), "--workers", "1"]) == 0
    assert (report / "figures" / "success.png").read_bytes() == before


def test_what_enters_the_page_is_escaped() -> None:
    page = Page("a < b & c")
    page.table(("<x>",), [["<script>"]])
    page.text("<b>")
    assert "<script>" not in str(page).replace("<script>\naddEventListener", "")
    assert "a &lt; b &amp; c" in str(page)
