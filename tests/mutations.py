"""Damaged image files, made from generated pictures, and what the reader does with each.

A case is one original, one kind of damage and one number; the same seed always gives the same bytes. Each is read by a
process of its own, with limits on memory, processor time and wall clock, and with nothing but the reader to write to
its file descriptors 1 and 2. Run as a script it counts what came out, by format and by kind:

    python tests/mutations.py 20000 --workers 4
    python tests/mutations.py --case 137 --save damaged.jpg     # one case, and its file
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import resource
import struct
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from pictures import encoded, picture
from PIL import Image

from freqforensics.images import ImageReadError, decode_image, read_image

SEED = 20200619
WRONG_SHARE = 0.05
MAX_PIXELS = 16_000_000
MEMORY = 1 << 30  # bytes that one read may map beyond what the libraries take
PROCESSOR_SECONDS = 10
WALL_SECONDS = 60  # generous: the machine may be busy; a loop without end runs into the processor's limit first

BAD = ("crash", "hang", "raised", "chatter", "wrong")
OUTCOMES = ("refused", "same", "changed", *BAD)
"""What came of a case.

refused: ImageReadError. same: under 5 % of the pixels differ from the undamaged picture. changed: more do, and no
oracle objects (the damaged file is a file of another picture). crash: the process died. hang: it ran out of time.
raised: another exception. wrong: 5 % or more of the pixels differ, and an oracle refuses the file, or a second reading
gives other pixels. chatter: nothing worse, but a library wrote to standard output or error.
"""


@dataclass(frozen=True, slots=True)
class Original:
    """An undamaged file and the picture in it, uint8 RGB."""

    name: str
    suffix: str
    data: bytes
    pixels: np.ndarray
    lossless: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """One damaged file."""

    number: int
    original: str
    suffix: str
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one case."""

    case: int
    original: str
    kind: str
    outcome: str
    detail: str = ""

    def __str__(self) -> str:
        return f"case {self.case} ({self.original}, {self.kind}): {self.outcome}: {self.detail}"


# --- originals ------------------------------------------------------------------------------------------------------


@cache
def originals() -> dict[str, Original]:
    """One file of each format and coding, by name."""
    rgb = picture(np.random.default_rng(SEED))
    grey = np.ascontiguousarray(rgb[..., 1])
    made = [
        *_jpegs(rgb, grey),
        *_tiffs(rgb, grey),
        *_pngs(rgb, grey),
        Original("webp-lossy", ".webp", encoded(rgb, "WebP", quality=80), rgb, lossless=False),
        Original("webp-lossless", ".webp", encoded(rgb, "WebP", lossless=True), rgb),
        Original("bmp", ".bmp", encoded(rgb, "BMP"), rgb),
        Original("bmp-rle", ".bmp", _bmp_rle(grey // 32 * 32), _as_rgb(grey // 32 * 32)),
        _gif(rgb),
        Original("avif", ".avif", encoded(rgb, "AVIF", quality=80, speed=10), rgb, lossless=False),
    ]
    return {original.name: original for original in made}


def _as_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def _jpegs(rgb: np.ndarray, grey: np.ndarray) -> Iterator[Original]:
    def jpeg(name: str, image: np.ndarray | Image.Image, pixels: np.ndarray, **options: Any) -> Original:
        return Original(f"jpeg-{name}", ".jpg", encoded(image, "JPEG", quality=88, **options), pixels, lossless=False)

    yield jpeg("420", rgb, rgb, subsampling="4:2:0")
    yield jpeg("444", rgb, rgb, subsampling="4:4:4")
    yield jpeg("progressive", rgb, rgb, progressive=True)
    yield jpeg("restart", rgb, rgb, restart_marker_rows=1)
    yield jpeg("grey", grey, _as_rgb(grey))
    yield jpeg("cmyk", Image.fromarray(rgb).convert("CMYK"), rgb)


def _tiffs(rgb: np.ndarray, grey: np.ndarray) -> Iterator[Original]:
    import tifffile

    def tiff(name: str, image: np.ndarray, pixels: np.ndarray, *, lossless: bool = True, **options: Any) -> Original:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, image, metadata=None, **{"rowsperstrip": 16, **options})
        return Original(f"tiff-{name}", ".tif", buffer.getvalue(), pixels, lossless)

    colour: dict[str, Any] = {"photometric": "rgb"}
    yield tiff("plain", rgb, rgb, **colour)
    yield tiff("lzw", rgb, rgb, compression="lzw", **colour)
    yield tiff("deflate", rgb, rgb, compression="zlib", **colour)
    yield tiff("packbits", rgb, rgb, compression="packbits", **colour)
    yield tiff("tiled", rgb, rgb, tile=(32, 32), rowsperstrip=None, **colour)
    yield tiff("tiled-deflate", rgb, rgb, tile=(32, 32), rowsperstrip=None, compression="zlib", **colour)
    yield tiff("grey16", grey.astype(np.uint16) * 257, _as_rgb(grey), photometric="minisblack")
    planes = np.ascontiguousarray(rgb.transpose(2, 0, 1)).astype(np.uint16) * 257
    yield tiff("planar16", planes, rgb, planarconfig="separate", **colour)
    yield tiff("planar16-lzw", planes, rgb, planarconfig="separate", compression="lzw", **colour)
    yield tiff("jpeg", rgb, rgb, compression="jpeg", compressionargs={"level": 88}, lossless=False, **colour)
    bits = grey > 128
    for name in ("group3", "group4"):
        data = encoded(Image.fromarray(bits), "TIFF", compression=name)
        yield Original(f"tiff-{name}", ".tif", data, _as_rgb(bits.astype(np.uint8) * 255))


def _pngs(rgb: np.ndarray, grey: np.ndarray) -> Iterator[Original]:
    yield Original("png", ".png", encoded(rgb, "PNG"), rgb)
    yield Original("png-grey16", ".png", encoded(grey.astype(np.uint16) * 257, "PNG"), _as_rgb(grey))
    few = Image.fromarray(rgb).quantize(64)
    yield Original("png-palette", ".png", encoded(few, "PNG"), np.asarray(few.convert("RGB")))
    frames = [Image.fromarray(np.roll(rgb, 20 * shift, axis=1)) for shift in range(3)]
    yield Original("apng", ".png", encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]), rgb)


def _gif(rgb: np.ndarray) -> Original:
    few = Image.fromarray(rgb).quantize(64)
    return Original("gif", ".gif", encoded(few, "GIF"), np.asarray(few.convert("RGB")))


def _bmp_rle(grey: np.ndarray) -> bytes:
    """An 8-bit bitmap in runs (BI_RLE8), which Pillow does not write."""
    height, width = grey.shape
    runs = bytearray()
    for row in grey[::-1]:
        starts = [0, *(np.flatnonzero(np.diff(row)) + 1), width]
        for start, end in pairwise(starts):
            for at in range(start, end, 255):
                runs += bytes([min(255, end - at), row[start]])
        runs += b"\0\0"
    runs += b"\0\1"
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    offset = 14 + 40 + len(palette)
    about = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(runs), 0, 0, offset) + about + palette + runs


# --- damage ---------------------------------------------------------------------------------------------------------

Damage = Callable[[bytes, np.random.Generator, bytes], bytes]


def _place(data: bytes, rng: np.random.Generator, first: int = 0) -> int:
    return int(rng.integers(min(first, len(data) - 1), len(data)))


def _overwritten(data: bytes, start: int, filling: bytes) -> bytes:
    return (data[:start] + filling + data[start + len(filling) :])[: len(data)]


def _cut(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    return data[: _place(data, rng, 1)]


def _zero_tail(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    place = _place(data, rng)
    return data[:place] + bytes(len(data) - place)


def _noise_tail(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    place = _place(data, rng)
    return data[:place] + rng.bytes(len(data) - place)


def _cut_with_end(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """Cut, with the last bytes (end marker, last chunk) behind."""
    return data[: _place(data, rng, 1)] + data[-int(rng.choice([2, 12, 16])) :]


def _flips(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        damaged[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def _noise(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    return _overwritten(data, _place(data, rng), rng.bytes(int(rng.integers(1, 65))))


def _zeros(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    return _overwritten(data, _place(data, rng), bytes(int(rng.integers(16, 1025))))


def _deleted(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    place = _place(data, rng)
    return data[:place] + data[place + int(rng.integers(1, 257)) :]


def _inserted(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    place = _place(data, rng)
    return data[:place] + rng.bytes(int(rng.integers(1, 65))) + data[place:]


def _repeated(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    start = _place(data, rng)
    end = min(len(data), start + int(rng.integers(8, 513)))
    return data[:end] + data[start:]


def _spliced(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """The beginning of one file and the end of another."""
    return data[: _place(data, rng, 1)] + other[_place(other, rng) :]


def _header_bytes(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """Bytes of the first or, where a TIFF's directory may stand, last 256."""
    damaged = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(min(256, len(data))))
        damaged[place if rng.random() < 0.7 else -1 - place] = int(rng.integers(256))
    return bytes(damaged)


def _extreme_number(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    number = int(rng.choice(np.array([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 0x10000, 0x4000])))
    filling = number.to_bytes(4, str(rng.choice(["little", "big"])))[: int(rng.choice([2, 4]))]  # type: ignore[arg-type]
    return _overwritten(data, int(rng.integers(min(256, len(data) - 4))), filling)


KINDS: dict[str, Damage] = {
    "cut": _cut,
    "zero tail": _zero_tail,
    "noise tail": _noise_tail,
    "cut, end kept": _cut_with_end,
    "bit flips": _flips,
    "noise": _noise,
    "zeros": _zeros,
    "deleted": _deleted,
    "inserted": _inserted,
    "repeated": _repeated,
    "spliced": _spliced,
    "header bytes": _header_bytes,
    "extreme number": _extreme_number,
}


def make_case(number: int, seed: int = SEED) -> Case:
    """Make one damaged file: originals in turn, and with each turn the next kind of damage."""
    names = list(originals())
    original = originals()[names[number % len(names)]]
    turn = number // len(names)
    kind = list(KINDS)[turn % len(KINDS)]
    kin = [other for other in originals().values() if other.suffix == original.suffix]
    rng = np.random.default_rng([seed, number])
    while True:
        other = kin[int(rng.integers(len(kin)))]
        data = KINDS[kind](original.data, rng, other.data)
        if data != original.data:
            return Case(number, original.name, original.suffix, kind, data)


# --- oracles --------------------------------------------------------------------------------------------------------


def _pillow(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.load()


def _tifffile(data: bytes) -> None:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        file.pages[0].asarray()


def _simplejpeg(data: bytes) -> None:
    import simplejpeg

    space = simplejpeg.decode_jpeg_header(data, strict=True)[2]
    simplejpeg.decode_jpeg(data, colorspace="CMYK" if space in ("CMYK", "YCCK") else "RGB", strict=True)


ORACLES: dict[str, Callable[[bytes], None]] = {"Pillow": _pillow, "tifffile": _tifffile, "simplejpeg": _simplejpeg}


def refusals(original: str, data: bytes) -> list[str]:
    """Name the oracles that refuse a damaged file, of those that read the original, with their reasons."""
    reasons = {name: refusal(name, data) for name in readers_of(original)}
    return [f"{name}: {reason}" for name, reason in reasons.items() if reason is not None]


@cache
def readers_of(original: str) -> tuple[str, ...]:
    """Name the oracles that read an original."""
    return tuple(name for name in ORACLES if refusal(name, originals()[original].data) is None)


def refusal(oracle: str, data: bytes) -> str | None:
    """Why an oracle refuses a file, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ORACLES[oracle](data)
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0][:150]
    return None


def differing_share(image: np.ndarray, expected: np.ndarray) -> float:
    """Share of pixels of which some channel differs; 1 where the sizes differ."""
    if image.shape != expected.shape:
        return 1.0
    return float((image != expected).any(axis=2).mean())


# --- reading in a process of its own --------------------------------------------------------------------------------


def _serve(pipe: Connection, outlet: str, read: Callable[..., np.ndarray], seconds: int) -> None:
    """Read what comes through the pipe; runs in the child."""
    warnings.simplefilter("always")
    for name in originals():  # what libraries load at first use
        readers_of(name)
    sys.stdout.flush()
    sys.stderr.flush()
    sink = os.open(outlet, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else None
    if pages is not None:
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    expected: dict[str, np.ndarray] = {}
    pipe.send("ready")
    while True:
        path, name = pipe.recv()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + seconds, hard))
        original = originals()[name]
        os.ftruncate(sink, 0)
        try:
            answer = _judged(read, path, original, expected, sink)
        except MemoryError as error:
            answer = ("raised", f"MemoryError: {error}")
        pipe.send(answer)


def _judged(
    read: Callable[..., np.ndarray], path: str, original: Original, expected: dict[str, np.ndarray], sink: int
) -> tuple[str, str]:
    notes: list[str] = []
    image = None
    outcome, detail = "refused", ""
    try:
        image = read(path, max_pixels=MAX_PIXELS, on_note=notes.append)
    except ImageReadError as error:
        detail = error.reason
    except Exception as error:
        outcome, detail = "raised", f"{type(error).__name__}: {error}".splitlines()[0][:200]
    sys.stdout.flush()
    sys.stderr.flush()
    chatter = os.pread(sink, 300, 0).decode(errors="replace").splitlines()
    if image is not None:
        outcome, detail = _compared(image, read, path, original, expected)
    if chatter and outcome not in BAD:
        return "chatter", chatter[0]
    return outcome, detail


def _compared(
    image: np.ndarray, read: Callable[..., np.ndarray], path: str, original: Original, expected: dict[str, np.ndarray]
) -> tuple[str, str]:
    if original.name not in expected:
        expected[original.name] = original.pixels if original.lossless else decoded(original)
    try:
        again = read(path, max_pixels=MAX_PIXELS, on_note=lambda note: None)
    except Exception as error:
        return "wrong", f"refused at the second reading: {error}"
    if not np.array_equal(image, again):
        return "wrong", "another picture at the second reading"
    share = differing_share(image, expected[original.name])
    detail = f"{share:.0%} of the pixels differ"
    if share < WRONG_SHARE:
        return "same", detail
    reasons = refusals(original.name, Path(path).read_bytes())
    return ("wrong", f"{detail}; {'; '.join(reasons)}") if reasons else ("changed", detail)


def decoded(original: Original) -> np.ndarray:
    """Read an undamaged original."""
    return decode_image(original.data, name=f"original{original.suffix}", on_note=lambda note: None)


class Reader:
    """A process that reads files, and is replaced when it dies or does not come back."""

    def __init__(self, folder: Path, read: Callable[..., np.ndarray], seconds: int) -> None:
        self.folder = folder
        self._how = read, seconds
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def read(self, case: Case) -> Verdict:
        path = self.folder / f"{threading.get_ident()}{case.suffix}"
        path.write_bytes(case.data)
        process, pipe = self._started()
        pipe.send((str(path), case.original))
        outcome, detail = "hang", f"no answer in {WALL_SECONDS} seconds"
        try:
            if pipe.poll(WALL_SECONDS):
                outcome, detail = pipe.recv()
            else:
                self.close()
        except (EOFError, ConnectionResetError):
            process.join(10)
            code = process.exitcode
            outcome, detail = "crash", f"exit code {code}"
            if code == -24:  # SIGXCPU
                outcome, detail = "hang", f"more than {self._how[1]} seconds of processor time"
            self.close()
        return Verdict(case.number, case.original, case.kind, outcome, detail)

    def _started(self) -> tuple[Any, Connection]:
        if self._process is None or self._pipe is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, end = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(end, str(self.folder / f"{threading.get_ident()}.out"), *self._how), daemon=True
            )
            self._process.start()
            end.close()
            self._pipe.recv()
        return self._process, self._pipe

    def close(self) -> None:
        if self._process is not None and self._pipe is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join(10)
        self._process = self._pipe = None


def read_cases(
    numbers: Sequence[int],
    *,
    seed: int = SEED,
    workers: int = 1,
    read: Callable[..., np.ndarray] = read_image,
    seconds: int = PROCESSOR_SECONDS,
) -> list[Verdict]:
    """Make and read damaged files; the verdicts come in the order of the numbers."""
    with tempfile.TemporaryDirectory() as folder:
        readers: dict[int, Reader] = {}

        def verdict(number: int) -> Verdict:
            reader = readers.setdefault(threading.get_ident(), Reader(Path(folder), read, seconds))
            return reader.read(make_case(number, seed))

        originals()
        try:
            with ThreadPoolExecutor(workers) as pool:
                return list(pool.map(verdict, numbers))
        finally:
            for reader in readers.values():
                reader.close()


def table(verdicts: Sequence[Verdict], column: str) -> str:
    """Count outcomes by ``original`` or ``kind``."""
    counts = Counter((getattr(verdict, column), verdict.outcome) for verdict in verdicts)
    names = list(dict.fromkeys(getattr(verdict, column) for verdict in verdicts))
    lines = [f"{column:16}" + "".join(f"{outcome:>9}" for outcome in OUTCOMES)]
    lines += [
        f"{name:16}" + "".join(f"{counts[name, outcome] or '':>9}" for outcome in OUTCOMES) for name in sorted(names)
    ]
    total = Counter(verdict.outcome for verdict in verdicts)
    lines.append(f"{'all':16}" + "".join(f"{total[outcome]:>9}" for outcome in OUTCOMES))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Read damaged image files and count what comes of them.")
    parser.add_argument("count", type=int, nargs="?", default=500, help="number of damaged files")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=1, help="processes that read")
    parser.add_argument("--case", type=int, help="read this case only")
    parser.add_argument("--save", type=Path, metavar="FILE", help="with --case: write the damaged file")
    options = parser.parse_args()
    if options.case is not None and options.save is not None:
        options.save.write_bytes(make_case(options.case, options.seed).data)
    numbers = range(options.count) if options.case is None else [options.case]
    start = time.monotonic()
    verdicts = read_cases(numbers, seed=options.seed, workers=options.workers)
    bad = [verdict for verdict in verdicts if verdict.outcome in BAD]
    for verdict in verdicts if options.case is not None else bad:
        print(verdict)
    print(f"{table(verdicts, 'original')}\n\n{table(verdicts, 'kind')}")
    print(f"{len(verdicts)} cases, {len(bad)} bad, {time.monotonic() - start:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
