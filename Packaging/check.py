#!/usr/bin/env python3
"""Checks each file of a release: it is installed as its users install it, run, and compared with `swift build`'s program.

    python3 Packaging/check.py FOLDER [--compare FIXRESC] [--slim ROOT]

FOLDER is one that release.py wrote. The static executable runs in a folder that holds nothing but it and its inputs, where
it must give the bytes that FIXRESC (.build/release/fixresc) gives. --slim names the root of a small system with Python
alone (`debootstrap --variant=minbase --include=python3 bookworm ROOT`), in which the wheel and the package are tried; the
wheel's numpy comes from PyPI. What cannot be checked on a machine is said and left out.
"""

import argparse
import glob
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

NUMPY = "numpy==2.2.6"  # The last one for Python 3.10; it has wheels for 3.11.
CHECKPOINT = "Tests/Fixtures/architectures/torchvision-basic/model.pth"
MODEL = "Models/resnet18w32-imagenette-r112.bin"
SAMPLE = "Models/sample/golf-ball.jpg"
# Commands whose outputs and reports must be the same bytes wherever they run; of a report, what is measured is left out.
COMMANDS = [
    "run model.bin golf-ball.jpg data/tench/0.ppm --save-logits logits.npy --save-features features.npy",
    "run model.bin input.npy --save-logits tensor.npy",
    "adapt model.bin --to 160 -o adapted.bin",
    "import checkpoint.pth -o imported.bin",
    "eval model.bin data",
    "finetune model.bin data --to 48 --epochs 2 -o tuned.bin",
]
MEASURED = {"milliseconds", "seconds", "images_per_second", "threads"}
PT_DYNAMIC, PT_INTERP, PT_GNU_RELRO = 2, 3, 0x6474E552


class Failure(Exception):
    pass


def add_options(parser):
    parser.add_argument("--compare", type=Path, metavar="FIXRESC", help="the program whose answers are right")
    parser.add_argument("--slim", type=Path, metavar="ROOT", help="the root of a small system with Python")


def expect(holds, sentence):
    if not holds:
        raise Failure(sentence)


def skip(what, why):
    print(f"skipped: {what}: {why}", flush=True)


def said(words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, **options)
    expect(done.returncode == 0, f"{shlex.join(map(str, words))}: status {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def rooted(root, directory="/"):
    """The words that run a program in `directory` of the root `root`."""
    return ["unshare", *([] if os.geteuid() == 0 else ["-r"]), f"--root={root}", f"--wd={directory}"]


def can_root():
    """Whether the system lets a program run in another root."""
    if not shutil.which("unshare"):
        return False
    with tempfile.TemporaryDirectory() as empty:
        # No program is there: 127 is the word for it, anything else that of a refusal.
        return subprocess.run([*rooted(empty), "/none"], capture_output=True).returncode == 127


def fill(folder, source):
    """Puts the inputs of COMMANDS into `folder`: pictures of two classes, a tensor, a model, a checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / MODEL, folder / "model.bin")
    shutil.copy(source / SAMPLE, folder / "golf-ball.jpg")
    shutil.copy(source / CHECKPOINT, folder / "checkpoint.pth")
    state = 1
    for number in range(4):
        for name in ("tench", "golf ball"):
            pixels = bytearray()
            for _ in range(64 * 48 * 3):
                state = (state * 1103515245 + 12345) % 2**31
                pixels.append((state >> 16) % 128 + (96 if name == "tench" else 0))
            path = folder / "data" / name / f"{number}.ppm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"P6\n64 48\n255\n" + pixels)
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 112, 112), }".ljust(117) + "\n"
    values = [((i * 7919) % 1009) / 504.5 - 1 for i in range(3 * 112 * 112)]
    (folder / "input.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}f", *values))


def plain(value):
    """A report without what is measured."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key not in MEASURED}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def answers(words, folder):
    """The report of each command, and the digest of each file that they leave in `folder`."""
    reports = {}
    for command in COMMANDS:
        done = subprocess.run([*words, *command.split(), "--json"], cwd=folder, capture_output=True, env={})
        expect(done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")
        reports[command] = plain(json.loads(done.stdout))
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "fixresc"
    }
    return reports, files


def same(found, right, where):
    for command, report in right[0].items():
        expect(found[0][command] == report, f"{where}: another report of {command}:\n{found[0][command]}\n{report}")
    expect(found[1] == right[1], f"{where}: other files: {set(found[1].items()) ^ set(right[1].items())}")


def check_sums(folder):
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    names = {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    expect({line.split("  ")[1] for line in lines} == names, "SHA256SUMS does not list exactly the files beside it")
    for line in lines:
        digest, name = line.split("  ")
        expect(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, f"{name}: another checksum")


def program_headers(file):
    """The kinds of the program headers (System V ABI, chapter 5)."""
    data = file.read_bytes()
    offset, (size, count) = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<HH", data, 54)
    return {struct.unpack_from("<I", data, offset + index * size)[0] for index in range(count)}


def check_static(executable):
    """Neither an interpreter nor a dynamic section; tables of pointers become read-only after loading (RELRO)."""
    kinds = program_headers(executable)
    expect(not kinds & {PT_DYNAMIC, PT_INTERP}, f"{executable.name} needs shared libraries")
    expect(PT_GNU_RELRO in kinds, f"{executable.name} leaves its tables writable")


def check_executable(executable, right, source, work):
    """Nothing is in the root but the program and its inputs: no /proc, /sys, /dev, /etc, no time zone, no locale."""
    root = work / "empty"
    fill(root, source)
    shutil.copy(executable, root / "fixresc")
    words = [*rooted(root), "/fixresc"]
    same(answers(words, root), right, "in an empty folder")
    expect(said([*words, "--version"]).startswith(b"fixresc "), "--version in an empty folder")
    for line, status, sentence in [
        ("run model.bin missing.jpg", 1, b"missing.jpg"), ("rum model.bin", 2, b"run"), ("", 2, b"fixresc"),
    ]:
        done = subprocess.run([*words, *line.split()], capture_output=True)
        expect(
            done.returncode == status and sentence in done.stderr + done.stdout,
            f"'fixresc {line}' in an empty folder: status {done.returncode}, {done.stderr}")
    if shutil.which("taskset"):
        done = json.loads(said(["taskset", "-c", str(min(os.sched_getaffinity(0))), *words, "doctor", "--json"]))
        expect(done["threads"] == 1, f"one CPU is allowed, and in an empty folder it takes {done['threads']} threads")


def check_dockerfile(folder, right, source, work):
    """Does what the Dockerfile says by hand, then what `docker run -v FOLDER:/data` does."""
    lines = [line.split() for line in (folder / "Dockerfile").read_text().splitlines() if line and line[0] != "#"]
    expect(lines[0] == ["FROM", "scratch"], "the Dockerfile does not begin with FROM scratch")
    root, directory, entry = work / "image", "/", None
    root.mkdir()
    for word, *rest in lines[1:]:
        if word == "COPY":
            options, (pattern, target) = rest[:-2], rest[-2:]
            found = glob.glob(str(folder / pattern))
            expect(len(found) == 1, f"COPY {pattern} means {len(found)} files")
            # As a download is: without the mode that it was made with.
            shutil.copyfile(found[0], root / target.lstrip("/"))
            for option in options:
                expect(option.startswith("--chmod="), f"the check knows no {option} of COPY")
                (root / target.lstrip("/")).chmod(int(option.removeprefix("--chmod="), 8))
        elif word == "WORKDIR":
            directory = rest[0]
        elif word == "ENTRYPOINT":
            entry = json.loads(" ".join(rest))
        else:
            raise Failure(f"the check knows no {word} in a Dockerfile")
    data = root / directory.lstrip("/")
    fill(data, source)
    same(answers([*rooted(root, directory), *entry], data), right, "in the image")
    names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and data not in path.parents]
    expect(names == ["fixresc"], f"the image holds {names}")


def compile_example(library, source, work, environment):
    """Examples/C against the library in `library`, by its pkg-config file; then by CMake."""
    pkg = dict(os.environ, **environment)
    flags = said(["pkg-config", "--cflags", "--libs", "fixresc"], env=pkg).decode().split()
    program = work / "classify"
    said(["cc", "-std=c11", source / "Examples/C/classify.c", *flags, f"-Wl,-rpath,{library}", "-o", program])
    expect(b"golf ball" in said([program, source / MODEL, source / SAMPLE]), "the C example names no golf ball")
    if not shutil.which("cmake"):
        return skip("CMake", "it is not installed")
    project = work / "project"
    project.mkdir()
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(example C)\nfind_package(fixresc 0.1 REQUIRED)\n"
        f"add_executable(example {source / 'Examples/C/classify.c'})\n"
        "target_link_libraries(example PRIVATE fixresc::fixresc)\n")
    said(["cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={library.parent}"])
    said(["cmake", "--build", project / "build"])
    expect(b"golf ball" in said([project / "build/example", source / MODEL, source / SAMPLE]), "the example by CMake")


def check_library(packed, source, work):
    said(["tar", "-xzf", packed, "-C", work])
    # Whoever unpacks it as root would get what is not meant for all.
    modes = {line.split()[0] for line in said(["tar", "-tvzf", packed]).decode().splitlines()}
    expect(modes <= {"-rwxr-xr-x", "-rw-r--r--", "lrwxrwxrwx"}, f"the archive has the modes {sorted(modes)}")
    library = next(work.glob("libfixresc-*")) / "lib"
    names = said(["nm", "-D", "--defined-only", library / "libfixresc.so.0"]).decode().split()[2::3]
    expect(all(name.startswith("fixresc_") for name in names) and names, f"the library exports {names}")
    expect(PT_GNU_RELRO in program_headers(library / "libfixresc.so.0"), "the library leaves its tables writable")
    compile_example(library, source, work, {"PKG_CONFIG_PATH": str(library / "pkgconfig")})


def check_package(package, right, source, work, slim):
    """Installed into a root of its own, and into the small system, where its dependencies are looked at."""
    root = work / "installed"
    for path in ("var/lib/dpkg/updates", "var/lib/dpkg/info", "etc"):
        (root / path).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    said(["dpkg", f"--root={root}", "--log=/dev/null", "--force-depends", "--force-not-root", "-i", package])
    fill(root / "data", source)
    same(answers([*rooted(root, "/data"), "/usr/bin/fixresc"], root / "data"), right, "from the package")
    library = root / "usr/lib"
    compile_example(library, source, work, {"PKG_CONFIG_PATH": str(library / "pkgconfig")})
    if slim:
        shutil.copy(package, slim / "tmp/fixresc.deb")
        words = rooted(slim)
        said([*words, "dpkg", "-i", "/tmp/fixresc.deb"])
        expect(said([*words, "fixresc", "--version"]).startswith(b"fixresc "), "--version of the installed package")
        expect(b"libfixresc.so.0" in said([*words, "/sbin/ldconfig", "-p"]), "ldconfig does not know the library")
        said([*words, "dpkg", "--purge", "fixresc"])
        expect(not (slim / "usr/bin/fixresc").exists(), "the package leaves files behind")
    if not shutil.which("lintian"):
        return skip("lintian", "it is not installed")
    # Warnings differ between lintian's versions; they are shown.
    done = subprocess.run(["lintian", "--allow-root", "--no-cfg", package], capture_output=True, text=True)
    print(done.stdout, end="", flush=True)
    expect(done.returncode == 0, f"lintian: {done.stderr}")


SCRIPT = """
import sys
import numpy as np
import fixresc
model = fixresc.load("model.bin")
results = model(["golf-ball.jpg", "data/tench/0.ppm"])
np.save("logits.npy", np.stack([result.logits for result in results]))
np.save("tensor.npy", model.run(np.load("input.npy")))
fixresc.adapt("model.bin", to=160).save("adapted.bin")
fixresc.import_model("checkpoint.pth").save("imported.bin")
report = fixresc.evaluate(model, "data")
print(sys.version.split()[0], np.__version__, fixresc.__version__)
print(report.top1, report.loss)
"""


def check_wheel(wheel, right, source, work, slim):
    """The command line's bits from Python: in this Python, and in the small system, which has nothing else."""
    places = []
    if slim:
        site = next((slim / "usr/lib").glob("python3.*")).name
        places.append((slim / "usr/local/lib" / site / "dist-packages", slim, site.removeprefix("python")))
    else:
        skip("the wheel in a small system", "--slim names none")
    if importlib.util.find_spec("numpy") and importlib.util.find_spec("pip"):
        places.append((work / "site", None, f"{sys.version_info.major}.{sys.version_info.minor}"))
    else:
        skip("the wheel", f"{sys.executable} has no numpy or no pip")
    for site, root, python in places:
        # pip takes the wheel if its tag asks for no later C library than the system has.
        glibc = int(re.search(r" 2\.(\d+)", said([*rooted(root or "/"), "ldd", "--version"]).decode())[1])
        platforms = ["linux_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in range(5, glibc + 1))]
        shutil.rmtree(site, ignore_errors=True)
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", site]
        for words in ([NUMPY] if root else [], ["--no-deps", wheel]):
            if words:
                chosen = [f"--platform={platform}" for platform in platforms]
                said([*install, "--only-binary=:all:", f"--python-version={python}", *chosen, *words])
        folder = (root or work) / "wheel-data"
        fill(folder, source)
        if root:
            out = said([*rooted(root, "/wheel-data"), "/usr/bin/python3", "-c", SCRIPT], env={})
        else:
            out = said([sys.executable, "-c", SCRIPT], cwd=folder, env={"PYTHONPATH": str(site)})
        versions, score = out.decode().splitlines()
        print(f"the wheel works with {versions.replace(' ', ', numpy ', 1)}", flush=True)
        expected = right[0][COMMANDS[4]]
        expect(score == f"{expected['top1']} {expected['loss']}", f"the wheel evaluates to {score}")
        for name in ("logits.npy", "tensor.npy", "adapted.bin", "imported.bin"):
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            expect(digest == right[1][name], f"the wheel writes another {name}")
        shutil.rmtree(folder)


def check(folder, source, arguments):
    """Raises SystemExit with a sentence where a file of the release is not what it should be."""
    compare = (arguments.compare or source / ".build/release/fixresc").resolve()
    if not compare.exists():
        sys.exit(f"{compare}: expected the program to compare with; swift build -c release makes it, or --compare names one")
    slim = arguments.slim.resolve() if arguments.slim else None
    one = {kind: next(folder.glob(kind), None) for kind in ("fixresc-*-linux-x86_64", "*.tar.gz", "*.deb", "*.whl")}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        fill(work / "right", source)
        try:
            right = answers([compare], work / "right")
        except Failure as failure:
            sys.exit(f"{compare}: {failure}")
        executable = one["fixresc-*-linux-x86_64"]
        steps = [
            ("checksums", lambda _: check_sums(folder)),
            ("static", lambda _: check_static(executable)),
            ("executable in an empty folder", lambda work: check_executable(executable, right, source, work)),
            ("Dockerfile", lambda work: check_dockerfile(folder, right, source, work)),
            ("C library", lambda work: check_library(one["*.tar.gz"], source, work)),
            ("Debian package", lambda work: check_package(one["*.deb"], right, source, work, slim)),
            ("wheel", lambda work: check_wheel(one["*.whl"], right, source, work, slim)),
        ]
        for name, step in steps:
            print(f"== check: {name}", flush=True)
            if name in ("executable in an empty folder", "Dockerfile", "Debian package") and not can_root():
                skip(name, "unshare may not change the root")
                continue
            if name == "Debian package" and one["*.deb"] is None:
                skip(name, "there is none")
                continue
            place = work / re.sub(r"\W", "-", name)
            place.mkdir()
            try:
                step(place)
            except Failure as failure:
                sys.exit(f"{name}: {failure}")
    print("every file of the release holds", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    add_options(parser)
    arguments = parser.parse_args()
    check(arguments.folder.resolve(), Path(__file__).resolve().parent.parent, arguments)


if __name__ == "__main__":
    main()
