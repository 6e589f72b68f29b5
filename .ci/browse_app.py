#!/usr/bin/env python3
"""Use the page of `img2gps app` as people do: in a real headless Chromium, and twenty at once. Run by hand, not by .ci/run.

    python .ci/browse_app.py [--shots FOLDER] [--chromium /usr/bin/chromium] [--users 20] [--seconds 120]

A small campus is drawn and walked twice; the page of a run of its places is opened as a process. In the browser, wide and as narrow as
a phone, a JPEG, a HEIC and a walk are located, and a photo of 200 megapixels, a text called .jpg and an unfamiliar photo are answered;
nothing may be asked of another host. Then users ask at once, and the server's memory is read. The exit status is 0 where all of it held.
Needs playwright (pip install playwright) and Chromium; where either is missing, the browser's part is skipped, with a line.
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
PATIENCE_MS = 90_000


def drawn_files(folder):
    "A run, the folder of its photos, and what is asked: name -> files."
    import pillow_heif
    from img2gps.demo.photos import make_demo
    from img2gps.recognise import train_places
    drawn = dict(n_places=12, size=(480, 360), seed=3, progress=False)
    make_demo(folder/"photos", **drawn)
    make_demo(folder/"again", later=1, **drawn)
    run = train_places(folder/"photos", folder/"runs", progress=False, say=lambda text: None)
    walk = sorted((folder/"again").glob("*.jpg"))
    asked = folder/"asked"
    asked.mkdir()
    names = "photo.heic", "bomb.png", "notes ${6*7} {{6*7}}.jpg", "elsewhere.jpg"
    heic, bomb, text, foreign = (asked/name for name in names)
    with Image.open(walk[1]) as image: pillow_heif.from_pillow(image.convert("RGB")).save(heic)
    Image.new("1", (20_000, 10_000)).save(bomb)
    text.write_text("this is no photo")
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC).save(foreign)
    return run, folder/"photos", walk, {
        "jpeg": walk[:1], "heic": [heic], "walk": walk[:8], "bomb": [bomb], "text": [text], "unfamiliar": [foreign]}


class Page:
    "`img2gps app` as a process with a temporary folder of its own."
    def __init__(self, run, photos, tmp):
        self.tmp = tmp
        tmp.mkdir()
        code = ("import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
                "from img2gps.cli import entry; entry()")
        words = ["app", str(run), "--photos", str(photos), "--port", "0"]
        self.process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True,
                                        env=os.environ | {"TMPDIR": str(tmp)})
        said = self.process.stdout.readline()
        if "http" not in said: sys.exit(f"the page did not open: {said}")
        self.url = said.split()[1]

    def rss_mb(self):
        "Memory of the server, megabytes."
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    def held(self): return [p for p in self.tmp.rglob("*") if p.is_file() and p.stat().st_size]

    def close(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        left = list(self.tmp.iterdir())
        print(f"closed: exit status {code}, left in the temporary folder: {[p.name for p in left]}")
        if code or left: sys.exit("the page did not end as it should")


EXPECTED = { # what an answer says, and how many maps and pairs of photos it draws at least
    "jpeg": ("within", 1, 1), "heic": ("within", 1, 1), "walk": ("within", 1, 8), "bomb": ("200 megapixels", 0, 0),
    "text": ("cannot be read as a photo", 0, 0), "unfamiliar": ("Not from here", 1, 0)}


def browse(page, asked, shots, chromium):
    "Ask everything in a browser, wide and narrow; problems."
    from playwright.sync_api import sync_playwright
    problems, hosts, console = [], set(), set()
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for size, (width, height) in SIZES.items():
            context = browser.new_context(viewport=dict(width=width, height=height), has_touch=size == "phone",
                                          device_scale_factor=2 if size == "phone" else 1)
            tab = context.new_page()
            tab.on("request", lambda request: hosts.add((urlsplit(request.url).scheme, urlsplit(request.url).hostname)))
            tab.on("console", lambda m: m.type == "error" and console.add(m.text[:200]))
            for name, files in asked.items():
                start = time.monotonic()
                tab.goto(page.url)
                tab.wait_for_selector("input[type=file]", state="attached", timeout=PATIENCE_MS)
                if name == "jpeg": tab.screenshot(path=shots/f"{size}-empty.png")
                tab.set_input_files("input[type=file]", [str(f) for f in files])
                tab.wait_for_function("n => document.querySelectorAll('.file-preview tr.file').length >= n", arg=len(files),
                                      timeout=PATIENCE_MS)
                if name == "walk": tab.get_by_label("one walk").check()
                tab.click("#locate")
                words, maps, pairs = EXPECTED[name]
                tab.wait_for_selector("#answer .img2gps h3", timeout=PATIENCE_MS)
                answer = tab.locator("#answer")
                found = answer.inner_text(), answer.locator("svg.map").count(), answer.locator("svg.pair").count()
                wide = tab.evaluate("document.documentElement.scrollWidth")
                if words not in found[0]: problems.append(f"{size}, {name}: {found[0]!r} lacks {words!r}")
                if found[1] < maps or found[2] < pairs: problems.append(f"{size}, {name}: {found[1]} maps, {found[2]} pairs")
                if "42" in found[0] and name == "text": problems.append(f"{size}: a name was evaluated: {found[0]!r}")
                if wide > width: problems.append(f"{size}, {name}: {wide} pixels wide")
                tab.screenshot(path=shots/f"{size}-{name}.png", full_page=True)
                print(f"{size:8} {name:11} {time.monotonic() - start:5.1f} s  {' '.join(found[0].split())[:90]}")
            context.close()
        browser.close()
    for text in sorted(console): print(f"console: {text}")
    foreign = {host for host in hosts if host[0] not in ("data", "blob") and host[1] != "127.0.0.1"}
    if foreign: problems.append(f"asked of elsewhere: {foreign}")
    if page.held(): problems.append(f"still on disk: {page.held()}")
    print(f"hosts that were asked: {sorted(hosts, key=str)}; uploads on disk: {len(page.held())}")
    return problems


def crowd(page, photos, users, seconds):
    "Let users ask at once, photo after photo; problems."
    from gradio_client import Client, handle_file
    end, errors, answers, waited = time.monotonic() + seconds, [], [], []
    def ask(user):
        try:
            client = Client(page.url, verbose=False)
            i = user
            while time.monotonic() < end:
                start = time.monotonic()
                answer, _ = client.predict([handle_file(photos[i % len(photos)])], False, api_name="/locate")
                (answers if "<svg class=map" in answer else errors).append(answer[-300:])
                waited.append(time.monotonic() - start)
                i += 7 # now and then two users ask of the same photo
        except Exception as e: errors.append(f"{type(e).__name__}: {e}")
    threads = [threading.Thread(target=ask, args=(u,)) for u in range(users)]
    for t in threads: t.start()
    time.sleep(seconds / 4)
    early = page.rss_mb()
    most = early
    while any(t.is_alive() for t in threads):
        time.sleep(1)
        most = max(most, page.rss_mb())
    late = page.rss_mb()
    print(f"{users} users, {seconds:.0f} s: {len(answers)} answers, {len(errors)} errors; waited {np.median(waited):.1f} s "
          f"(median), {max(waited):.1f} s at most; memory {early:.0f} MB after a quarter, {late:.0f} MB at the end, "
          f"{most:.0f} MB at most; uploads on disk: {len(page.held())}")
    problems = [f"an error of {len(errors)}: {errors[0]}"] if errors else []
    if late > early * 1.1 + 20: problems.append(f"memory grew from {early:.0f} to {late:.0f} MB")
    if page.held(): problems.append(f"still on disk: {page.held()}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=Path, help="a folder for screenshots (default: none are kept)")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--users", type=int, default=0, help="so many at once, after the browser")
    parser.add_argument("--seconds", type=float, default=120, help="for so long")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="img2gps-browse-") as folder:
        folder = Path(folder)
        shots = args.shots or folder/"shots"
        shots.mkdir(parents=True, exist_ok=True)
        run, photos, walk, asked = drawn_files(folder)
        page, problems = Page(run, photos, folder/"tmp"), []
        try:
            try: import playwright # noqa: F401
            except ImportError: print("skipped: the browser's part needs playwright")
            else:
                if Path(args.chromium).exists(): problems += browse(page, asked, shots, args.chromium)
                else: print(f"skipped: there is no {args.chromium}")
            if args.users: problems += crowd(page, walk, args.users, args.seconds)
        finally: page.close()
    for problem in problems: print(f"PROBLEM: {problem}")
    print("all of it held" if not problems else f"{len(problems)} problems")
    return bool(problems)


if __name__ == "__main__": sys.exit(main())
