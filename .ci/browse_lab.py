#!/usr/bin/env python3
"""Use the notebooks as people do: JupyterLab in a real headless Chromium. Run by hand and before the site is published, not by .ci/run.

    python .ci/browse_lab.py [--shots FOLDER] [--picture FILE] [--chromium /usr/bin/chromium] [NOTEBOOK below nbs ...]

The files that git knows or would add are copied into a temporary folder, and JupyterLab is started there. Six notebooks are run whole
through its menu: no cell may put out an error or a warning, and as many pictures must have been drawn as the stored notebook holds.
In the pin editor of photos/16_repair a pin is dragged and taken back, by mouse and keys, and corrections.csv is read after each.
The exit status is 0 where all of it held. Needs JupyterLab, playwright (pip install playwright) and Chromium; where one is missing,
everything is skipped, with a line.
"""
import argparse
import csv
import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EDITOR = "photos/16_repair"
NOTEBOOKS = "00_geo", "photos/10_exif", EDITOR, "demo/25_campus", "show/60_plots", "tutorials/walk"
SETTINGS = { # of JupyterLab: every cell in the page, no question about news, nothing saved behind our back
    "notebook-extension/tracker": {"windowingMode": "none"}, "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}
PATIENCE_MS, RUN_MS = 60_000, 300_000
STATE = """() => {
  const notebook = document.querySelector(".jp-NotebookPanel:not(.lm-mod-hidden)");
  const texts = (selector) => [...notebook.querySelectorAll(selector)].map(e => e.innerText.trim());
  const kind = (mime) => `.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.${mime}"]`;
  const pictures = [...notebook.querySelectorAll(".jp-RenderedImage img, .jp-RenderedHTMLCommon img, .jp-RenderedSVG img, .jp-RenderedHTML svg")];
  return {
    prompts: texts(".jp-CodeCell .jp-InputArea-prompt"), errors: texts(kind("error")), warnings: texts(kind("stderr")),
    drawn: pictures.filter(p => p.tagName != "IMG" || p.complete && p.naturalWidth > 0).length,
    blank: pictures.filter(p => p.tagName == "IMG" && !(p.complete && p.naturalWidth > 0)).length};
}"""


def copy_checkout(to):
    "The files that git knows or would add."
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if not (ROOT/name).is_file(): continue
        (to/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT/name, to/name)


class Lab:
    "JupyterLab as a process, with settings and a temporary folder of its own."
    def __init__(self, folder):
        self.copy, self.tmp, self.token = folder/"checkout", folder/"tmp", secrets.token_hex(16)
        copy_checkout(self.copy)
        self.tmp.mkdir()
        for name, values in SETTINGS.items():
            path = folder/"settings"/"@jupyterlab"/f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        port = self.url.rpartition(":")[2]
        words = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
                 f"--ServerApp.root_dir={self.copy}", f"--IdentityProvider.token={self.token}"]
        own = {f"JUPYTER{name}_DIR": str(folder/where) for name, where in (
            ("_CONFIG", "config"), ("_DATA", "data"), ("_RUNTIME", "runtime"), ("LAB_SETTINGS", "settings"), ("LAB_WORKSPACES", "workspaces"))}
        env = os.environ | own | {"TMPDIR": str(self.tmp), "PYTHONPATH": str(self.copy), "MPLCONFIGDIR": str(folder/"matplotlib")}
        self.log = open(folder/"lab.log", "w")
        self.process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *words], env=env, stdout=self.log, stderr=self.log)
        until = time.monotonic() + 60
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until: sys.exit(f"JupyterLab did not start:\n{self.said()}")
            time.sleep(0.5)

    def said(self): return Path(self.log.name).read_text()[-3000:]

    def answers(self):
        try: return bool(self.ask("status"))
        except OSError: return False

    def ask(self, path, method="GET"):
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as answer: return json.loads(answer.read() or "null")

    def end_kernels(self):
        for session in self.ask("sessions"): self.ask(f"sessions/{session['id']}", "DELETE")

    def corrections(self):
        "The rows of the pin editor's file, or None where there is none."
        found = list(self.tmp.rglob("corrections.csv"))
        if len(found) > 1: sys.exit(f"several corrections.csv: {found}")
        return list(csv.DictReader(found[0].read_text().splitlines())) if found else None

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try: self.process.wait(30)
        except subprocess.TimeoutExpired: self.process.kill()
        self.log.close()


def stored_pictures(path):
    "How many outputs of a stored notebook are pictures."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    data = [o.get("data", {}) for c in cells for o in c.get("outputs", [])]
    return sum(any(m.startswith("image/") for m in d) or "<img" in "".join(d.get("text/html", "")) for d in data)


def run_whole(tab, lab, name, shots):
    "Open a notebook, run it through the menu, wait for its end; problems."
    from playwright.sync_api import TimeoutError
    start = time.monotonic()
    tab.goto(f"{lab.url}/lab/workspaces/{name.replace('/', '-')}/tree/nbs/{name}.ipynb?token={lab.token}")
    tab.wait_for_selector(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=PATIENCE_MS)
    tab.wait_for_function("() => document.body.innerText.includes('| Idle')", timeout=PATIENCE_MS)
    for _ in range(3): # a click in the kernel's first second can be lost
        tab.get_by_role("menuitem", name="Run", exact=True).click()
        tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try: tab.wait_for_function("() => /[*0-9]/.test(document.querySelector('.jp-CodeCell .jp-InputArea-prompt').innerText)", timeout=8000)
        except TimeoutError: continue
        break
    tab.wait_for_function("""() => ![...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].some(p => p.innerText.includes('*'))
        && document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status == 'idle'""", timeout=RUN_MS)
    tab.wait_for_timeout(1500) # pictures are decoded, widgets laid out
    state, wanted = tab.evaluate(STATE), stored_pictures(ROOT/"nbs"/f"{name}.ipynb")
    problems = [f"{name}: an error: {text[-600:]}" for text in state["errors"]]
    problems += [f"{name}: a warning: {text[-600:]}" for text in state["warnings"]]
    idle = sum(not re.search(r"\d", p) for p in state["prompts"])
    if idle: problems.append(f"{name}: {idle} of {len(state['prompts'])} cells were not run")
    if state["drawn"] < wanted: problems.append(f"{name}: {state['drawn']} pictures, the stored notebook has {wanted}")
    if state["blank"]: problems.append(f"{name}: {state['blank']} pictures stayed blank")
    print(f"{name:18} {time.monotonic() - start:5.1f} s  {len(state['prompts'])} cells, {state['drawn']} pictures ({wanted} stored), "
          f"{len(state['errors'])} errors, {len(state['warnings'])} warnings")
    first = tab.locator(".jp-NotebookPanel .jp-OutputArea-output img").first
    if first.count(): first.scroll_into_view_if_needed()
    tab.screenshot(path=shots/f"{name.replace('/', '-')}.png")
    return problems


def drag_and_undo(tab, lab, shots, picture):
    "Use the pin editor by mouse and keys, and read its file after each step; problems."
    problems, editor = [], tab.locator(".img2gps-pins").first
    caption, number = editor.locator(".widget-html-content, .jupyter-widgets-html-content").first, iter(range(1, 20))
    def said(step, *words):
        "Wait for words below the buttons."
        try: tab.wait_for_function("([e, ws]) => ws.every(w => e.innerText.includes(w))", arg=[caption.element_handle(), words], timeout=10_000)
        except Exception: problems.append(f"{step}: {caption.inner_text()!r} lacks one of {words}")
        tab.screenshot(path=shots/f"pins-{next(number)}-{step.replace(' ', '-')}.png")
    def holds(step, good):
        if not good: problems.append(f"{step}: corrections.csv holds {lab.corrections()}")
        print(f"{step:18} {' '.join(caption.inner_text().split())[:110]}; rows in corrections.csv: {len(lab.corrections() or [])}")
    tab.evaluate("e => e.scrollIntoView({block: 'center'})", editor.element_handle())
    said("opened", "1 of ")
    holds("opened", lab.corrections() is None)
    editor.locator("img.widget-image").click()
    for key, words in (("ArrowRight", "2 of "), ("ArrowRight", "3 of "), ("ArrowLeft", "2 of "), ("n", "flagged")): # 2 is not flagged
        tab.keyboard.press(key)
        said(f"key {key}", words)
    def middle(selector):
        "Where something of the map is in the page."
        box = editor.locator(selector).bounding_box()
        return box["x"] + box["width"]/2, box["y"] + box["height"]/2
    for _ in range(8): tab.keyboard.press("ArrowRight") # faster than a map can glide
    tab.keyboard.press("n")
    box = editor.locator("input")
    box.fill("20")
    box.press("Enter")
    said("jumped", "20 of ")
    tab.wait_for_timeout(500)
    off = max(abs(a - b) for a, b in zip(middle(".leaflet-marker-draggable"), middle(".leaflet-container")))
    if off > 30: problems.append(f"jumped: the pin is {off:.0f} pixels off the middle of the map")
    name = caption.locator("b").first.inner_text()
    def drag(right, down):
        "Take the pin somewhere else, in pixels."
        tab.wait_for_timeout(300)
        x, y = middle(".leaflet-marker-draggable")
        tab.mouse.move(x, y)
        tab.mouse.down()
        for part in range(1, 11): tab.mouse.move(x + right*part/10, y + down*part/10)
        tab.mouse.up()
    drag(60, -40)
    said("dragged", "saved", "by hand")
    rows = lab.corrections() or [{}]
    holds("dragged", [r.get("file_name") for r in rows] == [name] and rows[0]["by"] == "hand")
    if picture:
        tab.wait_for_timeout(500)
        editor.screenshot(path=picture)
        from PIL import Image
        with Image.open(picture) as taken: taken.convert("RGB").quantize(96).save(picture, optimize=True)
    drag(-90, 30)
    tab.wait_for_timeout(1000)
    said("dragged again", "saved")
    second = lab.corrections() or [{}]
    holds("dragged again", len(second) == 1 and second[0] != rows[0])
    tab.keyboard.press("u")
    said("key u", "taken back")
    holds("key u", lab.corrections() == rows)
    editor.get_by_role("button", name="undo").click()
    tab.wait_for_timeout(1000)
    said("undone", "taken back", "0.0 m")
    holds("undone", lab.corrections() == [])
    if "Javascript Error" in tab.locator(".jp-NotebookPanel").inner_text(): problems.append("the editor's keys: a JavaScript error")
    if editor.locator("img.widget-image").bounding_box()["height"] > 401: problems.append("the photo is over 400 pixels high")
    return problems


def browse(lab, notebooks, shots, picture, chromium):
    "Everything in one browser; problems."
    from playwright.sync_api import sync_playwright
    problems = []
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in notebooks:
            tab = browser.new_page(viewport=dict(width=1280, height=900))
            try:
                problems += run_whole(tab, lab, name, shots)
                if name == EDITOR: problems += drag_and_undo(tab, lab, shots, picture)
            except Exception as e:
                tab.screenshot(path=shots/f"{name.replace('/', '-')}-failed.png")
                problems.append(f"{name}: {type(e).__name__}: {str(e)[:600]}")
                print(lab.said())
            tab.close()
            lab.end_kernels()
        browser.close()
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", default=NOTEBOOKS, help="below nbs, without .ipynb (default: six)")
    parser.add_argument("--shots", type=Path, help="a folder for screenshots (default: none are kept)")
    parser.add_argument("--picture", type=Path, help="write the pin editor's picture of its page here")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    missing = [name for name in ("jupyterlab", "playwright") if importlib.util.find_spec(name) is None]
    if not Path(args.chromium).exists(): missing.append(args.chromium)
    if missing: return print(f"skipped: there is no {', no '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="img2gps-lab-", ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        shots = args.shots or folder/"shots"
        shots.mkdir(parents=True, exist_ok=True)
        lab = Lab(folder)
        try: problems = browse(lab, args.notebooks, shots, args.picture, args.chromium)
        finally: lab.close()
    for problem in problems: print(f"PROBLEM: {problem}")
    print("all of it held" if not problems else f"{len(problems)} problems")
    return bool(problems)


if __name__ == "__main__": sys.exit(main())
