#!/usr/bin/env python3
"""Proves the structure of the source tree from the code's own references. Python's standard library alone.

    python3 Tests/Structure/structure.py               checks the tree; exit status 1 for any finding
    python3 Tests/Structure/structure.py --all         the same, with every finding that a debt allows
    python3 Tests/Structure/structure.py --edges       the same, with the references of every edge
    python3 Tests/Structure/structure.py --self-test   plants each kind of fault in a copy and finds it

Checked: rooms (targets) refer only to rooms below; no circle between the folders of a room (a nested folder
is one of its own, files directly in a room's folder form the folder "."); the order of Runtime's folders; and
the figures of the house rules. How names are resolved stands in references.py; compare_with_index.py holds the
result against the compiler's own index.
"""

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import rules
from references import Resolver, Room, SymbolTable, circles
from rules import Finding
from swift_source import SwiftFile

# A room may refer to itself and to these.
BASE = ["Base"]
ASSEMBLER = ["Assembler"] + BASE
IR = ["IR"] + ASSEMBLER
IMAGING = ["Imaging"] + IR
MIDDLE = ["Formats", "Imaging", "Passes", "Runtime"]
ROOMS_BELOW = {
    "Base": [],
    "Assembler": BASE,
    "IR": ASSEMBLER,
    "Formats": IR,
    "Imaging": IR,
    "Passes": IR,
    # Of Runtime's folders only those of pictures may name Imaging: see `_check_order`.
    "Runtime": IMAGING,
    "Method": MIDDLE + IR,
    "fixresc": ["Method"] + MIDDLE + IR,
    "C": ["fixresc", "Method"] + MIDDLE + IR,
    "Compiler": ["Method"] + MIDDLE + IR,
    "Foundation": ["Runtime"] + IMAGING,
    "CompilerFoundation": ["Compiler", "Foundation", "Method"] + MIDDLE + IR,
}

# Runtime's folders from the bottom up: a folder may refer only to folders of lines above its own. A folder that
# is not listed takes the line of the folder around it; "." holds what every folder may throw.
RUNTIME_ORDER = [
    ["."],
    ["Memory", "Reference"],
    ["Layers", "Threads"],
    ["Plan"],
    ["Backend"],
    ["Portable", "MachineCode"],
    ["Lowering"],
    ["Session"],
    ["Tuning", "Classifier"],
]
# The folders of Runtime that may refer to Imaging, and the file that re-exports it.
PICTURE_FOLDERS = ["Classifier"]
EXPORTS = "Exports.swift"
# The rooms that may import Foundation.
FOUNDATION_ROOMS = ["Foundation", "CompilerFoundation"]

# Findings that are known and still allowed: the count may only fall. A check that is not listed allows none.
DEBTS = {}

CHECKS = {
    "direction": "references to rooms that are not below",
    "circle": "circles between folders of a room",
    "order": "references against the order of Runtime's folders",
    "long-file": f"files over {rules.FILE_LINES} lines",
    "long-function": f"functions over {rules.FUNCTION_LINES} lines",
    "unlabelled": f"declarations with more than {rules.UNLABELLED} unlabelled parameters",
    "undocumented": "public declarations without a doc comment, enum cases included",
    "throws-undocumented": "public throwing declarations without `- Throws:`",
    "unreported": "public error types without a sentence (`extension Type: ReportedError`)",
    "op-default": "`default:` in a switch over Op, Op.Kind or Computation",
    "try?": "`try?` in Assembler and Runtime",
    "literal-4": "literal 4 as a size or MemoryLayout<Float> in Runtime",
}


class Tree:
    """The Swift files below a root, with what was found in them."""

    def __init__(self, root):
        self.root = root
        self.findings = []
        self.rooms = {name: self._room(name) for name in ROOMS_BELOW if (root / "Sources" / name).is_dir()}
        self.tables = {name: SymbolTable(room) for name, room in self.rooms.items()}
        others = [
            self._parse(path)
            for folder in ("Tests", "Examples", "Benchmarks")
            for path in sorted((root / folder).rglob("*.swift"))
            if ".build" not in path.parts
        ]
        self.files = [file for room in self.rooms.values() for file in room.files] + others
        self._check_rooms()
        self._check_files()

    def _parse(self, path):
        return SwiftFile(str(path.relative_to(self.root)), path.read_text(encoding="utf-8"))

    def _room(self, name):
        folder = self.root / "Sources" / name
        paths = sorted(folder.rglob("*.swift"))
        files = [self._parse(path) for path in paths]
        folders = [path.parent.relative_to(folder).as_posix() for path in paths]
        return Room(name, files, {file.path: inner for file, inner in zip(files, folders)})

    def _check_rooms(self):
        declared = declared_dependencies((self.root / "Package.swift").read_text(encoding="utf-8"))
        for name, room in self.rooms.items():
            below = ROOMS_BELOW[name]
            for target in declared.get(name, []):
                if target not in below:
                    self._found("direction", "Package.swift", 1, f"{name} depends on {target}, not below it")
            for file in room.files:
                system = {"Foundation"} if name in FOUNDATION_ROOMS else set()
                self.findings += rules.import_rules(file, name, declared.get(name, []), below, "Fixres", system)
            Resolver(room, self.tables, below).run()
            for file, line, symbol, other in room.foreign:
                self._found("direction", file, line, f"{name} names {symbol} of {other}, which is not below it")
            room.edges = defaultdict(list)
            for reference in room.references:
                room.edges[reference.source, reference.target].append(reference)
            room.circles = circles(neighbours(room.edges))
            for group in room.circles:
                self._found("circle", f"Sources/{name}", 0, f"{name}: " + ", ".join(group))
        if "Runtime" in self.rooms:
            self._check_order(self.rooms["Runtime"])

    def _check_order(self, room):
        ranks = {folder: rank for rank, folders in enumerate(RUNTIME_ORDER) for folder in folders}

        def rank(folder):
            while folder not in ranks and "/" in folder:
                folder = folder.rpartition("/")[0]
            return ranks.get(folder)

        for folder in sorted(set(room.folder_of.values())):
            if rank(folder) is None:
                self._found("order", f"Sources/Runtime/{folder}", 0, "not in the declared order of Runtime's folders")
        for file in room.files:
            if room.folder_of[file.path].split("/")[0] in PICTURE_FOLDERS or file.path.endswith("/" + EXPORTS):
                continue
            for module, line in file.imports:
                if module == "FixresImaging":
                    self._found("order", file.path, line, f"only {', '.join(PICTURE_FOLDERS)} may import {module}")
        for (source, target), references in sorted(room.edges.items()):
            source_rank, target_rank = rank(source), rank(target)
            inside = source.split("/")[0] == target.split("/")[0]
            if None in (source_rank, target_rank) or inside or target_rank < source_rank:
                continue
            for r in references:
                self._found("order", r.file, r.line, f"{source} -> {target}: {r.name}")

    def _check_files(self):
        op_cases = {
            d.name for room in self.rooms.values() for file in room.files for d in file.declarations
            if d.kind == "case" and d.path in (("Op",), ("Op", "Kind"), ("Computation",))
        }
        for file in self.files:
            self.findings += rules.file_rules(file, op_cases)
        for name, room in self.rooms.items():
            self.findings += rules.unreported_errors(room.files)
            for file in room.files:
                self.findings += rules.documentation_rules(file)
                if name in ("Assembler", "Runtime"):
                    self.findings += rules.discarded_errors(file)
                if name == "Runtime":
                    self.findings += rules.float_sizes(file)

    def _found(self, check, file, line, text):
        self.findings.append(Finding(check, file, line, text))

    def excess(self):
        """Checks with more findings than their debt allows."""
        counts = Counter(finding.check for finding in self.findings)
        return [check for check in CHECKS if counts[check] > DEBTS.get(check, 0)]


def declared_dependencies(package):
    """Room -> rooms, as the targets of Package.swift declare them."""
    declared = {}
    for target in re.split(r"\.(?:executableTarget|target)\(", package)[1:]:
        path = re.search(r'path: "Sources/(\w+)"', target)
        if path is None or "testTarget" in target[: path.start()]:
            continue
        dependencies = re.search(r"dependencies: \[(.*?)\]", target[: path.start()], re.DOTALL)
        names = re.findall(r'"(?:Fixres(?=[A-Z]))?(\w+)"', dependencies.group(1)) if dependencies else []
        declared[path.group(1)] = names
    return declared


def neighbours(edges):
    graph = defaultdict(set)
    for source, target in edges:
        graph[source].add(target)
    return graph


def report(tree, show_all, show_edges):
    for name, room in tree.rooms.items():
        folders = Counter(room.folder_of.values())
        listed = ", ".join(f"{folder} ({count})" for folder, count in sorted(folders.items()))
        print(f"{name}: {len(room.files)} files; folders {listed}; {room.ambiguous} ambiguous names skipped")
        for (source, target), references in sorted(room.edges.items()):
            print(f"  {source} -> {target}: {len(references)}")
            if show_edges:
                print_references(references)
        for group in room.circles:
            print(f"  CIRCLE {', '.join(group)}")
            inside = [e for e in room.edges if e[0] in group and e[1] in group]
            for edge in sorted(inside, key=lambda e: len(room.edges[e])):
                print(f"    {edge[0]} -> {edge[1]}: {len(room.edges[edge])}")
                print_references(room.edges[edge])
    counts = Counter(finding.check for finding in tree.findings)
    excess = tree.excess()
    print("\nFigures")
    for check, description in CHECKS.items():
        debt = DEBTS.get(check, 0)
        note = f" (allowed for now: {debt})" if debt else ""
        print(f"  {counts[check]:5} {description}{note}")
        if check in excess or show_all:
            for finding in tree.findings:
                if finding.check == check:
                    print(f"        {finding.file}:{finding.line}: {finding.text}")
    longest_file = max(tree.files, key=lambda file: file.line_count)
    functions = [(d.end - d.line + 1, f.path, d) for f in tree.files for d in f.declarations if d.has_body]
    lines, path, longest = max(functions, key=lambda f: f[0])
    print(f"  longest file: {longest_file.path}, {longest_file.line_count} lines")
    print(f"  longest function: {rules.name(longest)} in {path}, {lines} lines")
    for check, debt in DEBTS.items():
        if counts[check] < debt:
            print(f"  the debt of {check} can fall from {debt} to {counts[check]}")
    if excess:
        print(f"\nFAILED: {', '.join(excess)}")
    return 1 if excess else 0


def print_references(references, most=12):
    for r in references[:most]:
        print(f"        {r.file}:{r.line}: {r.name}")
    if len(references) > most:
        print(f"        and {len(references) - most} more")


def main(arguments):
    root = Path(__file__).resolve().parents[2]
    if "--self-test" in arguments:
        import self_test

        return self_test.run(root)
    return report(Tree(root), "--all" in arguments, "--edges" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
