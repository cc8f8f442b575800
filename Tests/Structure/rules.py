"""The rules that hold for single files and declarations. Each yields findings (check, file, line, text)."""

from collections import namedtuple

Finding = namedtuple("Finding", "check file line text")
FILE_LINES, FUNCTION_LINES, UNLABELLED = 400, 60, 3
PUBLIC = ("public", "open")
SYSTEM_MODULES = {"Synchronization", "Glibc", "Musl", "Android", "Darwin"}


def file_rules(file, op_cases):
    """Rules for every Swift file of the repository."""
    if file.line_count > FILE_LINES:
        yield Finding("long-file", file.path, file.line_count, f"{file.line_count} lines")
    for d in file.declarations:
        if d.has_body and d.end - d.line + 1 > FUNCTION_LINES:
            yield Finding("long-function", file.path, d.line, f"{name(d)} has {d.end - d.line + 1} lines")
        if d.labels.count("_") > UNLABELLED:
            yield Finding("unlabelled", file.path, d.line, f"{name(d)}: {d.labels.count('_')} without a label")
    yield from op_defaults(file, op_cases)


def documentation_rules(file):
    """Rules for the public declarations of a room, cases of public enums and requirements of public
    protocols included."""
    hidden = {
        d.path + (d.name,)
        for d in file.declarations
        if d.kind in ("struct", "class", "enum", "actor", "protocol") and d.access not in PUBLIC
    }
    for d in file.declarations:
        inside_hidden = any(d.path[:n] in hidden for n in range(1, len(d.path) + 1))
        if d.access not in PUBLIC or inside_hidden or d.kind in ("deinit", "associatedtype"):
            continue
        if not d.doc.strip():
            yield Finding("undocumented", file.path, d.line, f"{d.kind} {name(d)}")
        if d.throws and "- Throws:" not in d.doc:
            yield Finding("throws-undocumented", file.path, d.line, f"{d.kind} {name(d)}")


def unreported_errors(files):
    """Public types of a room that are an `Error` and not a `ReportedError`, which has a sentence."""
    errors, reported = {}, set()
    for file in files:
        places = {(d.line, d.name): d for d in file.declarations if d.kind in ("struct", "class", "enum", "actor")}
        for at, token in enumerate(file.tokens):
            if token.text not in ("struct", "class", "enum", "actor", "extension") or token.kind != "word":
                continue
            opening = at + 1
            while opening < len(file.tokens) and file.tokens[opening].text not in ("{", ";", "}"):
                opening += 1
            words = [t.text for t in file.tokens[at + 1 : opening]]
            if ":" not in words:
                continue
            colon = words.index(":")
            subject, conformances = ".".join(w for w in words[:colon] if w != "."), words[colon + 1 :]
            d = places.get((file.tokens[at + 1].line, file.tokens[at + 1].text))
            if "ReportedError" in conformances:
                reported.add(name(d) if d and token.text != "extension" else subject)
            elif "Error" in conformances and d and d.access in PUBLIC:
                errors[name(d)] = (file.path, d.line)
    for error, (path, line) in errors.items():
        if error not in reported:
            yield Finding("unreported", path, line, f"{error} has no report")


def name(declaration):
    return ".".join(declaration.path + (declaration.name,))


def op_defaults(file, op_cases):
    """`default:` in a switch all of whose patterns are cases of `Op`, which would let a new operation
    pass without a word."""
    tokens = file.tokens
    for at, token in enumerate(tokens):
        if token.kind != "word" or token.text != "switch":
            continue
        opening = at + 1
        while opening < len(tokens) and tokens[opening].text != "{":
            opening = file.partner[opening] + 1 if tokens[opening].text in ("(", "[") else opening + 1
        if opening == len(tokens):
            continue
        heads, default = switch_patterns(file, opening)
        if default and heads and heads <= op_cases:
            cases = ", ".join(sorted(heads))
            yield Finding("op-default", file.path, default, f"default beside the operations {cases}")


def switch_patterns(file, opening):
    """Names with a leading dot in the patterns of the switch that opens at `opening`, and the line of its
    `default`, 0 where it has none."""
    heads, default, end, at = set(), 0, file.partner[opening], opening + 1
    tokens = file.tokens
    while at < end:
        text = tokens[at].text
        if text == "default" and tokens[at + 1].text == ":":
            default = tokens[at].line
        elif text == "case" and tokens[at].kind == "word":
            at += 1
            is_pattern = True
            while at < end and tokens[at].text != ":":
                is_pattern = tokens[at].text == "," or is_pattern and tokens[at].text != "where"
                if is_pattern and tokens[at].text == "." and is_leading(tokens, at):
                    heads.add(tokens[at + 1].text)
                    if tokens[at + 2].text == "(":
                        at = file.partner[at + 2]
                elif is_pattern and tokens[at].text == "(":
                    close = file.partner[at]
                    heads |= {
                        tokens[i + 1].text
                        for i in range(at + 1, close)
                        if tokens[i].text == "." and is_leading(tokens, i)
                    }
                    at = close
                at += 1
        if text in ("(", "[", "{"):
            at = file.partner[at]
        at += 1
    return heads, default


def is_leading(tokens, at):
    before = tokens[at - 1]
    return before.kind not in ("word", "quoted") or before.text in ("case", "let", "var", "is", "as")


def discarded_errors(file):
    """`try?`: an error of code generation that nobody hears of."""
    for before, token in zip(file.tokens, file.tokens[1:]):
        if before.text == "try" and token.text == "?":
            yield Finding("try?", file.path, token.line, "error discarded by try?")


def float_sizes(file):
    """A literal 4 as a factor or divisor, or the size of Float: bytes of an element that its format knows."""
    tokens = file.tokens
    for at, token in enumerate(tokens[:-2]):
        following = tokens[at + 1]
        factor = token.text in ("*", "/") and following.text == "4"
        product = token.text == "4" and following.text in ("*", "&") and (
            following.text == "*" or tokens[at + 2].text == "*"
        )
        layout = token.text == "MemoryLayout" and tokens[at + 2].text == "Float"
        if factor or product or layout:
            text = "MemoryLayout<Float>" if layout else f"{token.text} {following.text}"
            yield Finding("literal-4", file.path, token.line, text)


def import_rules(file, room, declared, below, prefix, system=frozenset()):
    """Modules that a file imports against the rooms below, the system modules that its room may use besides the
    usual ones, and what Package.swift declares."""
    for module, line in file.imports:
        target = module.removeprefix(prefix) if module.startswith(prefix) else "fixresc" if module == "fixresc" else None
        if target is None:
            if module not in SYSTEM_MODULES | system:
                yield Finding("direction", file.path, line, f"{room} imports {module}")
        elif target not in below:
            yield Finding("direction", file.path, line, f"{room} imports {module}, which is not below it")
        elif target not in declared:
            yield Finding("direction", file.path, line, f"{room} imports {module}; Package.swift does not say so")
