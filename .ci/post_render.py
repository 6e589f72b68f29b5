#!/usr/bin/env python3
"""Take out of rendered pages what would ask another server: the scripts that Quarto adds to each page with an HTML output, fonts of its themes.

python .ci/post_render.py [FOLDER]           Quarto calls it after rendering (`post-render` in nbs/_quarto.yml), with the folder in QUARTO_PROJECT_OUTPUT_DIR
python .ci/post_render.py --check FOLDER     exit with 1, naming each script or style from elsewhere, each link within the site that leads nowhere
python .ci/post_render.py --self-test        do both do so on sample pages?

With `--site URL`, links to that address are links within the site, too. Standard library only.
"""
import argparse
import os
import re
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ELSEWHERE = r"(?:https?:)?//"
SCRIPT = re.compile(rf"""[ \t]*<script\b[^>]*?\bsrc\s*=\s*["']?{ELSEWHERE}[^>]*>.*?</script\s*>\n?""", re.I | re.S)
DEFINE = re.compile(r"""[ \t]*<script\b[^>]*>\s*define\(\s*['"]jquery['"].*?</script\s*>\n?""", re.I | re.S) # of no use without require.js, and an error
IMPORT = re.compile(rf"""@import\s*(?:url\(\s*)?["']?{ELSEWHERE}[^;]*;""", re.I)


class Links(HTMLParser):
    "What a page loads, and where its links lead."
    def __init__(self, text):
        super().__init__()
        self.loaded, self.links, self.style = [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = {name: value or "" for name, value in attrs}
        self.style = tag == "style"
        if tag == "script" and "src" in attrs: self.loaded.append(attrs["src"])
        if tag == "link" and {"stylesheet", "preload", "modulepreload"} & set(attrs.get("rel", "").split()): self.loaded.append(attrs.get("href", ""))
        if tag in ("a", "link") and "href" in attrs: self.links.append(attrs["href"])
        if tag in ("img", "script", "iframe", "source") and "src" in attrs: self.links.append(attrs["src"])

    def handle_endtag(self, tag): self.style = False

    def handle_data(self, data):
        if self.style: self.loaded += imported(data)


def imported(css):
    "The addresses elsewhere that a style sheet asks for."
    return [m[0] for m in re.finditer(rf"""(?:@import\s*|url\(\s*)["']?{ELSEWHERE}[^"')\s;]+""", css, re.I)]


def pages(folder, suffix=".html"):
    "The files of a folder that end so."
    return sorted(p for p in folder.rglob(f"*{suffix}") if p.is_file())


def cleaned(text, suffix):
    "A page or a style sheet without what it would ask of another server."
    return IMPORT.sub("", text) if suffix == ".css" else DEFINE.sub("", SCRIPT.sub("", text))


def clean(folder):
    "Rewrite the pages and style sheets of a folder; how many were changed."
    changed = 0
    for suffix in (".html", ".css"):
        for path in pages(folder, suffix):
            text = path.read_text(encoding="utf-8")
            new = cleaned(text, suffix)
            if new == text: continue
            temporary = path.with_name(f".{path.name}.new")
            temporary.write_text(new, encoding="utf-8")
            os.replace(temporary, path)
            changed += 1
    return changed


def target(link, page, folder, site):
    "The file that a link within the site means, or None for a link that leads elsewhere."
    if site and link.startswith(site): link = "/" + link[len(site):].lstrip("/")
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path: return None
    path = unquote(parts.path)
    found = folder/path.lstrip("/") if path.startswith("/") else page.parent/path
    return found/"index.html" if found.is_dir() else found


def check(folder, site=""):
    "What is wrong with the pages of a folder, and how many there are."
    problems, found = [], pages(folder)
    for page in found:
        links, name = Links(page.read_text(encoding="utf-8")), page.relative_to(folder).as_posix()
        problems += [f"{name}: loads {what[:100]} from elsewhere" for what in links.loaded if re.search(ELSEWHERE, what)]
        for link in dict.fromkeys(links.links):
            there = target(link.strip(), page, folder, site)
            if there is not None and not there.exists(): problems.append(f"{name}: {link[:100]} leads nowhere")
    for sheet in pages(folder, ".css"):
        text = sheet.read_text(encoding="utf-8")
        problems += [f"{sheet.relative_to(folder).as_posix()}: asks for {what[:100]}" for what in imported(text)]
    return problems, len(found)


SAMPLE = """<!DOCTYPE html><html><head>
<link href="site/style.css" rel="stylesheet">
<script src="https://scripts.example/require.min.js" integrity="sha512-a" crossorigin="anonymous"></script>
<script src="//scripts.example/jquery.min.js" data-relocate-top="true"></script>
<script type="application/javascript">define('jquery', [],function() {return window.jQuery;})</script>
<script src="site/own.js"></script>
<script>const own = "define";</script>
</head><body><p><a href="https://elsewhere.example/">elsewhere</a> <a href="second.html#part">a part</a> <a href="./">home</a>
<a href="https://site.example/docs/second.html">by its address</a> <a href="#top">up</a> <img src="data:image/png;base64,aa" alt="a dot"></p></body></html>
"""


def self_test():
    "The sample page is cleaned of three scripts and its style sheet of a font, nothing else is lost, and each fault that is put in is found."
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder/"site").mkdir()
        for name, text in {"index.html": SAMPLE, "second.html": "<p id=part>A part</p>", "site/own.js": "",
                           "site/style.css": '@import"https://fonts.example/css2?family=A:wght@300;400&display=swap";body{margin:0}'}.items():
            (folder/name).write_text(text, encoding="utf-8")
        before = check(folder, "https://site.example/docs")[0]
        if len(before) != 3: failed.append(f"two scripts and a font are from elsewhere: {before}")
        if clean(folder) != 2 or clean(folder) != 0: failed.append("the page and the style sheet are cleaned once")
        after = (folder/"index.html").read_text(encoding="utf-8")
        lost = [line for line in SAMPLE.splitlines() if line not in after.splitlines()]
        if len(lost) != 3 or not all("scripts.example" in line or "define('jquery'" in line for line in lost): failed.append(f"three scripts go: {lost}")
        if "body{margin:0}" not in (folder/"site"/"style.css").read_text(encoding="utf-8"): failed.append("the style sheet keeps its rules")
        if problems := check(folder, "https://site.example/docs")[0]: failed.append(f"a clean site has no problem: {problems}")
        for fault, wanted in (('<a href="third.html">', "third.html leads nowhere"), ('<img src="images/a.png">', "images/a.png leads nowhere"),
                              ('<a href="https://site.example/docs/third.html">', "third.html leads nowhere"),
                              ('<script src="https://scripts.example/a.js"></script>', "a.js from elsewhere"),
                              ('<link rel="stylesheet" href="https://fonts.example/a.css">', "a.css from elsewhere"),
                              ("<style>@import 'https://fonts.example/b.css';</style>", "b.css from elsewhere")):
            (folder/"second.html").write_text(fault, encoding="utf-8")
            problems = check(folder, "https://site.example/docs")[0]
            if len(problems) != 1 or wanted not in problems[0]: failed.append(f"{fault}: {problems}")
    for what in failed: print(f"self-test: {what}")
    print(f"post_render: sample pages, {len(failed)} failures")
    return len(failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="the rendered site")
    parser.add_argument("--check", action="store_true", help="only look")
    parser.add_argument("--site", default="", help="the site's own address")
    parser.add_argument("--self-test", action="store_true", help="on sample pages")
    args = parser.parse_args()
    if args.self_test: sys.exit(bool(self_test()))
    folder = args.folder or Path(os.environ.get("QUARTO_PROJECT_OUTPUT_DIR") or "_docs")
    if not args.check: # a README is rendered without any page
        return print(f"post_render: {clean(folder) if folder.is_dir() else 0} pages and style sheets ask no other server any more")
    problems, n = check(folder, args.site.rstrip("/"))
    for problem in problems: print(problem)
    print(f"post_render: {n} pages, {len(problems)} problems")
    sys.exit(bool(problems) or n == 0)


if __name__ == "__main__":
    main()
