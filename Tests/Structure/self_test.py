"""Plants each kind of fault in a temporary copy of the tree and shows that the checks find it, where it lies."""

import shutil
import tempfile
from pathlib import Path

LONG_FUNCTION = "func plantedLong() {\n" + "  _ = 0\n" * 59 + "}\n"

# File below Sources, its text, and the findings expected as (check, line); line 0 is a finding of the room.
PLANTS = [
    (
        "Base/PlantedUpward.swift",
        "import FixresMethod\n\nfunc plantedUpward() -> Any { Equalisation.self }\n",
        [("direction", 1), ("direction", 3)],
    ),
    ("IR/PlantedFoundation.swift", "import Foundation\n", [("direction", 1)]),
    ("Base/PlantedFile.swift", "// A line.\n" * 401, [("long-file", 401)]),
    ("IR/PlantedFunction.swift", LONG_FUNCTION, [("long-function", 1)]),
    (
        "Passes/PlantedParameters.swift",
        "struct Planted {\n  init(_ a: Int, _ b: [Int: Int], _ c: (Int, Int), _ d: () -> Int) {}\n"
        "  func three(_ a: Int, _ b: Int, _ c: Int, d: Int) {}\n}\n",
        [("unlabelled", 2)],
    ),
    (
        "IR/PlantedPublic.swift",
        "/// Documented.\npublic enum Planted {\n  case bare\n  /// Documented.\n  case told\n}\n"
        "extension Planted {\n  // Not a doc comment.\n  public func act() throws {}\n}\n",
        [("undocumented", 3), ("undocumented", 9), ("throws-undocumented", 9)],
    ),
    (
        "Formats/PlantedError.swift",
        "/// Documented.\npublic enum PlantedError: Error, Hashable {}\n\npackage enum PlantedFault: Error {}\n"
        "/// Documented.\npublic struct PlantedOther: Error {}\nextension PlantedOther: ReportedError {}\n",
        [("unreported", 2)],
    ),
    (
        "Passes/PlantedDefault.swift",
        "func planted(_ op: Op) -> Int {\n  switch op {\n  case .relu, .sigmoid: 1\n  default: 2\n  }\n}\n",
        [("op-default", 4)],
    ),
    (
        "Runtime/PlantedComputation.swift",
        "func planted(_ op: Op) -> Int {\n  switch op.computation {\n  case .elementwise: 1\n  default: 2\n  }\n}\n",
        [("op-default", 4)],
    ),
    (
        "Runtime/PlantedBytes.swift",
        "func planted(_ count: Int) -> Int {\n  // count * 4 in a comment and below in a string say nothing\n"
        '  print("count * 4 \\(count / 4)")\n  let size = MemoryLayout<Float>.size\n'
        "  return 4 &* count + (try? size) * 40\n}\n",
        [("literal-4", 3), ("literal-4", 4), ("literal-4", 5), ("try?", 5)],
    ),
]


def run(root):
    from structure import Tree

    failures = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(root / "Sources", copy / "Sources")
        shutil.copy(root / "Package.swift", copy / "Package.swift")
        clean = Tree(copy)
        before = set(clean.findings)
        expected = [plant(copy, *fault) for fault in PLANTS]
        edges = [plant_back_edge(copy, room) for room in clean.rooms.values() if room.edges]
        planted = Tree(copy)
        new = [finding for finding in planted.findings if finding not in before]
        for path, lines in expected:
            found = sorted((f.check, f.line) for f in new if f.file == path)
            report(f"{path}: {', '.join(f'{check} in line {line}' for check, line in lines)}",
                   found == sorted(lines), f"found {found}", failures)
        for room, source, target, path, lines in edges:
            name = f"{room}: {target} -> {source} closes a circle with {source} -> {target}"
            references = planted.rooms[room].edges.get((target, source), [])
            is_circle = any(source in group and target in group for group in planted.rooms[room].circles)
            found = sorted({r.line for r in references if r.file == path})
            report(name, is_circle and found == lines, f"circle: {is_circle}, lines {found}", failures)
            if room == "Runtime":
                found = sorted({f.line for f in new if f.check == "order" and f.file == path})
                report("Runtime: the same is against the order", found == lines, f"lines {found}", failures)
        report("the planted tree fails", bool(planted.excess()), "no check failed", failures)
    print(f"FAILED: {len(failures)} faults were not found" if failures else "Every planted fault was found.")
    return 1 if failures else 0


def plant(root, path, text, findings):
    file = root / "Sources" / path
    file.write_text(text, encoding="utf-8")
    return f"Sources/{path}", findings


def plant_back_edge(root, room):
    """Plants references from the target of an existing edge back to its source: a type by its name, one in a
    string's interpolation, and a member that the source folder adds to a type of the target folder."""
    top = {
        d.name: room.folder_of[file.path]
        for file in room.files
        for d in file.declarations
        if not d.path and d.kind in ("struct", "class", "enum") and "private" not in d.access
    }
    ends = [edge for edge in sorted(room.edges) if set(edge) <= set(top.values())]
    acyclic = [edge for edge in ends if edge[::-1] not in room.edges]
    source, target = (acyclic or ends)[0]
    upper = next(name for name, folder in top.items() if folder == source)
    lower = next(name for name, folder in top.items() if folder == target)
    base = root / "Sources" / room.name
    extension = f"extension {lower} {{ func plantedMember() {{}} }}\n"
    (base / source / "PlantedExtension.swift").write_text(extension, encoding="utf-8")
    text = (
        f'// {upper} in a comment and in a string is no reference.\nlet planted = "{upper}"\n'
        f"func plantedType(_ value: {upper}) {{}}\n"
        f'let plantedText = "\\({upper}.self)"\n'
        f"func plantedUse(_ value: {lower}) {{ value.plantedMember() }}\n"
    )
    (base / target / "PlantedBackEdge.swift").write_text(text, encoding="utf-8")
    path = (Path("Sources") / room.name / target / "PlantedBackEdge.swift").as_posix()
    return room.name, source, target, path, [3, 4, 5]


def report(name, passed, detail, failures):
    print(f"{'found ' if passed else 'MISSED'} {name}" + ("" if passed else f" ({detail})"))
    if not passed:
        failures.append(name)
