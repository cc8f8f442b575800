#!/usr/bin/env python3
"""Builds a release into a folder, and checks each file of it (Packaging/check.py).

    python3 Packaging/release.py FOLDER [--tree] [--twice] [--compare FIXRESC] [--slim ROOT]

What it builds: the command line as a static executable, the C library as an archive, the Python wheel, a Debian package, a
Dockerfile, and SHA256SUMS. It builds the commit that is checked out, from `git archive`, so that --version states it; with
--tree the working tree as it is, which shares .build/library with Packaging/library.sh. With --twice it builds the
commit again in another folder and compares the bytes. The other options are those of check.py. Time stamps are SOURCE_DATE_EPOCH,
or the first second of 2020.
"""

import argparse
import filecmp
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import check
import debian

ROOT = Path(__file__).resolve().parent.parent
PATH_LENGTH = 200
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "1577836800"))


def say(text):
    print(f"== {text}", flush=True)


def version(source):
    text = (source / "Sources/fixresc/Version.swift").read_text(encoding="utf-8")
    return re.search(r'static let number = "([^"]+)"', text)[1]


def run(words, **options):
    subprocess.run([str(word) for word in words], check=True, stdout=sys.stderr, **options)


def unpack_commit(folder):
    """The checked-out commit's files, as `git archive` writes them."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    folder.mkdir(parents=True)
    run(["tar", "-x", "-C", folder], input=archive)
    return folder


def source_folder(work):
    """A folder in `work` for sources, whose path has the same length wherever `work` is: see build.sh."""
    room = PATH_LENGTH - len(str(work)) - 1
    if not 0 < room < 256:
        sys.exit(f"{work}: expected a temporary folder with a path of less than {PATH_LENGTH} characters; TMPDIR names one")
    return work / ("source" + "-" * room)[:room]


def archive(folder, prefix, target):
    """`folder` as a .tar.gz whose bytes depend on names and contents alone.

    Folders are left out: unpacking would change the modes of those that are there.
    """

    def plain(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = EPOCH
        entry.mode = 0o777 if entry.issym() else 0o755 if entry.mode & 0o100 else 0o644
        return entry

    with open(target, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=EPOCH) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as files:
            for path in sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file()):
                files.add(path, f"{prefix}/{path.relative_to(folder)}", recursive=False, filter=plain)


def build(source, folder, work, scratch):
    """Builds everything from `source` into `folder`, with intermediate files in `work`."""
    environment = dict(os.environ, FIXRESC_SCRATCH=str(scratch), SOURCE_DATE_EPOCH=str(EPOCH))
    number = version(source)
    folder.mkdir(parents=True, exist_ok=True)

    say("C library")
    library = work / "library"
    run([source / "Packaging/library.sh", library], env=environment)
    (library / "share/doc/fixresc").mkdir(parents=True)
    shutil.copy(source / "LICENSE", library / "share/doc/fixresc/LICENSE")
    archive(library, f"libfixresc-{number}", folder / f"libfixresc-{number}-linux-x86_64.tar.gz")

    say("static executable")
    executable = folder / f"fixresc-{number}-linux-x86_64"
    run([source / "Packaging/executable.sh", executable], env=environment)

    say("Python wheel")
    run([sys.executable, source / "Packaging/wheel.py", folder, "--library", library / "lib/libfixresc.so.0"])

    say("Debian package")
    if shutil.which("dpkg-deb"):
        debian.build(source, number, executable, library, folder / f"fixresc_{number}_amd64.deb", work, EPOCH)
    else:
        check.skip("the package", "dpkg-deb is not installed")

    say("Dockerfile and checksums")
    shutil.copyfile(source / "Packaging/Dockerfile", folder / "Dockerfile")
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


def expect_commit(folder):
    """--version must state the commit that is checked out."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    executable = next(folder.glob("fixresc-*-linux-x86_64"))
    said = subprocess.run([executable, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if f"({commit[:12]})" not in said:
        sys.exit(f"--version: expected the commit {commit[:12]}, found {said}")
    print(said, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tree", action="store_true", help="build the working tree, not the commit")
    parser.add_argument("--twice", action="store_true", help="build again in another folder and compare the bytes")
    check.add_options(parser)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder}: expected an empty folder or none, as everything in it is released")
    if arguments.tree and arguments.twice:
        sys.exit("--twice: expected no --tree, as it builds the commit")

    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        source = ROOT if arguments.tree else unpack_commit(source_folder(work))
        scratch = ROOT / ".build/library" if arguments.tree else work / "scratch"
        build(source, folder, work, scratch)
        if not arguments.tree:
            expect_commit(folder)
        if arguments.twice:
            say("the same in another folder")
            again = work / "another" / "folder"
            build(unpack_commit(source_folder(again)), again / "release", again, again / "scratch")
            names = sorted(path.name for path in folder.iterdir())
            _, differ, lacking = filecmp.cmpfiles(folder, again / "release", names, shallow=False)
            if differ or lacking:
                kept = folder.with_name(folder.name + "-again")
                shutil.copytree(again / "release", kept)
                sys.exit(f"two builds differ in {', '.join(differ + lacking)}; the second one is kept in {kept}")
            print(f"the same bytes in both folders: {', '.join(names)}")
    check.check(folder, ROOT, arguments)


if __name__ == "__main__":
    main()
