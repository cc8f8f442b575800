#!/usr/bin/env python3
"""Compares the edges that structure.py finds in the text with those of the compiler's index of a debug build.

    swift build
    python3 Tests/Structure/compare_with_index.py [PATH OF libIndexStore.so]

Prints, for each room, the edges that only one of the two knows, with up to three references. The index knows
every reference that compiled on this machine; the text also knows what `#if` leaves out. Not part of CI: a
debug build takes minutes. Exit status 1 where the index knows a circle that the text does not.
"""

import ctypes
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import structure

DEFINITION, REFERENCE, RECORD = 1 << 1, 1 << 2, 2
HANDLE = ctypes.c_void_p


class StringRef(ctypes.Structure):
    _fields_ = [("data", ctypes.POINTER(ctypes.c_char)), ("length", ctypes.c_size_t)]

    def __str__(self):
        return ctypes.string_at(self.data, self.length).decode() if self.length else ""


ON_NAME = ctypes.CFUNCTYPE(ctypes.c_bool, HANDLE, StringRef)
ON_ITEM = ctypes.CFUNCTYPE(ctypes.c_bool, HANDLE, HANDLE)


class Index:
    """The part of libIndexStore's C interface that is needed."""

    def __init__(self, library, store):
        self.library = ctypes.CDLL(library)
        error = ctypes.byref(HANDLE())
        self.store = self._call("store_create", HANDLE, str(store).encode(), error)

    def _call(self, name, result, *arguments):
        function = getattr(self.library, "indexstore_" + name)
        function.restype = result
        handles = [HANDLE(a) if isinstance(a, int) and a > 1 << 16 else a for a in arguments]
        return function(*handles)

    def records(self, root):
        """Source file below `root` -> name of its record."""
        units, found = [], {}
        on_unit = ON_NAME(lambda _, name: bool(units.append(str(name))) or True)
        self._call("store_units_apply_f", ctypes.c_bool, self.store, 0, None, on_unit)
        for unit in units:
            reader = self._call("unit_reader_create", HANDLE, self.store, unit.encode(), None)
            path = str(self._call("unit_reader_get_main_file", StringRef, reader))

            def on_dependency(_, item, path=path):
                is_record = self._call("unit_dependency_get_kind", ctypes.c_int, item) == RECORD
                if is_record and str(self._call("unit_dependency_get_filepath", StringRef, item)) == path:
                    found[path] = str(self._call("unit_dependency_get_name", StringRef, item))
                return True

            if path.startswith(str(root)) and Path(path).exists():
                callback = ON_ITEM(on_dependency)
                self._call("unit_reader_dependencies_apply_f", ctypes.c_bool, reader, None, callback)
            self._call("unit_reader_dispose", None, reader)
        return found

    def occurrences(self, record):
        """(roles, USR, name, line) of each symbol in a file."""
        found, line, column = [], ctypes.c_uint(), ctypes.c_uint()
        reader = self._call("record_reader_create", HANDLE, self.store, record.encode(), None)

        def on_occurrence(_, item):
            symbol = self._call("occurrence_get_symbol", HANDLE, item)
            self._call("occurrence_get_line_col", None, item, ctypes.byref(line), ctypes.byref(column))
            roles = self._call("occurrence_get_roles", ctypes.c_uint64, item)
            usr = str(self._call("symbol_get_usr", StringRef, symbol))
            found.append((roles, usr, str(self._call("symbol_get_name", StringRef, symbol)), line.value))
            return True

        callback = ON_ITEM(on_occurrence)
        self._call("record_reader_occurrences_apply_f", ctypes.c_bool, reader, None, callback)
        self._call("record_reader_dispose", None, reader)
        return found


def indexed_edges(index, root):
    """(room, folder, folder) -> references."""
    defined, references, edges = {}, [], defaultdict(list)
    for path, record in index.records(root / "Sources").items():
        for roles, usr, name, line in index.occurrences(record):
            if roles & DEFINITION:
                defined.setdefault(usr, path)
            elif roles & REFERENCE:
                references.append((path, line, usr, name))
    for path, line, usr, name in references:
        source = Path(path).relative_to(root)
        target = Path(defined.get(usr, path)).relative_to(root)
        folders = ["/".join(p.parts[2:-1]) or "." for p in (source, target)]
        if source.parts[1] == target.parts[1] and folders[0] != folders[1]:
            edges[source.parts[1], folders[0], folders[1]].append(f"{source}:{line}: {name}")
    return edges


def main(arguments):
    root = Path(__file__).resolve().parents[2]
    compiler = Path(shutil.which("swift") or "/usr/bin/swift").resolve()
    library = arguments[0] if arguments else str(compiler.parents[1] / "lib" / "libIndexStore.so")
    edges = indexed_edges(Index(library, root / ".build" / "debug" / "index" / "store"), root)
    status = 0
    for name, room in structure.Tree(root).rooms.items():
        indexed = {key[1:]: found for key, found in edges.items() if key[0] == name}
        print(f"{name}: {len(indexed)} edges in the index, {len(room.edges)} in the text")
        for edge in sorted(set(indexed) - set(room.edges)):
            print(f"  only in the index: {edge[0]} -> {edge[1]}: {'; '.join(indexed[edge][:3])}")
        for edge in sorted(set(room.edges) - set(indexed)):
            shown = [f"{r.file}:{r.line}: {r.name}" for r in room.edges[edge][:3]]
            print(f"  only in the text: {edge[0]} -> {edge[1]}: {'; '.join(shown)}")
        circles = structure.circles(structure.neighbours(indexed))
        if circles != room.circles:
            print(f"  circles in the index: {circles}; in the text: {room.circles}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
