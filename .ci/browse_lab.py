#!/usr/bin/env python3
"""Step through notebooks as people do: JupyterLab in a real headless Chromium. Run by hand, not by .ci/run.

    python .ci/browse_lab.py [--shots FOLDER] [--chromium /usr/bin/chromium] [NOTEBOOK ...]

The checkout's notebooks are copied into a temporary folder and opened in JupyterLab, six of them if none is named; each is run whole
through the menu. No cell may end in an error, and a notebook that is stored with pictures must show some. Then a pin of the live editor in
nbs/photos/16_repair.ipynb is dragged and the drop undone, and corrections.csv read after both. The exit status is 0 where all of it held.
Needs playwright (pip install playwright), Chromium and the extra `edit`; where either of the first two is missing, it says so and ends.
"""
import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ("00_geo.ipynb", "03_style.ipynb", "photos/16_repair.ipynb", "demo/25_campus.ipynb", "show/60_plots.ipynb",
             "tutorials/walk.ipynb")
PATIENCE_S = 300
TOKEN = "browse"


def free_port():
    "A port that nobody listens on."
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def open_lab(folder, port):
    "JupyterLab as a process, once it answers."
    words = ["lab", "--no-browser", f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}",
             "--ServerApp.allow_root=True", "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    lab = subprocess.Popen([sys.executable, "-m", "jupyter", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=os.environ | {"JUPYTER_CONFIG_DIR": str(folder/".jupyter"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
                                             "TMPDIR": str(folder/"tmp")})
    for _ in range(120):
        time.sleep(0.5)
        try: urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={TOKEN}", timeout=2)
        except OSError: continue
        return lab
    lab.terminate()
    sys.exit("JupyterLab did not start within a minute")


def has_pictures(path):
    "Whether a notebook is stored with pictures among its outputs."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return any("image/png" in o.get("data", {}) for c in cells for o in c.get("outputs", ()))


def dismiss(page):
    "Close what JupyterLab asks, such as for a kernel."
    for name in ("Select", "Select Kernel", "OK", "No"):
        button = page.get_by_role("button", name=name, exact=True)
        if button.count() and button.first.is_visible(): button.first.click()


def run_whole(page, address, name):
    "Run a notebook through the menu; pictures, errors and seconds of it."
    page.goto(f"{address}/lab/tree/{name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    time.sleep(2)
    dismiss(page)
    began = time.monotonic()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Restart Kernel and Run All Cells", exact=False).first.click()
    page.locator(".jp-Dialog .jp-mod-accept").last.click(timeout=20_000)
    idle = 0
    while idle < 3: # seconds without a cell that runs or waits
        if time.monotonic() - began > PATIENCE_S: return None, ["it did not end"], PATIENCE_S
        time.sleep(1)
        busy = page.evaluate("""() => {
            const kernel = document.querySelector('.jp-NotebookPanel .jp-Notebook-ExecutionIndicator');
            return kernel ? kernel.getAttribute('data-status') : 'unknown'}""")
        idle = idle + 1 if busy == "idle" and time.monotonic() - began > 4 else 0
    took, pictures, first, errors = time.monotonic() - began, 0, 0, set()
    scroller, step = page.locator(".jp-WindowedPanel-outer").first, 700
    height = scroller.evaluate("e => e.scrollHeight")
    for top in range(0, int(height) + step, step): # cells out of sight are not in the page
        scroller.evaluate("(e, top) => e.scrollTop = top", top)
        time.sleep(0.15)
        here = page.locator(".jp-OutputArea-output img:visible, .jp-OutputArea-output svg:visible").count()
        first = max(top - 200, 0) if here and not pictures else first
        pictures += here
        errors |= set(page.locator('[data-mime-type="application/vnd.jupyter.error"]').all_inner_texts())
    scroller.evaluate("(e, top) => e.scrollTop = top", first) # to be looked at
    time.sleep(1)
    return pictures, [e.strip().splitlines()[-1] for e in errors if e.strip()], took


def drag_a_pin(page, folder, shots):
    "Drag the pin of the live editor, undo it; what corrections.csv held before, after the drop, and after undoing."
    scroller = page.locator(".jp-WindowedPanel-outer").first
    for top in range(0, 60_000, 500):
        scroller.evaluate("(e, top) => e.scrollTop = top", top)
        time.sleep(0.2)
        if page.locator(".leaflet-marker-icon").count(): break
    pin = page.locator(".leaflet-marker-icon").first
    pin.scroll_into_view_if_needed()
    time.sleep(1)
    rows = lambda: [len(p.read_text().splitlines()) - 1 for p in (folder/"tmp").rglob("drawn/corrections.csv")]
    before, at = rows(), pin.bounding_box()
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(1, 11): page.mouse.move(x + 6 * i, y - 3 * i)
    page.mouse.up()
    time.sleep(2)
    dropped = rows()
    if shots:
        page.screenshot(path=shots/"pin.png")
        page.locator(".jp-OutputArea-output .widget-vbox", has=page.locator(".leaflet-container")).first.screenshot(path=shots/"editor.png")
    page.get_by_role("button", name="undo", exact=True).first.click()
    time.sleep(2)
    if shots: page.screenshot(path=shots/"pin-undone.png")
    return before, dropped, rows()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("notebooks", nargs="*", default=NOTEBOOKS, help="below nbs/")
    options.add_argument("--shots", type=Path, help="folder for screenshots")
    options.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"))
    args = options.parse_args()
    try: from playwright.sync_api import sync_playwright
    except ImportError: sys.exit(print("skipped: no playwright (pip install playwright)"))
    if not args.chromium.is_file(): sys.exit(print(f"skipped: no Chromium at {args.chromium}"))
    if args.shots: args.shots.mkdir(parents=True, exist_ok=True)
    failed = []
    with tempfile.TemporaryDirectory(prefix="img2gps-lab-") as folder:
        folder, port = Path(folder), free_port()
        (folder/"tmp").mkdir()
        for name in ("nbs", "settings.ini", "img2gps"):
            (shutil.copytree if (ROOT/name).is_dir() else shutil.copy)(ROOT/name, folder/name)
        # its last cells export, and remove what the editor works on
        edited = folder/"nbs"/"photos"/"16_repair.ipynb"
        kept = json.loads(edited.read_text(encoding="utf-8"))
        kept["cells"] = [c for c in kept["cells"] if "shutil.rmtree(folder)" not in "".join(c["source"])]
        edited.write_text(json.dumps(kept), encoding="utf-8")
        lab = open_lab(folder, port)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=str(args.chromium))
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                for name in args.notebooks:
                    pictures, errors, took = run_whole(page, f"http://127.0.0.1:{port}", f"nbs/{name}")
                    if not errors and not pictures and has_pictures(ROOT/"nbs"/name): errors = ["no picture is shown"]
                    print(f"{name}: {took:.0f} s, {'failed: ' + '; '.join(errors) if errors else 'no error'}"
                          f"{', pictures are shown' if pictures else ''}", flush=True)
                    failed += [name] * bool(errors)
                    if args.shots: page.screenshot(path=args.shots/f"{Path(name).stem}.png")
                    if name.endswith("16_repair.ipynb"):
                        before, dropped, undone = drag_a_pin(page, folder, args.shots)
                        good = sum(dropped) == 1 and sum(undone) == 0
                        print(f"a pin: {sum(dropped)} correction after the drop, {sum(undone)} after undoing"
                              f"{'' if good else ': failed'}", flush=True)
                        failed += [] if good else ["a pin"]
                browser.close()
        finally:
            lab.terminate()
            lab.wait(20)
    sys.exit(1 if failed else 0)


if __name__ == "__main__": main()
