#!/usr/bin/env python3
"""Builds the Python wheel: the package in Python/fixresc with libfixresc.so inside, for every Python 3.

    python3 Packaging/wheel.py FOLDER [--library FILE]

Without --library, Packaging/library.sh builds the library. Where auditwheel (Packaging/requirements.txt) is installed,
it gives the wheel the lowest manylinux tag that the library's symbols allow; otherwise the tag is linux_x86_64, which no
index takes. Two runs over the same library give the same bytes.
"""

import argparse
import base64
import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The time stamp of every entry: SOURCE_DATE_EPOCH would differ between checkouts of one commit.
STAMP = (2020, 1, 1, 0, 0, 0)


def version():
    source = (ROOT / "Sources/fixresc/Version.swift").read_text(encoding="utf-8")
    return re.search(r'static let number = "([^"]+)"', source).group(1)


def metadata():
    return (
        "Metadata-Version: 2.1\n"
        "Name: fixresc\n"
        f"Version: {version()}\n"
        "Summary: Adapts trained ResNets to their test resolution and runs them\n"
        "License: MIT\n"
        "Requires-Python: >=3.9\n"
        "Requires-Dist: numpy>=1.22\n"
        "Provides-Extra: spark\n"
        'Requires-Dist: pyspark>=3.4; extra == "spark"\n'
        'Requires-Dist: pandas>=1.5; extra == "spark"\n'
        'Requires-Dist: pyarrow>=11; extra == "spark"\n'
        "Description-Content-Type: text/markdown\n\n"
        + (ROOT / "Documentation/Python.md").read_text(encoding="utf-8")
    )


def write(folder, library, platform):
    name = f"fixresc-{version()}"
    info = f"{name}.dist-info"
    files = {
        f"fixresc/{path.name}": path.read_bytes()
        for path in sorted((ROOT / "Python/fixresc").iterdir())
        if path.suffix == ".py" or path.name == "py.typed"
    }
    files["fixresc/libfixresc.so"] = library.read_bytes()
    files[f"{info}/METADATA"] = metadata().encode()
    files[f"{info}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: fixresc\nRoot-Is-Purelib: false\nTag: py3-none-{platform}\n".encode())
    record = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(data)}\n")
    files[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\n"]).encode()
    wheel = folder / f"{name}-py3-none-{platform}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if path.endswith(".so") else 0o100644) << 16
            archive.writestr(entry, data)
    return wheel


def granted(wheel):
    """The lowest manylinux platform that auditwheel grants the wheel; linux_x86_64 where auditwheel is not installed."""
    if importlib.util.find_spec("auditwheel") is None:
        print("auditwheel is not installed: the tag stays linux_x86_64", file=sys.stderr)
        return "linux_x86_64"
    said = subprocess.run(
        [sys.executable, "-m", "auditwheel", "show", str(wheel)], check=True, capture_output=True, text=True).stdout
    found = re.search(r'platform\s+tag:\s+"([a-z0-9_]+)"', said)
    if not found:
        sys.exit("auditwheel show: expected a platform tag, found\n" + said)
    return found.group(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--library", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        library = arguments.library
        if library is None:
            subprocess.run([ROOT / "Packaging/library.sh", temporary], check=True, stdout=sys.stderr)
            library = Path(temporary) / "lib/libfixresc.so.0"
        platform = granted(write(Path(temporary), library, "linux_x86_64"))
        print(write(arguments.folder, library, platform))


if __name__ == "__main__":
    main()
