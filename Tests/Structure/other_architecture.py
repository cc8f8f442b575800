"""Compiles the rooms with code generation as a machine that is not x86-64 sees them.

    python3 Tests/Structure/other_architecture.py

Copies Base, Assembler, IR, Imaging, Runtime and the tests of encoders and listings, replaces each condition
`arch(x86_64)` by `false`, and lets the compiler check every body of them for the machine that this
runs on. It proves that emitters, encoders, the cost model and their tests need no x86-64: on another
machine they compile, and the listings can be checked there. Only what is told in ALLOWED may depend on
the architecture, each place a choice at run time and none of them code generation. It does not prove
that another machine's compiler agrees on the rest (sizes of C types, for one).

Prints what it compiled and the conditions that it found; the exit status is 1 where something fails.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = [
    ("FixresBase", "Sources/Base"),
    ("FixresAssembler", "Sources/Assembler"),
    ("FixresIR", "Sources/IR"),
    ("FixresImaging", "Sources/Imaging"),
    ("FixresRuntime", "Sources/Runtime"),
    ("TestSupport", "Tests/TestSupport"),
]
TESTS = [
    ("AssemblerTests", ["Tests/AssemblerTests"]),
    (
        "KernelListings",
        ["Tests/RuntimeTests/KernelCatalogue.swift", "Tests/RuntimeTests/KernelListingTests.swift"],
    ),
]
# Files that may ask for the architecture, and why.
ALLOWED = {
    "Sources/Assembler/Execution/CPUFeatures.swift": "CPUID is called on x86-64 only",
    "Sources/Runtime/Session/InstructionSet.swift": "which instruction sets this process may run",
    "Sources/Runtime/Session/MachineReport.swift": "what `doctor` says of them",
    "Sources/Runtime/Portable/Lanes.swift": "the width of Swift's own vectors",
}
CONDITION = re.compile(r"^\s*#(?:if|elseif)\b.*\barch\(")


def swift_files(path):
    return [path] if path.is_file() else sorted(path.rglob("*.swift"))


def conditions():
    """Every condition on the architecture in the rooms, as (file, line, text)."""
    for _, folder in MODULES:
        for file in swift_files(ROOT / folder):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if CONDITION.match(line):
                    yield file.relative_to(ROOT).as_posix(), number, line.strip()


def copy(source, target):
    for file in swift_files(source):
        to = target / file.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(re.sub(r"\barch\(x86_64\)", "false", file.read_text()))


def compile_module(name, files, folder, is_test):
    action = ["-typecheck"] if is_test else ["-emit-module", "-o", str(folder / f"{name}.swiftmodule")]
    command = ["swiftc", *action, "-wmo", "-parse-as-library", "-module-name", name]
    command += ["-package-name", "fixresc", "-swift-version", "6", "-I", str(folder), *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True)
    errors = [line for line in result.stderr.splitlines() if ": error: " in line]
    print(f"{'FAILED' if result.returncode else 'compiled'}  {name}, {len(files)} files")
    for line in errors or (result.stderr.splitlines()[-5:] if result.returncode else []):
        print("    " + line)
    return result.returncode == 0


def main():
    if shutil.which("swiftc") is None:
        sys.exit("other_architecture.py needs swiftc on the path")
    passed = True
    for file, line, text in conditions():
        reason = ALLOWED.get(file)
        passed = passed and reason is not None
        print(f"{file}:{line}: {text} - {reason or 'NOT ALLOWED'}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name, path in MODULES:
            copy(ROOT / path, folder)
            if not compile_module(name, swift_files(folder / path), folder, is_test=False):
                sys.exit(1)
        for name, paths in TESTS:
            files = []
            for path in paths:
                copy(ROOT / path, folder)
                files += swift_files(folder / path)
            passed = compile_module(name, files, folder, is_test=True) and passed
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
