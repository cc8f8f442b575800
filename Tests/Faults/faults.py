"""Faults of the system under every command that writes or maps: full disks, short writes, failing and interrupted calls,
limits, one CPU, no /proc, closed descriptors. Each ends in the result or in one clear line, with the old output whole and
nothing left over.

    python3 Tests/Faults/faults.py [--rows full-disk,calls,...] [--quick]

Rows that need a C compiler, root or namespaces say so where these are missing.
"""
import os, re, resource, shutil, subprocess, tempfile, time
from common import *

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
/* FAULT=call:mode:number: the number-th call of that kind on a file fails so; mode: EIO, ENOSPC, EINTR, SHORT. */
static int count;
static int hits(const char *call, int *mode) {
  const char *fault = getenv("FAULT");
  size_t length = strlen(call);
  if (!fault || strncmp(fault, call, length) || fault[length] != ':') return 0;
  const char *name = fault + length + 1, *number = strchr(name, ':');
  *mode = !strncmp(name, "EIO", 3) ? EIO : !strncmp(name, "ENOSPC", 6) ? ENOSPC : !strncmp(name, "EINTR", 5) ? EINTR : 0;
  int wanted = number ? atoi(number + 1) : 1;
  int now = __sync_add_and_fetch(&count, 1);
  /* What is interrupted or short may be so again and again. */
  return *mode == EINTR || *mode == 0 ? now % wanted == 0 : now == wanted;
}
#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
ssize_t write(int fd, const void *data, size_t n) {
  REAL(write); int mode;
  if (fd > 2 && hits("write", &mode)) { if (mode) { errno = mode; return -1; } return real(fd, data, n > 1 ? n / 2 : n); }
  return real(fd, data, n);
}
ssize_t pread64(int fd, void *data, size_t n, off_t at) {
  REAL(pread64); int mode;
  if (hits("pread", &mode)) { if (mode) { errno = mode; return -1; } return real(fd, data, n > 1 ? n / 2 : n, at); }
  return real(fd, data, n, at);
}
ssize_t pread(int fd, void *data, size_t n, off_t at) { return pread64(fd, data, n, at); }
ssize_t pwrite64(int fd, const void *data, size_t n, off_t at) {
  REAL(pwrite64); int mode;
  if (hits("pwrite", &mode)) { if (mode) { errno = mode; return -1; } return real(fd, data, n > 1 ? n / 2 : n, at); }
  return real(fd, data, n, at);
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { return pwrite64(fd, data, n, at); }
int fsync(int fd) { REAL(fsync); int mode; if (hits("fsync", &mode) && mode) { errno = mode; return -1; } return real(fd); }
int rename(const char *a, const char *b) {
  REAL(rename); int mode; if (hits("rename", &mode) && mode) { errno = mode; return -1; } return real(a, b);
}
/* NFS locks no folder, other file systems lock nothing. */
int flock(int fd, int operation) {
  REAL(flock); struct stat s; const char *fault = getenv("FAULT");
  if (fault && !strcmp(fault, "flock:none")) { errno = ENOLCK; return -1; }
  if (fault && !strcmp(fault, "flock:files") && !fstat(fd, &s) && S_ISDIR(s.st_mode)) { errno = EBADF; return -1; }
  return real(fd, operation);
}
"""

parser = arguments(__doc__)
parser.add_argument("--rows")
parser.add_argument("--quick", action="store_true", help="three commands in place of all")
given = parser.parse_args()
TOOL = given.fixresc


def limit(kind, value):
    return lambda: resource.setrlimit(getattr(resource, "RLIMIT_" + kind), (value, value))


with tempfile.TemporaryDirectory() as root:
    place = lambda name: os.path.join(root, name)
    small_checkpoint(place("small.safetensors"), width=16)
    pictures(place("pictures"), classes=5)
    picture(place("p.ppm"))
    for words in [["import", place("small.safetensors"), "--train-resolution", "64", "-o", place("m.bin")],
                  ["adapt", place("m.bin"), "--to", "48", "-o", place("a.bin")],
                  ["run", place("a.bin"), place("p.ppm"), "--save-logits", place("l.npy")]]:
        status, _, error = call([TOOL] + words)
        assert status == 0, error
    right = open(place("l.npy"), "rb").read()
    out = place("out")
    os.mkdir(out)
    at = lambda name: os.path.join(out, name)
    # Words, and the output.
    commands = {
        "import": (["import", place("small.safetensors"), "-o", at("o")], "o"),
        "adapt": (["adapt", place("m.bin"), "--to", "48", "-o", at("o")], "o"),
        "pack": (["adapt", place("m.bin"), "--to", "48", "--pack", "-o", at("o")], "o"),
        "export": (["export", place("a.bin"), "--format", "onnx", "-o", at("o")], "o"),
        "run": (["run", place("a.bin"), place("p.ppm"), "--save-logits", at("o")], "o"),
        "finetune": (["finetune", place("m.bin"), place("pictures"), "--to", "48", "--epochs", "1", "-o", at("o")], "o"),
        "stats": (["stats", place("m.bin"), place("pictures"), "--resolutions", "48", "-o", at("o")], "o"),
    }
    if given.quick:
        commands = {name: commands[name] for name in ("import", "pack", "run")}
    table = Table("faults")

    def each(row, names=None, fails=None, wrap=(), environment=None, after=None, **options):
        """Runs commands under a fault; `fails`: whether they must (True), must not (False), or may (None)."""
        bad, failed = [], 0
        for name in names or commands:
            words, output = commands[name]
            for other in os.listdir(out):
                path = at(other)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
            open(at(output), "wb").write(b"old")
            try:
                status, _, error = call(list(wrap) + [TOOL] + words + ["-q"], timeout=300,
                                        env=dict(ENVIRONMENT, **(environment or {})), **options)
            except subprocess.TimeoutExpired:
                bad.append(f"{name}: hangs")
                continue
            failed += status != 0
            found = open(at(output), "rb").read()
            if not is_clear(status, error):
                bad.append(f"{name}: status {status}: {error.strip()[:150]}")
            elif status != 0 and found != b"old":
                bad.append(f"{name}: failed, and the output has changed")
            elif status == 0 and found == b"old":
                bad.append(f"{name}: succeeded without an output")
            elif fails is not None and (status != 0) != fails:
                bad.append(f"{name}: status {status}: {error.strip()[:150]}")
            elif litter(out):
                bad.append(f"{name}: left {litter(out)}")
        table.row(row, not bad, f"{len(names or commands)} commands, {failed} refused" + "".join(f"\n       {b}" for b in bad))

    def full_disk():
        small = place("small-disk")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], stderr=subprocess.DEVNULL).returncode:
            return table.row("full disk", True, "not shown: needs root")
        try:
            bad = []
            for name, (words, output) in commands.items():
                target = os.path.join(small, "o")
                open(target, "wb").write(b"old")
                fill = os.open(os.path.join(small, "fill"), os.O_WRONLY | os.O_CREAT)
                try:
                    while True:
                        os.write(fill, bytes(4096))
                except OSError:
                    os.close(fill)
                words = [target if word == at(output) else word for word in words]
                status, _, error = call([TOOL] + words + ["-q"])
                if not is_clear(status, error) or status == 0 or open(target, "rb").read() != b"old" or litter(small):
                    bad.append(f"{name}: status {status}, {litter(small)} {error.strip()[:120]}")
                os.unlink(os.path.join(small, "fill"))
            table.row("full disk", not bad, f"{len(commands)} commands" + "".join(f"\n       {b}" for b in bad))
        finally:
            subprocess.run(["umount", small])

    def shim():
        if not shutil.which("cc"):
            return table.row("failing calls", True, "not shown: needs a C compiler")
        open(place("shim.c"), "w").write(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-w", "-o", place("shim.so"), place("shim.c"), "-ldl"], check=True)
        for kind, modes in [("write", ["EIO", "ENOSPC", "EINTR", "SHORT"]), ("pread", ["EIO", "EINTR", "SHORT"]),
                            ("pwrite", ["EIO", "EINTR", "SHORT"]), ("fsync", ["EIO", "EINTR"]), ("rename", ["EIO"])]:
            for mode in modes:
                number = 2 if mode in ("EINTR", "SHORT") else 1
                if kind == "fsync" and mode == "EINTR":
                    number = 2
                each(f"{kind}: {mode}", fails=False if mode in ("EINTR", "SHORT") else None,
                     environment={"LD_PRELOAD": place("shim.so"), "FAULT": f"{kind}:{mode}:{number}"})

        # Where the folder cannot be locked a file without a lock goes once it is old; where nothing can be, it stays.
        fresh, old = (PREFIX + digit * 16 + SUFFIX for digit in "12")
        for mode, rest in [("files", [fresh]), ("none", [fresh, old])]:
            for name in os.listdir(out):
                os.unlink(at(name))
            for name in (fresh, old):
                open(at(name), "wb").write(b"part")
            os.utime(at(old), (1, 1))
            status, _, error = call([TOOL] + commands["import"][0] + ["-q"],
                                    env=dict(ENVIRONMENT, LD_PRELOAD=place("shim.so"), FAULT=f"flock:{mode}"))
            table.row(f"flock: {mode}", status == 0 and litter(out) == rest, f"{litter(out)} {error.strip()[:100]}")

    def no_proc():
        unshare = ["unshare", "--mount", "--", "sh", "-c", "umount -l /proc && exec \"$@\"", "sh"]
        if call(unshare + ["true"])[0] != 0:
            return table.row("no /proc", True, "not shown: needs root")
        each("no /proc", fails=False, wrap=unshare)
        each("no /proc, 400 MB of address space", wrap=unshare + ["prlimit", "--as=400000000"])

    def closed():
        bad = []
        for descriptors in ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"]:
            for name, (words, output) in commands.items():
                open(at(output), "wb").write(b"old")
                status, _, error = call(["sh", "-c", f'exec "$@" {descriptors}', "sh", TOOL] + words + ["-q"])
                found = open(at(output), "rb").read()
                # Results that nobody can read are an error, the files that were asked for are right all the same.
                if status not in (0, 1) or found == b"old" or name == "run" and found != right or litter(out):
                    bad.append(f"{name} {descriptors}: status {status} {error.strip()[:100]}")
        table.row("closed descriptors 0, 1, 2", not bad, "".join(f"\n       {b}" for b in bad))

    def closed_pipe():
        bad = []
        for name, (words, output) in commands.items():
            open(at(output), "wb").write(b"old")
            read, write = os.pipe()
            os.close(read)
            status, _, error = call([TOOL] + words + ["-q"], stdout=write)
            os.close(write)
            if status not in (0, 1) or open(at(output), "rb").read() == b"old" or litter(out):
                bad.append(f"{name}: status {status} {error.strip()[:100]}")
        table.row("stdout is a pipe that nobody reads", not bad, "".join(f"\n       {b}" for b in bad))

    def full_stdout():
        status, _, error = call([TOOL, "inspect", place("a.bin")], stdout=open("/dev/full", "w"))
        table.row("stdout is a full device", status == 1 and is_clear(status, error), error.strip())

    def fork():
        probe = os.path.join(os.path.dirname(TOOL), "engine-probe")
        if not os.path.exists(probe):
            return table.row("fork in the middle of a run", True, "not shown: engine-probe is not built")
        status, output, error = call([probe, "fork", place("a.bin"), "200"])
        words = output.split()
        table.row("fork in the middle of a run", status == 0 and words[2:] == ["0", "true"],
                  f"children: {' ran, '.join(words[:1])} ran, {words[1] if len(words) > 1 else '?'} refused {error[:100]}")

    def processes():
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        if os.geteuid() == 0 and call(user + ["true"])[0] != 0:
            return table.row("no more threads", True, "not shown: needs setpriv")
        # The limit does not hold for root.
        for folder in (root, out):
            os.chmod(folder, 0o777)
        os.umask(0)
        each("no more threads", fails=False, wrap=user if os.geteuid() == 0 else [], preexec_fn=limit("NPROC", 1))

    rows = {
        "full-disk": full_disk,
        "calls": shim,
        "file-size": lambda: [each(f"files of at most {size} bytes", fails=True if size == 0 else None,
                                   preexec_fn=limit("FSIZE", size)) for size in (0, 4096, 100000)],
        "descriptors": lambda: [each(f"{count} descriptors", preexec_fn=limit("NOFILE", count)) for count in (4, 5, 6, 8, 16)],
        "processes": processes,
        "address-space": lambda: [each(f"{size} MB of address space", preexec_fn=limit("AS", size << 20))
                                  for size in (40, 60, 80, 100, 120, 160, 200, 300)],
        "one-cpu": lambda: each("one CPU", fails=False, wrap=["taskset", "-c", "0"]),
        "no-proc": no_proc,
        "closed": closed,
        "pipe": closed_pipe,
        "full-stdout": full_stdout,
        "fork": fork,
    }
    for name, row in rows.items():
        if not given.rows or name in given.rows.split(","):
            row()
    table.end()
