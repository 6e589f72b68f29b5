#!/usr/bin/env python3
"""Check the floors of the house: a module imports only modules whose notebook has a lower number, in whatever wing (folder) they lie,
nobody imports another room's private names, no modules import each other in a circle, and some modules never reach fastai.

Imports count wherever they stand: at the top, inside a function, relative, or by `importlib.import_module("...")` with a literal name.
Standard library only. Usage: python .ci/floors.py [PROJECT_ROOT]
"""
import ast
import json
import re
import sys
from pathlib import Path

PACKAGE = "img2gps"
WITHOUT_FASTAI = ("geo", "judge.evaluate", "locate.predict", "locate.walk", "recognise")


def source(cell):
    "A notebook cell's source as one string."
    return "".join(cell["source"])


def floors(nbs):
    "Module name -> (notebook number, notebook path below `nbs`), from each `#| default_exp` in a numbered notebook; and problems."
    out, problems = {}, []
    for path in sorted(nbs.rglob("*.ipynb")):
        name = path.relative_to(nbs)
        if any(part.startswith((".", "_")) for part in name.parts): continue
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join(source(c) for c in cells if c["cell_type"] == "code")
        for module in re.findall(r"^#\|\s*default_exp\s+([\w.]+)", code, re.M):
            number = re.match(r"\d+", path.name)
            wing = module.split(".")[:-1]
            if number is None: problems.append(f"{path}: exports {module}, but its name has no number")
            elif module in out: problems.append(f"{path}: exports {module}, which {out[module][1]} exports already")
            elif list(name.parts[:-1]) != wing: problems.append(f"{path}: exports {module}, which belongs in nbs/{'/'.join(wing)}")
            else: out[module] = int(number[0]), name.as_posix()
    return out, problems


def imported(path, package):
    "(absolute dotted name, the names taken from it, line) of everything that a file imports; `package` is its own, dotted."
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names: yield alias.name, [], node.lineno
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[:len(package.split(".")) - node.level + 1] if node.level else []
            yield ".".join([*above, *([node.module] if node.module else [])]), [a.name for a in node.names], node.lineno
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"): yield node.args[0].value, [], node.lineno


def modules_of(name, names, known):
    "The package's modules that an import reaches: the one that is named, or those that are taken from a folder of it."
    inside = name.removeprefix(PACKAGE).lstrip(".") if name.split(".")[0] == PACKAGE else None
    if inside is None: return []
    if inside in known: return [inside]
    return [m for n in names if (m := f"{inside}.{n}".lstrip(".")) in known]


def chain_to(start, uses, wanted):
    "The shortest chain of modules from `start` to one for which `wanted` is true, or []."
    chains, seen = [[start]], set()
    while chains:
        chain = chains.pop(0)
        if wanted(chain): return chain
        for module in sorted(uses.get(chain[-1], set()) - seen):
            seen.add(module)
            chains.append([*chain, module])
    return []


def check(root):
    "The problems of a project, and how many modules were looked at."
    numbers, problems = floors(root/"nbs")
    # templates are no modules: they are written into other folders
    paths = sorted(p for p in (root/PACKAGE).rglob("*.py") if p.name not in ("__init__.py", "_modidx.py") and p.parent.name != "templates")
    files = {".".join(p.relative_to(root/PACKAGE).with_suffix("").parts): p for p in paths}
    problems += [f"{p.relative_to(root)}: no numbered notebook exports it" for m, p in files.items() if m not in numbers]
    problems += [f"nbs/{n}: exports {m}, which is not there; run nbdev_export" for m, (_, n) in numbers.items() if m not in files]
    uses, fastai = {m: set() for m in files}, set()
    for module, path in files.items():
        at = path.relative_to(root)
        for name, names, line in imported(path, ".".join([PACKAGE, *module.split(".")[:-1]])):
            if name.split(".")[0] == "fastai": fastai.add(module)
            reached = modules_of(name, names, files)
            uses[module] |= set(reached)
            private = [n for n in names if n.startswith("_") and not n.startswith("__")]
            if reached and private: problems.append(f"{at}:{line}: imports {', '.join(private)} of {name}: a private name stays in its room")
            for other in reached:
                if module in numbers and other in numbers and numbers[other][0] >= numbers[module][0]:
                    problems.append(f"{at}:{line}: imports {other} of nbs/{numbers[other][1]}, which does not stand on a lower floor")
    for module in files:
        circle = chain_to(module, uses, lambda chain: len(chain) > 1 and chain[-1] == module)
        if circle and module == min(circle): problems.append(f"modules import each other in a circle: {' -> '.join(circle)}")
    for init in sorted((root/PACKAGE).rglob("__init__.py")):
        for name, _, line in imported(init, PACKAGE):
            if name.split(".")[0] not in sys.stdlib_module_names: problems.append(f"{init.relative_to(root)}:{line}: imports {name}; each module starts alone")
    for module in WITHOUT_FASTAI:
        way = chain_to(module, uses, lambda chain: chain[-1] in fastai) if module in files else []
        if way: problems.append(f"{module} reaches fastai by {' -> '.join(way)}; it must start without it")
        if module not in files: problems.append(f"{module} must start without fastai, and is not there")
    return problems, len(files)


if __name__ == "__main__":
    found, n = check(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
    for problem in found: print(problem)
    print(f"floors: {n} modules, {len(found)} problems")
    sys.exit(bool(found) or n == 0)
