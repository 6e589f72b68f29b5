#!/usr/bin/env python3
"""Check what the notebooks become as pages: nothing of their text is lost, figures say in words what they show, code fits, links lead somewhere,
modules have a picture, signatures are plain Python.

python .ci/pages.py [PROJECT_ROOT]   the notebooks in nbs/, and those in _proc/ that `proc_nbs` made of them
python .ci/pages.py --self-test      does the check see what it is there to see?

Standard library only. A made notebook that is older than its source is left out; the last line says how many were compared.
"""
import json
import os
import re
import sys
import tempfile
from pathlib import Path

COLUMNS = 110 # what fits beside the side bar of the site, and beside JupyterLab's file browser
HIDDEN = {"hide", "default_exp", "export", "exporti"} # nbdev drops these cells, with what they put out
PICTURE = re.compile(r"<(?:svg|img|iframe|canvas)\b", re.I)
MARKDOWN_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\([^)]*\)(?P<more>\{[^}]*\})?")
HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.I | re.S)
LINK = re.compile(r"\]\((?!\w+:|#|//)(?P<path>[^)\s#]+)(?:#[^)\s]*)?(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)|`[^`\n]+`", re.M | re.S)


def text_of(value):
    "A notebook's text, which is stored as a string or as a list of lines."
    return value if isinstance(value, str) else "".join(value)


def notebook(path):
    "The cells of a notebook, and its metadata."
    book = json.loads(path.read_text(encoding="utf-8"))
    return book["cells"], book.get("metadata", {})


def directives(source):
    "The `#| name: value` lines at the top of a code cell as a dictionary, and the code below them."
    found, lines = {}, source.splitlines()
    while lines and (m := re.match(r"\s*#\s*\|\s*([\w-]+)\s*:?\s*(.*?)\s*$", lines[0])):
        found[m[1].replace("_", "-")] = m[2].strip("\"'")
        lines.pop(0)
    return {name.replace("default-exp", "default_exp").replace("hide-", "hide_"): value for name, value in found.items()}, lines


def dropped(found):
    "Whether the page shows nothing of a code cell."
    return bool(HIDDEN & set(found)) or found.get("include") == "false"


def outputs_of(cell):
    "(mime type, text) of every form of every output."
    for output in cell.get("outputs", []):
        for mime, data in output.get("data", {}).items():
            if mime.startswith(("image/", "text/")): yield mime, text_of(data)


def images_without_alt(text):
    "The images of a markdown or HTML text that say nothing in words."
    text = CODE.sub("", text)
    bare = [m[0] for m in MARKDOWN_IMAGE.finditer(text) if not m["alt"].strip() and "fig-alt" not in (m["more"] or "")]
    return bare + [m[0] for m in HTML_IMAGE.finditer(text) if not re.search(r"""\balt\s*=\s*(?:"[^"]+"|'[^']+'|[^\s"'>]+)""", m[0])]


def front(cells):
    "What is wrong with the first markdown cell, or ''. nbdev makes a page's title and subtitle of it, and drops the rest."
    text = next((text_of(c["source"]).strip() for c in cells if c["cell_type"] == "markdown"), "")
    if not re.match(r"# .+\n+> .+", text): return "the first markdown cell is not '# Title', an empty line and '> summary'"
    rest = re.sub(r"\A# .+\n+> .+\n*", "", text)
    lost = [line for line in rest.splitlines() if line.strip() and not re.match(r"- [\w-]+: ", line)]
    return f"the first markdown cell does not end after its '> ' line; the page would lose {lost[0][:60]!r}" if lost else ""


def cell_problems(cell):
    "(check, what is wrong) of one cell as the page shows it."
    source = text_of(cell["source"])
    if cell["cell_type"] == "markdown":
        for image in images_without_alt(source): yield "alt", f"{image[:60]} has no alt text"
    if cell["cell_type"] != "code": return
    found, lines = directives(source)
    if dropped(found): return
    if "hide_input" not in found and found.get("echo") != "false":
        for line in source.splitlines():
            if len(line) > COLUMNS: yield "columns", f"a line of {len(line)} columns, {COLUMNS} fit: {line.strip()[:60]} ..."
    forms = list(outputs_of(cell))
    if ": " in found.get("fig-alt", "") or " #" in found.get("fig-alt", ""): yield "alt", "its fig-alt holds ': ' or ' #', which Quarto reads as YAML"
    if any(mime.startswith("image/") for mime, _ in forms) and not found.get("fig-alt"): yield "alt", "its figure has no '#| fig-alt: ...' above the code"
    for mime, text in forms:
        if mime in ("text/html", "text/markdown"):
            for image in images_without_alt(text): yield "alt", f"its output's {image[:60]} has no alt text"


def broken_links(cells, folder):
    "(cell, what is wrong) of the links and images of a notebook's text whose files are not there, as seen from its folder."
    for i, cell in enumerate(cells):
        for link in LINK.finditer(CODE.sub("", text_of(cell["source"])) if cell["cell_type"] == "markdown" else ""):
            if not (folder/link["path"]).exists(): yield i, f"{link['path']} leads nowhere"


def has_picture(cells):
    "Whether a page shows a picture: a figure, an HTML output with a drawing, or an image in the text."
    for cell in cells:
        source = text_of(cell["source"])
        if cell["cell_type"] == "markdown" and (MARKDOWN_IMAGE.search(CODE.sub("", source)) or PICTURE.search(CODE.sub("", source))): return True
        if cell["cell_type"] != "code" or dropped(directives(source)[0]): continue
        for mime, text in outputs_of(cell):
            if mime.startswith("image/") or mime == "text/html" and PICTURE.search(text) or mime == "text/markdown" and MARKDOWN_IMAGE.search(text): return True
    return False


def words(text):
    "The words of a markdown text, the links that nbdev puts around names aside."
    return " ".join(re.sub(r"\[(`[^`]+`)\]\([^)\s]*\)", r"\1", text).split())


def lost(cells, made):
    "(cell, what was lost) of every markdown cell of a notebook that is not on the page that was made of it."
    page = [words(text_of(c["source"])) for c in made if c["cell_type"] == "markdown"]
    heads = 0
    for i, cell in enumerate(cells):
        text = text_of(cell["source"]).strip()
        if cell["cell_type"] != "markdown" or not text: continue
        heads += 1
        if heads == 1 or text.startswith("#") and text.endswith(" -"): continue # the front matter, and headings that nbdev leaves out on purpose
        if words(text) in page: page = page[page.index(words(text)) + 1:]
        else: yield i, f"this text is not on the page: {words(text)[:60]!r}"


def raw_signatures(made):
    "The lines of a made page's signatures that hold a link, which code does not show as one, or `NoneType`."
    for cell in made:
        for mime, text in outputs_of(cell):
            for block in re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S) if mime == "text/markdown" else []:
                for line in block.splitlines():
                    if re.search(r"\]\(https?://|\bNoneType\b", line): yield f"on the made page: a signature is not plain Python: {line.strip()[:80]}"


def check(root):
    "The problems of a project's pages, how many notebooks there are, and how many made pages were compared."
    nbs, problems, compared = root/"nbs", [], 0
    paths = [p for p in sorted(nbs.rglob("*.ipynb")) if not any(part.startswith((".", "_")) for part in p.relative_to(nbs).parts)]
    for path in paths:
        name, (cells, metadata) = path.relative_to(nbs).as_posix(), notebook(path)
        found = [("front", 0, front(cells))] if front(cells) else []
        found += [(kind, i, text) for i, cell in enumerate(cells) for kind, text in cell_problems(cell)]
        found += [("link", i, text) for i, text in broken_links(cells, path.parent)]
        if "widgets" in metadata: found.append(("widgets", None, "keeps the state of widgets, thousands of lines that no page shows"))
        is_module = any("default_exp" in directives(text_of(c["source"]))[0] for c in cells if c["cell_type"] == "code")
        if is_module and not has_picture(cells): found.append(("picture", None, "a module's page without any picture"))
        made = root/"_proc"/name
        if made.exists() and made.stat().st_mtime >= path.stat().st_mtime:
            compared += 1
            page, _ = notebook(made)
            found += [("text", i, text) for i, text in lost(cells, page)]
            found += [("signature", None, text) for text in raw_signatures(page)]
            if not any(kind == "alt" for kind, *_ in found):
                found += [("alt", None, f"on the made page: {text}") for cell in page for kind, text in cell_problems(cell) if kind == "alt"]
        problems += [f"nbs/{name}{'' if i is None else f', cell {i}'}: {text}" for _, i, text in found]
    return problems, len(paths), compared


def self_test():
    "Made-up notebooks, each with one fault, must be found out, and a good one must pass."
    def cell(kind, source, **data): return {"cell_type": kind, "source": source, **({"outputs": [{"output_type": "display_data", "data": data}]} if kind == "code" else {})}
    head, export = cell("markdown", "# A title\n\n> A summary."), cell("code", "#| default_exp a")
    text, figure = cell("markdown", "Some `text` of the page."), cell("code", "#| fig-alt: A line that rises.\nplot()", **{"image/png": "iVBOR"})
    good = [head, export, text, figure]
    made = [cell("raw", "---\ntitle: A title\n---"), cell("markdown", "Some [`text`](https://docs.org/text) of the page."), figure]
    faults = {
        "does not end after its '> ' line": ([cell("markdown", "# A title\n\n> A summary.\n\nMore."), *good[1:]], made),
        "is not '# Title'": ([cell("markdown", "Only text."), *good[1:]], made),
        "its figure has no": ([*good, cell("code", "plot()", **{"image/png": "iVBOR"})], made),
        "![](00_a.ipynb) has no alt text": ([*good, cell("markdown", "See:\n\n![](00_a.ipynb)")], [*made, cell("markdown", "See:\n\n![](00_a.ipynb)")]),
        "its output's <img src='a.png'> has no alt text": ([*good, cell("code", "show()", **{"text/html": "<p><img src='a.png'></p>"})], made),
        "a line of 111 columns": ([*good, cell("code", "x" * 111)], made),
        "a line of 112 columns": ([*good, cell("code", f"#| fig-alt: {'x' * 100}")], made),
        "its fig-alt holds ': '": ([*good, cell("code", "#| fig-alt: A line: it rises.")], made),
        "no_map.png leads nowhere": ([*good, cell("markdown", "![A map](no_map.png)")], [*made, cell("markdown", "![A map](no_map.png)")]),
        "01_b.ipynb leads nowhere": ([*good, cell("markdown", "[There](01_b.ipynb#x)")], [*made, cell("markdown", "[There](01_b.ipynb#x)")]),
        "keeps the state of widgets": (good, made),
        "without any picture": ([head, export, text], made),
        "this text is not on the page": ([*good, cell("markdown", "Lost.")], made),
        "its figure has no '#| fig-alt: ...' above the code": (good, [*made[:2], cell("code", "plot()", **{"image/png": "iVBOR"})]),
        "a signature is not plain Python: a:NoneType=None": (good, [*made, cell("code", "show_doc(f)", **{"text/markdown": "```python\ndef f(\n    a:NoneType=None\n):\n```\n"})]),
    }
    fine = {"as it should be": (good, made), "hidden cells may be wide": ([*good, cell("code", "#| hide\n" + "x" * 200)], made),
            "code that speaks of images": ([*good, cell("markdown", "Write `![](map.png)`.")], [*made, cell("markdown", "Write `![](map.png)`.")]),
            "keys below the summary": ([cell("markdown", "# A title\n\n> A summary.\n\n- image: map.png"), *good[1:]], made)}
    failed = 0
    for wanted, (cells, page) in {**faults, **fine}.items():
        with tempfile.TemporaryDirectory() as folder:
            for below, content in (("nbs", cells), ("_proc", page)):
                (Path(folder)/below).mkdir()
                (Path(folder)/below/"00_a.ipynb").write_text(json.dumps({"cells": content, "metadata": {"widgets": {}} if "widgets" in wanted else {}}), encoding="utf-8")
            newest = (Path(folder)/"nbs"/"00_a.ipynb").stat().st_mtime + 1
            os.utime(Path(folder)/"_proc"/"00_a.ipynb", (newest, newest))
            problems, _, compared = check(Path(folder))
        right = compared == 1 and (len(problems) == 1 and wanted in problems[0] if wanted in faults else not problems)
        if not right: print(f"self-test, {wanted}: {problems}")
        failed += not right
    print(f"pages: {len(faults) + len(fine)} made-up projects, {failed} judged wrongly")
    return failed


if __name__ == "__main__":
    if "--self-test" in sys.argv: sys.exit(bool(self_test()))
    found, n, compared = check(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
    for problem in found: print(problem)
    print(f"pages: {n} notebooks, {len(found)} problems; {compared} compared with what proc_nbs made of them")
    sys.exit(bool(found) or n == 0)
