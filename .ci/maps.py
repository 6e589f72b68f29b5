#!/usr/bin/env python3
"""Make the maps of the house from the notebooks' own titles: nbs/sidebar.yml, nbs/llms.txt, and the tables of rooms in nbs/index.ipynb and CONTRIBUTING.md.

python .ci/maps.py           write them
python .ci/maps.py --check   exit with 1, naming what is not current

A room's line is its notebook's `# title` and `> summary`; its place is its folder and number. Standard library only.
"""
import configparser
import json
import re
import sys
from pathlib import Path

WINGS = { # folder of nbs -> its name in the side bar, in the order of the site
    "tutorials": "Tutorials", "": "Ground", "photos": "Photos", "capture": "Capture", "demo": "Demo", "learn": "Learn",
    "locate": "Locate", "judge": "Judge", "show": "Show", "share": "Share", "road": "Road", "studies": "Studies",
    "benchmarks": "Benchmarks"}
FIRST = ("afternoon", "walk", "report", "ship", "service", "machines", "questions") # pages without a number that stand before others of their wing
BEGIN, END = "<!-- rooms: made by .ci/maps.py -->", "<!-- end of rooms -->"
FIRST_OF_THE_ROAD = 70


def text_of(cell):
    "A cell's source as one string."
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def rooms(nbs):
    "(wing, path below nbs, module or '', title, summary) of every notebook but the index, in the order of the house."
    found = []
    for path in sorted(nbs.rglob("*.ipynb")):
        name = path.relative_to(nbs)
        if name.as_posix() == "index.ipynb" or any(p.startswith((".", "_")) for p in name.parts): continue
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        head = re.match(r"# (.+?)\n+> (.+?)\s*$", text_of(cells[0]).strip()) if cells else None
        if head is None: sys.exit(f"nbs/{name}: its first cell must be '# Title', an empty line and '> summary', and nothing else")
        module = re.search(r"^#\|\s*default_exp\s+([\w.]+)", "\n".join(map(text_of, cells)), re.M)
        number = int(re.match(r"\d*", name.name)[0] or 0)
        wing = name.parts[0] if len(name.parts) > 1 else "road" if number >= FIRST_OF_THE_ROAD else ""
        if wing not in WINGS: sys.exit(f"nbs/{name}: .ci/maps.py knows no wing {wing!r}; say there where it stands")
        place = number if name.name[0].isdigit() else FIRST.index(name.stem) if name.stem in FIRST else len(FIRST)
        found.append((list(WINGS).index(wing), place, name.as_posix(), module[1] if module else "", head[1], head[2]))
    return [(list(WINGS)[wing], *rest) for wing, _, *rest in sorted(found)]


def sidebar(house):
    "The text of nbs/sidebar.yml."
    lines = ["# made by .ci/maps.py from the notebooks' folders and numbers", "website:", "  sidebar:", "    contents:", "      - href: index.ipynb", "        text: Home"]
    for wing, name in WINGS.items():
        inside = [path for w, path, *_ in house if w == wing]
        if inside: lines += [f"      - section: {name}", "        contents:", *(f"          - {path}" for path in inside)]
    return "\n".join(lines) + "\n"


def for_machines(house, root):
    "The text of nbs/llms.txt: what the project is, and a line a page with its address and what it is about."
    config = configparser.ConfigParser(delimiters=["="])
    config.read(root/"settings.ini", encoding="utf-8")
    settings = config["DEFAULT"]
    page = lambda path: re.sub(r"(^|/)\d+_", r"\1", path.removesuffix(".ipynb")) + ".html"
    lines = [f"# {settings['title']}", "", f"> {settings['description']}"]
    for wing, name in WINGS.items():
        inside = [(path, title, summary) for w, path, _, title, summary in house if w == wing]
        if inside: lines += ["", f"## {name}", "", *(f"- [{title}]({settings['doc_host']}{settings['doc_baseurl']}/{page(path)}): {summary}" for path, title, summary in inside)]
    return "\n".join(lines) + "\n"


def for_readers(house):
    "The table of the index: a row a notebook, wings in bold."
    lines = ["| notebook | what it is about |", "| --- | --- |"]
    for wing, name in WINGS.items():
        inside = [(path, title, summary) for w, path, _, title, summary in house if w == wing]
        if inside: lines += [f"| **{name}** | |", *(f"| [{title}]({path}) | {summary.replace('|', chr(92) + '|')} |" for path, title, summary in inside)]
    return "\n".join(lines)


def for_builders(house):
    "The table of CONTRIBUTING: a row a module, with its floor."
    lines = ["| floor | module | what is there |", "| --- | --- | --- |"]
    for _, path, module, title, summary in sorted(house, key=lambda r: re.match(r"\d*", Path(r[1]).name)[0]):
        number = re.match(r"\d*", Path(path).name)[0]
        if module: lines.append(f"| {number} | [`{module}`](nbs/{path}) | {summary.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def between_marks(text, table, name):
    "The text with its table of rooms replaced."
    if BEGIN not in text or END not in text: sys.exit(f"{name} has no place for the table of rooms: {BEGIN} ... {END}")
    return text[:text.index(BEGIN)] + f"{BEGIN}\n{table}\n" + text[text.index(END):]


def made(root):
    "Every file that this makes: path -> text."
    house = rooms(root/"nbs")
    index = json.loads((root/"nbs"/"index.ipynb").read_text(encoding="utf-8"))
    for cell in index["cells"]:
        if BEGIN in text_of(cell): cell["source"] = between_marks(text_of(cell), for_readers(house), "nbs/index.ipynb").splitlines(True)
    contributing = (root/"CONTRIBUTING.md").read_text(encoding="utf-8")
    return {"nbs/sidebar.yml": sidebar(house),
            "nbs/llms.txt": for_machines(house, root),
            "nbs/index.ipynb": json.dumps(index, indent=1, ensure_ascii=False, sort_keys=True) + "\n",
            "CONTRIBUTING.md": between_marks(contributing, for_builders(house), "CONTRIBUTING.md")}


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    stale = [name for name, text in made(root).items() if not (root/name).exists() or (root/name).read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for name in stale: print(f"{name} is not current: run python .ci/maps.py")
        sys.exit(bool(stale))
    for name in stale:
        (root/name).write_text(made(root)[name], encoding="utf-8")
        print(f"wrote {name}")
