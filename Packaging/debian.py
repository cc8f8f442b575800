"""The Debian package: the command line, the C library with what its users compile against, a manual page, completions.

dpkg-deb is the only tool that it takes. Every file has the time stamp that the caller gives, owner root, and a mode that
does not depend on the umask, so that equal inputs give equal bytes.
"""

import email.utils
import gzip
import hashlib
import os
import re
import shutil
import subprocess

MAINTAINER = "The fixresc authors <fixresc@example.org>"
SUMMARY = "adapts trained ResNets to their test resolution and runs them"
DESCRIPTION = """\
 A compiler for trained ResNets: it loads a checkpoint of PyTorch, safetensors
 or ONNX, rewrites the input resolution, folds and fuses layers, and runs the
 result with machine code of its own. The package has the command line, and
 the C library libfixresc with its header, pkg-config and CMake files.
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: fixresc
Comment:
 usr/bin/fixresc and the library contain the Swift runtime (Apache-2.0 with the
 Runtime Library Exception); usr/bin/fixresc also contains the C library of GNU
 (LGPL-2.1 or later), libgcc and libstdc++ (GPL-3 with the GCC Runtime Library
 Exception). Packaging/executable.sh in the source links it anew with others.

Files: *
Copyright: 2026 The fixresc authors
License: Expat
"""
OVERRIDES = """\
# One executable that runs anywhere, in an empty folder as well.
fixresc: statically-linked-binary [usr/bin/fixresc]
fixresc: embedded-library *
# The library comes with the program that it is built with; there is no package of the library by itself.
fixresc: package-name-doesnt-match-sonames libfixresc0
fixresc: non-dev-pkg-with-shlib-symlink *
# Beside the library, which is in /usr/lib as well; pkg-config looks there when it is not asked for another machine.
fixresc: pkg-config-unavailable-for-cross-compilation [usr/lib/pkgconfig/fixresc.pc]
# A release of this project; Debian has no bug for it.
fixresc: initial-upload-closes-no-bugs *
"""
# The release of GCC whose libstdc++6 first had the symbols' version.
LIBSTDCXX = {21: "5", 22: "6", 24: "7", 25: "8", 26: "9", 28: "10", 29: "11", 30: "12", 31: "13", 32: "13.1", 33: "14"}


def needs(library):
    """The `Depends` of what is linked against the system, from the versions of the symbols in `library`."""
    text = subprocess.run(["objdump", "-T", library], check=True, capture_output=True, text=True).stdout
    glibc = max((tuple(map(int, found)) for found in re.findall(r"GLIBC_(\d+)\.(\d+)", text)), default=(2, 17))
    latest = max(map(int, re.findall(r"GLIBCXX_3\.4\.(\d+)", text)), default=21)
    gcc = next(release for minor, release in sorted(LIBSTDCXX.items()) if minor >= latest)
    return f"libc6 (>= {glibc[0]}.{glibc[1]}), libgcc-s1 (>= 3.0), libstdc++6 (>= {gcc})"


def _said(executable, *words):
    environment = dict(os.environ, COLUMNS="80")
    return subprocess.run([executable, *words], check=True, capture_output=True, text=True, env=environment).stdout


def manual(executable, number, stamp):
    """A manual page made of what the executable says for --help."""

    def literal(text):
        lines = (line.replace("\\", "\\e").replace("-", "\\-") for line in text.rstrip().splitlines())
        return "\n".join(["\\&" + line if line[:1] in ".'" else line for line in lines])

    date = email.utils.formatdate(stamp, usegmt=True)[5:16]
    overview = _said(executable, "--help")
    commands = re.findall(r"^  ([a-z]+) ", overview.partition("\nCommands:\n")[2], re.MULTILINE)
    page = [
        f'.TH FIXRESC 1 "{date}" "fixresc {number}" "User Commands"',
        ".SH NAME", f"fixresc \\- {SUMMARY}",
        ".SH SYNOPSIS", ".B fixresc", ".I COMMAND", "[OPTIONS]",
        ".SH DESCRIPTION", ".nf", literal(overview), ".fi",
    ]
    for command in commands:
        page += [f".SH {command.upper()}", ".nf", literal(_said(executable, command, "--help")), ".fi"]
    return "\n".join(page) + "\n"


def _write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def _packed(text):
    return gzip.compress(text.encode(), 9, mtime=0)


def build(source, number, executable, library, target, work, stamp):
    """Writes the package `target` of `executable` and of `library`, the folder that library.sh filled."""
    root = work / "debian"
    shutil.copytree(library, root / "usr", symlinks=True, ignore=shutil.ignore_patterns("share"))
    _write(root / "usr/bin/fixresc", executable.read_bytes())
    _write(root / "usr/share/man/man1/fixresc.1.gz", _packed(manual(executable, number, stamp)))
    completions = {
        "bash": "bash-completion/completions/fixresc", "zsh": "zsh/vendor-completions/_fixresc",
        "fish": "fish/vendor_completions.d/fixresc.fish",
    }
    for shell, path in completions.items():
        _write(root / "usr/share" / path, _said(executable, "--generate-completion-script", shell))
    documents = root / "usr/share/doc/fixresc"
    licence = "\n".join(" " + line if line else " ." for line in (source / "LICENSE").read_text().split("\n\n", 2)[2].splitlines())
    _write(documents / "copyright", f"{COPYRIGHT}{licence}\n")
    _write(documents / "changelog.gz", _packed((source / "CHANGELOG.md").read_text(encoding="utf-8")))
    date = email.utils.formatdate(stamp, usegmt=True).replace("GMT", "+0000")
    _write(documents / "changelog.Debian.gz", _packed(
        f"fixresc ({number}-1) unstable; urgency=medium\n\n  * Release {number}: see changelog.gz.\n\n"
        f" -- {MAINTAINER}  {date}\n"))
    _write(root / "usr/share/lintian/overrides/fixresc", OVERRIDES)

    plain = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in plain)
    size = sum(path.stat().st_size for path in plain) // 1024
    shared = next((root / "usr/lib").glob("libfixresc.so.*.*"))
    _write(root / "DEBIAN/md5sums", sums)
    _write(root / "DEBIAN/shlibs", f"libfixresc 0 fixresc (>= {number})\n")
    _write(root / "DEBIAN/triggers", "activate-noawait ldconfig\n")
    _write(root / "DEBIAN/control", (
        f"Package: fixresc\nVersion: {number}-1\nArchitecture: amd64\nMaintainer: {MAINTAINER}\n"
        f"Installed-Size: {size}\nDepends: {needs(shared)}\nSection: science\nPriority: optional\n"
        f"Description: {SUMMARY}\n{DESCRIPTION}"))
    for path in [root, *sorted(root.rglob("*"))]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent == root / "usr/bin" else 0o644)
    for path in [root, *sorted(root.rglob("*"))]:
        os.utime(path, (stamp, stamp), follow_symlinks=False)
    # Blocks of several threads would be packed by themselves, and other bytes come out.
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(stamp), DPKG_DEB_THREADS_MAX="1")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, target], check=True, env=environment,
        stdout=subprocess.DEVNULL)
