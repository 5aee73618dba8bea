"""What the repository keeps of a run: its tables and texts, and of its pictures those that a page shows.

    python results/reference/lean.py FROM TO    the lean set of the folder FROM as the folder TO (called by `make`)
    python results/reference/lean.py            the same in place, for every folder here

A picture is kept if README.md, a page of docs/ or README.md of this folder shows or links it, or if it is the figure of
a script of simulations/, which the docs show all. Kept pictures are PNG of at most 1,200 pixels in width and 256
colours. All the rest (trials, vector graphics, the other pictures) is made anew by the command that made it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WIDTH = 1200  # pixels of the one size
COLOURS = 256
KEPT = {".csv", ".json", ".md", ".toml", ".txt"}
NOT_KEPT = (
    "trials.*",
    "frames.*",
    "parts/*",
    "done.json",
    "manifest.json",
    "people.csv",
    "ranks.csv",
)  # single people, single draws
_LINK = re.compile(r"\]\((?!\w+:|#)([^)\s]+\.png)\)")


def linked() -> set[Path]:
    """Every picture under results/reference that a page shows or links."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), HERE / "README.md"]
    links = {
        Path(os.path.normpath(page.parent / target))
        for page in pages
        for target in _LINK.findall(page.read_text("utf-8"))
    }
    return {path for path in links if path.is_relative_to(HERE)}


def shown() -> set[Path]:
    """With the figures of simulations, which the docs show where there is one."""
    return linked() | {
        HERE / "simulations" / p.stem / "figure.png" for p in (ROOT / "simulations").glob("*.py")
    }


def shrink(source: Path, target: Path) -> None:
    """A picture in the one size and in few colours; one that is so already stays as it is."""
    with Image.open(source) as image:
        if image.width <= WIDTH and image.mode == "P":
            if source != target:
                shutil.copyfile(source, target)
            return
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A") if "A" in image.getbands() else None)
    if flat.width > WIDTH:
        flat = flat.resize((WIDTH, round(flat.height * WIDTH / flat.width)), Image.Resampling.LANCZOS)
    # the widest cover, then means: a colour of few pixels (a mark in a legend) stays what it is
    few = flat.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.save(target, optimize=True)


def keep(source: Path, target: Path) -> None:
    """The lean set of the folder `source` as the folder `target`, in place if they are one."""
    pictures = shown()
    if source != target:
        shutil.rmtree(target, ignore_errors=True)
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        part = path.relative_to(source)
        own = target / part
        wanted = path.suffix in KEPT and not any(part.match(pattern) for pattern in NOT_KEPT)
        if wanted or own in pictures:
            own.parent.mkdir(parents=True, exist_ok=True)
            if own in pictures:
                shrink(path, own)
            elif own != path:
                shutil.copyfile(path, own)
        elif source == target:
            path.unlink()
    for folder in sorted((p for p in target.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def main(args: list[str]) -> int:
    """One folder, or all."""
    if len(args) == 2:
        keep(Path(args[0]).resolve(), Path(args[1]).resolve())
        return 0
    for folder in sorted(p for p in HERE.iterdir() if p.is_dir() and p.name != "__pycache__"):
        keep(folder.resolve(), folder.resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
