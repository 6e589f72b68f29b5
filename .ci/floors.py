#!/usr/bin/env python3
"""Check the floors of the house: a module imports only modules whose notebook has a lower number, and some modules never reach fastai.

Imports count wherever they stand: at the top, inside a function, relative, or by `importlib.import_module("...")` with a literal name.
Standard library only. Usage: python .ci/floors.py [PROJECT_ROOT]
"""
import ast
import json
import re
import sys
from pathlib import Path

PACKAGE = "img2gps"
WITHOUT_FASTAI = ("geo", "evaluate", "predict")


def source(cell):
    "A notebook cell's source as one string."
    return "".join(cell["source"])


def floors(nbs):
    "Module name -> (notebook number, notebook name), from each `#| default_exp` in a numbered notebook."
    out, problems = {}, []
    for path in sorted(p for p in nbs.rglob("*.ipynb") if not any(part.startswith((".", "_")) for part in p.relative_to(nbs).parts)):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for module in re.findall(r"^#\|\s*default_exp\s+([\w.]+)", "\n".join(source(c) for c in cells if c["cell_type"] == "code"), re.M):
            number = re.match(r"\d+", path.name)
            if number is None: problems.append(f"{path}: exports {module}, but its name has no number")
            elif module in out: problems.append(f"{path}: exports {module}, which {out[module][1]} exports already")
            else: out[module] = int(number[0]), path.name
    return out, problems


def imported(path):
    "(absolute dotted name, line) of everything that a file of the package imports, names taken from the package itself included."
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names: yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = (PACKAGE if node.level else "") + (f".{node.module}" if node.module and node.level else node.module or "")
            yield base, node.lineno
            if base == PACKAGE:
                for alias in node.names: yield f"{PACKAGE}.{alias.name}", node.lineno
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                name = node.args[0].value
                yield (PACKAGE + name if name.startswith(".") else name), node.lineno


def module_of(name):
    "The package's module that a dotted name belongs to, or ''."
    parts = name.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else ""


def way_to_fastai(start, uses):
    "The chain of modules from `start` to one that imports fastai, or []."
    chains, seen = [[start]], {start}
    while chains:
        chain = chains.pop(0)
        names = [name for name, _ in uses.get(chain[-1], [])]
        if any(name.split(".")[0] == "fastai" for name in names): return chain
        for module in sorted({module_of(n) for n in names} - seen - {""}):
            seen.add(module); chains.append([*chain, module])
    return []


def check(root):
    "The problems of a project, and how many modules were looked at."
    numbers, problems = floors(root/"nbs")
    files = {p.stem: p for p in sorted((root/PACKAGE).glob("*.py")) if p.stem not in ("__init__", "_modidx")}
    uses = {module: list(imported(path)) for module, path in files.items()}
    problems += [f"{PACKAGE}/{m}.py: no numbered notebook exports it" for m in files if m not in numbers]
    problems += [f"nbs/{name}: exports {m}, but there is no {PACKAGE}/{m}.py; run nbdev_export" for m, (_, name) in numbers.items() if m not in files]
    for module, names in uses.items():
        for name, line in names:
            other = module_of(name)
            if other in numbers and module in numbers and numbers[other][0] >= numbers[module][0]:
                problems.append(f"{PACKAGE}/{module}.py:{line}: {numbers[module][1]} imports {other} of {numbers[other][1]}, which does not stand on a lower floor")
    init = root/PACKAGE/"__init__.py"
    for name, line in imported(init) if init.exists() else []: problems.append(f"{PACKAGE}/__init__.py:{line}: imports {name}; the package itself imports nothing, so that each module starts alone")
    for module in WITHOUT_FASTAI:
        if chain := way_to_fastai(module, uses): problems.append(f"{PACKAGE}/{module}.py reaches fastai by {' -> '.join(chain)} -> fastai; it must start without it")
    return problems, len(files)


if __name__ == "__main__":
    found, n = check(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
    for problem in found: print(problem)
    print(f"floors: {n} modules, {len(found)} problems")
    sys.exit(bool(found) or n == 0)
