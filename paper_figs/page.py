"""A self-contained HTML page: text, tables, embedded figures, folded details. Every value is escaped where it enters."""

import base64
import html
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .style import prose

__all__ = ["Page"]

STYLE = """
:root { --ink: #1d2530; --soft: #5d6b7a; --line: #d9dfe5; --blue: #0072b2; --back: #f6f8fa; }
* { box-sizing: border-box; }
body { font: 15px/1.55 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); margin: 0 auto; padding: 2.5rem
1.2rem 5rem; max-width: 1080px; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .4rem; } h2 { font-size: 1.2rem; margin: 2.8rem 0 .6rem; } p {
max-width: 52rem; }
.soft, figcaption, small { color: var(--soft); font-size: .87rem; } figure { margin: 1.4rem 0 2rem; } figure img {
width: 100%; height: auto; } .wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .87rem; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td.n { white-space: nowrap; font-variant-numeric: tabular-nums; } a { color: var(--blue); text-decoration: none; }
a:hover { text-decoration: underline; }
.tag { display: inline-block; border-radius: 3px; padding: 0 .45em; font-size: .82rem; color: white; background: #5d6b7a; }
.proved { background: #00795a; } .refuted { background: #b3261e; } .undecided { background: #b26a00; }
details { margin: .3rem 0; } summary { cursor: pointer; } pre { background: var(--back); padding: .8rem; overflow-x:
auto; font-size: .78rem; }
code { font-size: .78rem; color: #46525f; overflow-wrap: anywhere; } li details { margin: 0; }
ul.obligations { margin: .3rem 0 .3rem 1.1rem; padding: 0; list-style: none; } ul.obligations li { padding-left:
1.4em; text-indent: -1.4em; }
"""
MARK = {"proved": "✓", "undecided": "?", "refuted": "✗"}


class Page:
    """Collects the parts of a page; ``str`` of it is the document."""

    def __init__(self, title: str):
        self.title, self.parts = title, [f"<h1>{html.escape(title)}</h1>"]

    def heading(self, words: str) -> None:
        """A section begins."""
        self.parts.append(f"<h2>{html.escape(words)}</h2>")

    def text(self, words: str, soft: bool = False) -> None:
        """A paragraph of plain words."""
        self.parts.append(f"<p{' class=soft' if soft else ''}>{html.escape(prose(words))}</p>")

    def table(self, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        """A table; a cell that begins with "#" is a link to the provenance of that name."""
        lines = ["<div class=wide><table><thead><tr>", *(f"<th>{html.escape(h)}</th>" for h in head), "</tr></thead><tbody>"]
        for row in rows:
            lines += ["<tr>", *(_cell(c) for c in row), "</tr>"]
        self.parts.append("".join([*lines, "</tbody></table></div>"]))

    def figure(self, path: Path, caption: str, name: str) -> None:
        """A PNG, embedded, with its caption and a link to its provenance."""
        data, words, label = base64.b64encode(path.read_bytes()).decode(), html.escape(caption), html.escape(name)
        link = f'<a href="#of-{label}">Settings and provenance</a>'
        image = f'<img alt="{words}" src="data:image/png;base64,{data}">'
        self.parts.append(f'<figure id="{label}">{image}<figcaption>{words} {link}.</figcaption></figure>')

    def claim(self, claim: Mapping[str, Any]) -> None:
        """A claim with its status, folded: hypotheses, what it rests on, the tree of its obligations, theorems in Rocq."""
        words = {k: html.escape(str(claim[k])) for k in ("id", "status", "title", "statement", "source")}
        head = "<b>{id}</b> <span class='tag {status}'>{status}</span> {title}. {statement} <small>({source})</small>".format(
            **words
        )
        notes = [f"Hypothesis: {h}." for h in claim["hypotheses"]]
        notes += [f"Rests on {', '.join(claim['rests_on'])}."] if claim["rests_on"] else []
        about = "".join(f"<p class=soft>{html.escape(n)}</p>" for n in notes)
        items = "".join(f"<li>{_obligation(o)}</li>" for o in claim["obligations"])
        kernel = "".join(f"<li>{_theorem(t)}</li>" for t in claim["kernel_checked"])
        kernel = kernel and f"<p class=soft>Checked by the kernel of Rocq:</p><ul class=obligations>{kernel}</ul>"
        body = f"{about}<ul class=obligations>{items}</ul>{kernel}"
        self.parts.append(f"<details><summary>{head}</summary>{body}</details>")

    def provenance(self, name: str, document: Mapping[str, Any]) -> None:
        """All that is known of where a result comes from, folded."""
        text, label = html.escape(json.dumps(document, indent=1, ensure_ascii=False)), html.escape(name)
        self.parts.append(f'<details id="of-{label}"><summary>{label}</summary><pre>{text}</pre></details>')

    def __str__(self) -> str:
        head = f"<meta charset='utf-8'><title>{html.escape(self.title)}</title><style>{STYLE}</style>"
        view = "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        body = "\n".join(self.parts)
        return f"<!doctype html>\n<html lang='en'><head>{head}{view}</head>\n<body>\n{body}\n{SCRIPT}</body></html>\n"


SCRIPT = """<script>
addEventListener("hashchange", () => { const d = document.getElementById(location.hash.slice(1)); if (d) d.open = true; });
</script>"""
"""A link to a folded provenance opens it."""


def _obligation(found: Mapping[str, Any]) -> str:
    """A fact with its formula, or a step with its facts folded."""
    engine = html.escape(f"{found['engine']}, {found['seconds']:.2f} s")
    line = f"{MARK[found['status']]} {html.escape(found['words'])} <small>{engine}</small>"
    if "parts" not in found:
        formula = html.escape(found.get("formula", ""))
        return f"{line}<br><code>{formula}</code>" if formula else line
    inner = "".join(f"<li>{_obligation(part)}</li>" for part in found["parts"])
    return f"<details><summary>{line}</summary><ul class=obligations>{inner}</ul></details>"


def _theorem(theorem: Mapping[str, str]) -> str:
    name, file, says = (html.escape(theorem[k]) for k in ("theorem", "file", "says"))
    return f"⊢ <code>{name}</code> <small>{file}</small> {says}"


def _cell(text: str) -> str:
    if text.startswith("#"):
        return f'<td><a href="#of-{html.escape(text[1:])}">{html.escape(text[1:])}</a></td>'
    return f"<td{' class=n' if len(text) < 28 and text[:1] in tuple('0123456789−+–') else ''}>{html.escape(text)}</td>"
