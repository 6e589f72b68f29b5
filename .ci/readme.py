#!/usr/bin/env python3
"""Make README.md from nbs/index.ipynb: `nbdev_readme` where Quarto is installed, else the plain way below, with the standard library only.

python .ci/readme.py           write README.md
python .ci/readme.py --check   exit with 1, naming the first difference, where README.md is not current
python .ci/readme.py --plain   the plain way, even where Quarto is installed

A README says in its second line which way it was made, and is checked the same way.
"""
import argparse
import base64
import configparser
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MARK = "<!-- Made from nbs/index.ipynb by .ci/readme.py; edit the notebook, not this file. -->"
FIGURES = "index_files/figure-commonmark" # where nbdev keeps a README's figures too
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def text_of(value):
    "A notebook's text, which is stored as a string or as a list of lines."
    return value if isinstance(value, str) else "".join(value)


def directives(source):
    "The `#| name: value` lines at the top of a code cell as a dictionary, and the code below them."
    found, lines = {}, source.splitlines()
    while lines and (m := re.match(r"#\s*\|\s*([\w-]+)\s*:?\s*(.*?)\s*$", lines[0])):
        found[m[1].replace("-", "_")] = m[2].strip("\"'").lower()
        lines.pop(0)
    return found, "\n".join(lines).strip("\n")


def shown(found):
    "Whether a cell's code and its outputs are shown."
    if "hide" in found or found.get("include") == "false": return False, False
    code = not ("hide_input" in found or found.get("echo") == "false" or any(name in found for name in ("export", "exporti", "exports", "default_exp")))
    return code, not ("hide_output" in found or found.get("output") == "false" or "default_exp" in found)


def fenced(text, language=""):
    "Text as a fenced block whose fence is longer than any inside it."
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`{3,}", text)), default=0))
    return f"{fence}{language and ' ' + language}\n{text}\n{fence}"


def command(code):
    "A cell's code and its language: cells of `!` commands are shown as a person would type them."
    lines = code.splitlines()
    if lines[0].startswith("%%bash"): return "\n".join(lines[1:]), "bash"
    if all(line.startswith("!") for line in lines): return "\n".join(line[1:].strip() for line in lines), "bash"
    return code, "python"


def plain(text):
    "Text without colour codes, and with what a carriage return overwrites gone."
    return "\n".join(line.rsplit("\r", 1)[-1] for line in ANSI.sub("", text).replace("\r\n", "\n").split("\n")).strip("\n")


def output_blocks(output, name, figures):
    "Markdown blocks of one output; pictures are put into `figures` by their file name. Errors of stderr (progress bars, warnings) are left out."
    kind = output["output_type"]
    if kind == "stream": return [fenced(plain(text_of(output["text"])))] if output.get("name") == "stdout" and plain(text_of(output["text"])) else []
    if kind == "error": return [fenced(plain(f"{output['ename']}: {output['evalue']}"))]
    data = output.get("data", {})
    for mime, suffix in (("image/png", "png"), ("image/jpeg", "jpg")):
        if mime in data:
            figures[f"{name}.{suffix}"] = base64.b64decode(text_of(data[mime]))
            return [f"![]({FIGURES}/{name}.{suffix})"]
    if "text/markdown" in data: return [text_of(data["text/markdown"]).strip()]
    if "text/plain" in data: return [fenced(plain(text_of(data["text/plain"])))]
    return []


def site(root):
    "The address of the documentation site, from settings.ini, without a closing slash."
    config = configparser.ConfigParser(delimiters=["="])
    config.read(root/"settings.ini", encoding="utf-8")
    settings = config["DEFAULT"]
    values = {key: settings.get(key, "", raw=True) for key in ("doc_host", "doc_baseurl", "user", "repo")}
    fill = lambda text: re.sub(r"%\((\w+)\)s", lambda m: values.get(m[1], ""), text)
    return fill(values["doc_host"]).rstrip("/") + "/" + fill(values["doc_baseurl"]).strip("/")


def page_of(notebook):
    "The site's page of a notebook: nbdev drops the number."
    path = Path(notebook)
    return path.with_name(re.sub(r"^\d+[a-zA-Z0-9]*_", "", path.name.lower())).with_suffix(".html").as_posix()


def linked(markdown, root):
    "Markdown whose relative links work from the project's root: notebooks lead to the site, stored files to nbs/, pictures that are not there are dropped."
    def target(path):
        if re.match(r"[a-z][a-z0-9+.-]*:|#|/", path, re.I): return path
        path, _, anchor = path.partition("#")
        inside = os.path.normpath(path)
        if path.endswith((".ipynb", ".html")): return f"{site(root)}/{page_of(inside)}" + (f"#{anchor}" if anchor else "")
        if not (root/"nbs"/path).exists(): return None
        return Path(os.path.normpath(Path("nbs", path))).as_posix() + (f"#{anchor}" if anchor else "")

    def link(match):
        new = target(match["path"])
        if new is None and match["bang"]: return ""
        if new is None: sys.exit(f"nbs/index.ipynb links to {match['path']!r}, which is not in nbs/: mend the link")
        return f"{match['bang']}[{match['text']}]({new}{match['title'] or ''})"

    # read from left to right, so that what stands in code is left alone and a link's text may hold code
    pattern = re.compile(
        r"(?P<fence>^(?P<marks>`{3,})[^\n]*\n.*?^(?P=marks)`*[ \t]*$)|(?P<colons>^:{3,}.*\n?)|(?P<code>`[^`\n]+`)|"
        r"(?P<bang>!?)\[(?P<text>(?:!\[[^\]]*\]\([^)]*\)|[^\]\[])*)\]\((?P<path>[^)\s]+)(?P<title>\s+\"[^\"]*\")?\)", re.M | re.S)
    return pattern.sub(lambda m: link(m) if m["path"] else "" if m["colons"] else m[0], markdown)


def render(root):
    "README.md and its figures (file name -> bytes), from the notebook."
    if not (root/"nbs"/"index.ipynb").exists(): sys.exit(f"there is no nbs/index.ipynb in {root.name} to make a README from")
    notebook = json.loads((root/"nbs"/"index.ipynb").read_text(encoding="utf-8"))
    blocks, figures = [], {}
    for i, cell in enumerate(notebook["cells"]):
        source = text_of(cell["source"]).strip("\n")
        if cell["cell_type"] == "markdown":
            if not re.search(r"^#+ .* -\s*$", source.splitlines()[0] if source else "") and source: blocks.append(linked(source, root))
        elif cell["cell_type"] == "code":
            found, code = directives(source)
            with_code, with_output = shown(found)
            if with_code and code: blocks.append(fenced(*command(code)))
            for j, output in enumerate(cell["outputs"] if with_output else []): blocks += output_blocks(output, f"cell-{i + 1}-output-{j + 1}", figures)
    if not blocks: sys.exit("nbs/index.ipynb shows nothing: there is no README to make")
    first, _, rest = blocks[0].partition("\n")
    blocks[0] = "\n\n".join(part for part in (first, MARK, rest.strip("\n")) if part)
    return "\n\n".join(block.rstrip() for block in blocks) + "\n", figures


def copy_of(root, target):
    "A copy of the files that git knows or would add."
    names = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True).stdout.decode().split("\0")
    for name in names:
        if not name or not os.path.lexists(root/name): continue
        (target/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root/name, target/name, follow_symlinks=False)


def by_quarto(root):
    "README.md as nbdev and Quarto make it, in a copy of the project."
    with tempfile.TemporaryDirectory() as folder:
        copy_of(root, Path(folder))
        (Path(folder)/"README.md").unlink(missing_ok=True)
        subprocess.run(["nbdev_readme"], cwd=folder, check=True)
        figures = {p.name: p.read_bytes() for p in sorted((Path(folder)/FIGURES).glob("*"))} if (Path(folder)/FIGURES).is_dir() else {}
        return (Path(folder)/"README.md").read_text(encoding="utf-8"), figures


def write(path, data):
    "Write a file by way of a temporary one beside it."
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def difference(root, text, figures):
    "What is not current, or ''."
    path = root/"README.md"
    have = path.read_text(encoding="utf-8") if path.exists() else ""
    if have != text: return "\n".join(list(difflib.unified_diff(have.splitlines(), text.splitlines(), "README.md", "nbs/index.ipynb", lineterm="", n=1))[:20]) or "README.md: line endings differ"
    for name, data in figures.items():
        if not (root/FIGURES/name).exists() or (root/FIGURES/name).read_bytes() != data: return f"{FIGURES}/{name} is not the picture of nbs/index.ipynb"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent, help="the project's folder")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--plain", action="store_true", help="without Quarto, even where it is")
    args = parser.parse_args()
    root, quarto = args.root.resolve(), shutil.which("quarto") is not None and not args.plain
    if args.check:
        readme = root/"README.md"
        made_here = not readme.exists() or not readme.stat().st_size or MARK in readme.read_text(encoding="utf-8")
        if not made_here and not quarto: sys.exit("README.md was not made by .ci/readme.py, and Quarto, which makes it otherwise, is not here: run python .ci/readme.py --plain")
        quarto = not made_here
    text, figures = by_quarto(root) if quarto else render(root)
    if args.check:
        if problem := difference(root, text, figures): sys.exit(f"README.md is not current; run python .ci/readme.py{'' if quarto else ' --plain'}\n{problem}")
        print("README.md is current")
        return
    write(root/"README.md", text.encode())
    for name, data in figures.items(): write(root/FIGURES/name, data)
    print(f"wrote README.md from nbs/index.ipynb{' with Quarto' if quarto else ''}")


if __name__ == "__main__":
    main()
