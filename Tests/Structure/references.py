"""Which folder refers to which: resolves the names that a room's files use to the folders that declare them.

A name resolves
  1. as a type or top-level declaration, by nesting (`A.B` is looked up as B inside A, an unqualified name
     first inside the enclosing types, then at the top level);
  2. as a member of a type that was resolved (`A.member`, `A(label:)`), which finds members that an
     extension in another folder adds;
  3. as `.member` of a value of unknown type, where every declaration of that name in the room lies in one
     folder and nothing else that the room can see bears the name.
Private names are invisible outside their file. A name that several folders declare and that nesting does
not tell apart is skipped and counted.
"""

from collections import defaultdict
from dataclasses import dataclass, field

# Members of the standard library that this project's own members may share a name with: `.first` of a value of
# unknown type proves nothing.
STANDARD_MEMBERS = set(
    """abs add advanced advance all allSatisfy allocate append assign assumingMemoryBound atomic baseAddress
    bind bindMemory bitPattern bigEndian byteSwapped capacity combine compactMap compare components contains copy
    count deallocate debugDescription deinitialize description distance dividingFullWidth
    dropFirst dropLast elements elementsEqual endIndex enumerated error exponent failure filter first
    firstIndex flatMap floor formIndex formUnion get hash hashValue high highHalf id index indices infinity
    init initialize initializeMemory insert intersection isEmpty isFinite isInfinite isLess isMultiple isNaN
    isSubset isSuperset isZero join joined key keys last lastIndex leadingZeroBitCount length littleEndian
    load loadUnaligned low lowHalf lowercased magnitude map max maximum message min minimum mutating name
    nan next none nonzeroBitCount odd offset partition pointee pointer popFirst popLast prefix print
    quotientAndRemainder random rawPointer rawValue reduce remainder remove removeAll removeFirst removeLast
    removeValue repeating replace replacing replaceSubrange reserveCapacity reverse reversed rounded scale
    self sequence set shuffle shuffled sign significand size some sort sorted split squareRoot start
    startIndex starts storeBytes store stride subtract subtracting success suffix sum swapAt symmetricDifference
    text trailingZeroBitCount truncatingRemainder type union unicodeScalars uninitialized update uppercased
    utf8 utf16 value values width withMemoryRebound withUnsafeBufferPointer withUnsafeBytes
    withUnsafeMutableBufferPointer withUnsafeMutableBytes withContiguousStorageIfAvailable zero zip
    exclusiveOr lock unlock wrappingAdd bitWidth addingReportingOverflow multipliedReportingOverflow
    subtractingReportingOverflow truncatingIfNeeded isPowerOfTwo equal bounds range lower upper lowerBound
    upperBound shape kind""".split()
)
TYPE_KINDS = {"struct", "class", "enum", "actor", "protocol", "typealias", "associatedtype"}


@dataclass(frozen=True)
class Reference:
    file: str
    line: int
    name: str
    source: str  # folder of the file
    target: str  # folder of the declaration


@dataclass
class Room:
    name: str
    files: list  # of SwiftFile
    folder_of: dict  # file path -> folder name inside the room
    references: list = field(default_factory=list)
    ambiguous: int = 0
    foreign: list = field(default_factory=list)  # (file, line, name, room)


class SymbolTable:
    """The declarations of one room that other files can see, by place of nesting and by name."""

    def __init__(self, room):
        self.room = room
        self.nested = defaultdict(list)  # (path, name) -> [(declaration, file)]
        self.members = defaultdict(list)  # member name -> [(declaration, file)]
        for file in room.files:
            hidden = {
                d.path + (d.name,)
                for d in file.declarations
                if d.access in ("private", "fileprivate") and d.kind in TYPE_KINDS
            }
            for declaration in file.declarations:
                path = declaration.path
                is_private = declaration.access in ("private", "fileprivate") or any(
                    path[:n] in hidden for n in range(1, len(path) + 1)
                )
                entry = (declaration, file, is_private)
                self.nested[(path, declaration.name)].append(entry)
                if path:
                    self.members[declaration.name].append(entry)

    def visible(self, entries, file):
        return [e for e in entries if not e[2] or e[1] is file]

    def folders(self, entries):
        return {self.room.folder_of[e[1].path] for e in entries}

    def exported(self):
        """Names at the top level and member names that other rooms can see."""
        top, members = set(), set()
        for (path, name), entries in self.nested.items():
            if any(e[0].access in ("public", "open", "package") for e in entries):
                (members if path else top).add(name)
        return top, members


def call_labels(file, at):
    """Argument labels of the call whose parenthesis opens at token `at`."""
    labels, end, at, expects = [], file.partner[at], at + 1, True
    while at < end:
        token = file.tokens[at]
        if expects:
            labelled = token.kind in ("word", "quoted") and file.tokens[at + 1].text == ":"
            labels.append(token.text if labelled else "_")
            expects = False
        if token.text in ("(", "[", "{"):
            at = file.partner[at]
        elif token.text == ",":
            expects = True
        at += 1
    return labels


def accepts(declared, used):
    """Whether a call with the labels `used` can be one of the parameters `declared`, some with defaults."""
    remaining = iter(declared)
    return all(label in remaining for label in used)


class Resolver:
    def __init__(self, room, tables, rooms_below):
        self.room = room
        self.table = tables[room.name]
        self.below = [tables[name] for name in rooms_below if name in tables]
        self.above = {n: t for n, t in tables.items() if n != room.name and n not in rooms_below}
        exported = [table.exported() for table in self.below]
        self.top_below = set().union(*(e[0] for e in exported)) if exported else set()
        self.members_below = set().union(*(e[1] for e in exported)) if exported else set()
        self.tuple_labels = set().union(*(file.tuple_labels for file in room.files))
        self.top_above = {}
        for name, table in self.above.items():
            for top in table.exported()[0]:
                self.top_above.setdefault(top, name)

    def run(self):
        for file in self.room.files:
            self.file = file
            self.folder = self.room.folder_of[file.path]
            for path, line in file.extended:
                self._extension(path, line)
            self._walk()

    def _extension(self, path, line):
        for depth in range(1, len(path) + 1):
            found = self.table.visible(self.table.nested.get((path[: depth - 1], path[depth - 1]), []), self.file)
            self._refer([e for e in found if e[0].kind in TYPE_KINDS], path[depth - 1], line)

    def _refer(self, entries, name, line):
        folders = self.table.folders(entries)
        if len(folders) > 1:
            if self.folder not in folders:
                self.room.ambiguous += 1
            return
        for target in folders:
            if target != self.folder:
                self.room.references.append(Reference(self.file.path, line, name, self.folder, target))

    def _walk(self):
        file, tokens = self.file, self.file.tokens
        starts = {begin: path for begin, _, path in file.scopes}
        ends = {end for _, end, _ in file.scopes}
        paths, at = [()], 0
        declared = {(d.line, d.name) for d in file.declarations}
        while at < len(tokens):
            token = tokens[at]
            if at in starts:
                paths.append(starts[at])
            elif at in ends:
                paths.pop()
            elif token.kind in ("word", "quoted"):
                before = tokens[at - 1].text if at else ""
                if before == "." and at > 1 and tokens[at - 2].text in ("self", "Self") and paths[-1]:
                    self._own_member(at, paths[-1])
                elif before == ".":
                    self._member(at)
                elif (token.line, token.text) not in declared or before in (":", "->", "("):
                    at = self._name(at, paths[-1])
            at += 1

    def _name(self, at, path):
        """Resolves the name at `at` and the chain of members behind it; returns the last token used."""
        file, tokens, table = self.file, self.file.tokens, self.table
        token = tokens[at]
        name, line = token.text, token.line
        after = file._text(at + 1)
        is_type_like = name[0].isupper()
        if name in file.bound or (not is_type_like and after == ":"):
            return at
        entries, owner = [], None
        for depth in range(len(path), -1, -1):
            entries = table.visible(table.nested.get((path[:depth], name), []), file)
            entries = [e for e in entries if e[0].kind != "case"]
            if entries:
                owner = path[:depth]
                break
        if not entries:
            if name not in self.top_below and name in self.top_above and is_type_like:
                self.room.foreign.append((file.path, line, name, self.top_above[name]))
            return at
        self._refer(entries, name, line)
        current = owner + (name,)
        while entries and all(e[0].kind in TYPE_KINDS - {"typealias"} for e in entries):
            if file._text(at + 1) == "(":
                self._initializer(current, at + 1, line)
            if file._text(at + 1) != "." or at + 2 >= len(tokens):
                break
            name, line = tokens[at + 2].text, tokens[at + 2].line
            if name == "init" and file._text(at + 3) == "(":
                self._initializer(current, at + 3, line)
                return at + 2
            entries = table.visible(table.nested.get((current, name), []), file)
            if not entries:
                break
            if file._text(at + 3) == "(" and len(table.folders(entries)) > 1:
                used = call_labels(file, at + 3)
                entries = [e for e in entries if accepts(e[0].labels, used)] or entries
            self._refer(entries, name, line)
            current += (name,)
            at += 2
        return at

    def _initializer(self, path, at, line):
        entries = self.table.visible(self.table.nested.get((path, "init"), []), self.file)
        owner = self.table.nested.get((path[:-1], path[-1]), [])
        used = call_labels(self.file, at)
        matching = [e for e in entries if accepts(e[0].labels, used)]
        elsewhere = [e for e in matching if e[0].in_extension]
        if elsewhere and len(elsewhere) == len(matching) and not self._is_memberwise(path, used):
            if self.table.folders(elsewhere) != self.table.folders(owner):
                self._refer(elsewhere, f"{path[-1]}.init", line)

    def _is_memberwise(self, path, used):
        stored = [
            d.name for (p, _), es in self.table.nested.items() if p == path
            for d, _, _ in es if d.kind in ("let", "var") and not d.has_body and not d.in_extension
        ]
        return bool(used) and all(label in stored for label in used)

    def _own_member(self, at, path):
        """`self.name` and `Self.name`."""
        token = self.file.tokens[at]
        entries = self.table.visible(self.table.nested.get((path, token.text), []), self.file)
        self._refer(entries, token.text, token.line)

    def _member(self, at):
        """`.name` of a value whose type is not known."""
        token = self.file.tokens[at]
        name = token.text
        if name in STANDARD_MEMBERS or name in self.members_below:
            return
        entries = self.table.visible(self.table.members.get(name, []), self.file)
        if not entries or name in self.tuple_labels and not all(e[0].in_extension for e in entries):
            return
        if self.file._text(at + 1) == "(" and len(self.table.folders(entries)) > 1:
            used = call_labels(self.file, at + 1)
            entries = [e for e in entries if e[0].kind in ("func", "case") and accepts(e[0].labels, used)] or entries
        self._refer(entries, "." + name, token.line)


def circles(edges):
    """Groups of folders that reach each other. `edges` maps a folder to the folders that it refers to."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for target in sorted(edges.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in on_stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = []
            while True:
                member = stack.pop()
                on_stack.discard(member)
                group.append(member)
                if member == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found
