"""The declarations of a Swift file: types, extensions and members with their nesting.

Local declarations inside function bodies are not listed; their names are kept as names that the file binds
itself.
"""

from dataclasses import dataclass, field

from swift_tokens import TokenStream

TYPE_WORDS = {"struct", "class", "enum", "actor", "protocol"}
ACCESS_WORDS = {"public", "package", "internal", "private", "fileprivate", "open"}
MODIFIERS = ACCESS_WORDS | set(
    "static final mutating nonmutating override required convenience lazy weak unowned nonisolated indirect"
    " prefix postfix infix borrowing consuming dynamic optional".split()
)
DECLARATION_WORDS = TYPE_WORDS | set(
    "extension func init deinit subscript var let case typealias associatedtype import operator"
    " precedencegroup".split()
)


@dataclass
class Declaration:
    kind: str  # struct, class, enum, actor, protocol, typealias, func, init, subscript, var, let, case
    name: str
    path: tuple  # names of the enclosing types
    line: int  # of the name or keyword
    end: int  # last line of the body
    start: int  # first line, attributes and modifiers included
    access: str
    in_extension: bool
    is_nested_in: str  # keyword of the enclosing scope: "", a type word or "extension"
    labels: list = field(default_factory=list)  # argument labels, "_" where there is none
    throws: bool = False
    has_body: bool = False
    doc: str = ""


class SwiftFile(TokenStream):
    """One file: `declarations`, `imports`, `scopes` (token ranges of type bodies with their path), `extended`
    (the path and line of each extension) and `bound` (names of local variables, parameters, local types and
    generic parameters)."""

    def __init__(self, path, text):
        super().__init__(path, text)
        self.declarations, self.imports, self.scopes, self.extended = [], [], [], []
        self._scope_access = ["internal"]
        self._members(0, len(self.tokens), (), "", "internal")
        self._collect_bound_names()

    def _members(self, at, end, path, scope, default_access):
        start, access, attributes = None, None, False
        while at < end:
            token = self.tokens[at]
            word = token.text
            if token.kind == "directive":
                at = self._skip_line(at, end) if word in ("#if", "#elseif") else at + 1
                start, access = None, None
                continue
            if start is None:
                start = token.line
            if word == "@":
                at += 2
                if self._text(at) == "(" and not self.tokens[at].first:
                    at = self.partner[at] + 1
                continue
            following = self._text(at + 1)
            is_modifier = token.kind == "word" and (
                word in MODIFIERS or (word == "class" and following in ("func", "var", "let", "subscript"))
            )
            if is_modifier:
                at += 1
                setter_only = self._text(at) == "(" and self._text(at + 1) == "set"
                if self._text(at) == "(":
                    at = self.partner[at] + 1
                if word in ACCESS_WORDS and not setter_only:
                    access = word
                continue
            if token.kind == "word" and word in DECLARATION_WORDS:
                at = self._declaration(at, end, path, scope, access or default_access, start)
            elif token.kind == "mark" and word in "([{":
                at = self.partner[at] + 1
            else:
                at += 1
            start, access = None, None

    def _skip_line(self, at, end):
        at += 1
        while at < end and not self.tokens[at].first:
            at += 1
        return at

    def _declaration(self, at, end, path, scope, access, start):
        word = self.tokens[at].text
        if word == "import":
            at += 1
            if self._text(at) in ("struct", "class", "enum", "protocol", "func", "var", "typealias"):
                at += 1
            self.imports.append((self._text(at), self.tokens[at].line))
            return at + 1
        if word in ("operator", "precedencegroup"):
            return at + 2
        if word in TYPE_WORDS or word == "extension":
            return self._type(at, path, scope, access, start)
        if word in ("typealias", "associatedtype"):
            self._add(word, self._text(at + 1), at, path, scope, access, start, self.tokens[at].line)
            return at + 2
        if word in ("func", "init", "subscript", "deinit"):
            return self._function(at, end, path, scope, access, start)
        if word == "case":
            return self._cases(at, end, path, scope, access, start)
        return self._variables(at, end, path, scope, access, start)

    def _add(self, kind, name, at, path, scope, access, start, last, **rest):
        if scope == "protocol" and access == "internal":
            access = self._scope_access[-1]
        declaration = Declaration(
            kind, name, path, self.tokens[at].line, last, start, access, scope == "extension", scope, **rest
        )
        declaration.doc = self._doc_before(start)
        self.declarations.append(declaration)
        return declaration

    def _doc_before(self, line):
        lines = []
        while line - 1 in self.docs:
            line -= 1
            lines.insert(0, self.docs[line])
        return "\n".join(lines)

    def _type(self, at, path, scope, access, start):
        word = self.tokens[at].text
        name_at = at + 1
        names = [self._text(name_at)]
        at = name_at + 1
        while word == "extension" and self._text(at) == ".":
            names.append(self._text(at + 1))
            at += 2
        while self._text(at) != "{":
            at = self.partner[at] + 1 if self._text(at) in ("(", "[") else at + 1
        end = self.partner[at]
        if word == "extension":
            inner = tuple(names)
            self.extended.append((inner, self.tokens[name_at].line))
            member_access = access
        else:
            inner = path + (names[0],)
            self._add(word, names[0], name_at, path, scope, access, start, self.tokens[end].line)
            member_access = access if word == "protocol" else "internal"
        self.scopes.append((at, end, inner))
        self._scope_access.append(access)
        self._members(at + 1, end, inner, word, member_access)
        self._scope_access.pop()
        return end + 1

    def _function(self, at, end, path, scope, access, start):
        word = self.tokens[at].text
        name_at, name = at, word
        if word == "func":
            name_at = at + 1
            name = self._text(name_at)
        labels, throws = [], False
        if word != "deinit":
            while self._text(at) != "(":
                at += 1  # an operator's other characters, generic parameters
            labels = self._labels(at, word)
            at = self.partner[at] + 1
        else:
            at += 1
        if self._text(at) == "async":
            at += 1
        if self._text(at) in ("throws", "rethrows"):
            throws = True
            at += 1
            if self._text(at) == "(":
                at = self.partner[at] + 1
        last, has_body = self.tokens[at - 1].line, False
        if scope != "protocol":
            body = at
            while body < end and self._text(body) != "{":
                if self.tokens[body].text in DECLARATION_WORDS and self.tokens[body].first:
                    break
                body = self.partner[body] + 1 if self._text(body) in ("(", "[") else body + 1
            if self._text(body) == "{":
                at = self.partner[body] + 1
                last, has_body = self.tokens[at - 1].line, True
        self._add(
            word, name, name_at, path, scope, access, start, last, labels=labels, throws=throws,
            has_body=has_body,
        )
        return at

    def _labels(self, at, word):
        """External labels of the parameters between the parentheses that open at `at`."""
        labels, end, at = [], self.partner[at], at + 1
        expects = True
        while at < end:
            text = self._text(at)
            if expects and self.tokens[at].kind in ("word", "quoted"):
                single = self._text(at + 1) == ":"
                labels.append("_" if single and word == "subscript" else text)
                expects = False
            if text in ("(", "[", "{"):
                at = self.partner[at]
            elif text == "<" and self.tokens[at - 1].kind == "word":
                at = self._angle_end(at, end)
            elif text == ",":
                expects = True
            elif text == "@":
                at += 1
            at += 1
        return labels

    def _angle_end(self, at, end):
        depth, begin = 0, at
        while at < end:
            text = self._text(at)
            depth += (text == "<") - (text == ">")
            if depth == 0:
                return at
            at += 1
        return begin

    def _cases(self, at, end, path, scope, access, start):
        access = self._scope_access[-1]
        at += 1
        while at < end and self.tokens[at].kind in ("word", "quoted"):
            labels = []
            name_at = at
            at += 1
            if self._text(at) == "(":
                labels = self._associated_labels(at)
                at = self.partner[at] + 1
            self._add(
                "case", self._text(name_at), name_at, path, scope, access, start, self.tokens[at - 1].line,
                labels=labels,
            )
            if self._text(at) == "=":
                at += 2 + (self._text(at + 1) == "-")
            if self._text(at) != ",":
                break
            at += 1
        return at

    def _associated_labels(self, at):
        """A case's labels: "_" for each value without one."""
        end, labels, expects = self.partner[at], [], True
        at += 1
        while at < end:
            text = self._text(at)
            if expects:
                labels.append(text if self._text(at + 1) == ":" else "_")
                expects = False
            if text in ("(", "[", "{"):
                at = self.partner[at]
            elif text == "<":
                at = self._angle_end(at, end)
            elif text == ",":
                expects = True
            at += 1
        return labels

    def _variables(self, at, end, path, scope, access, start):
        word, line = self.tokens[at].text, self.tokens[at].line
        at += 1
        names, has_value, body, throws = [], False, None, False
        if self._text(at) == "(":
            names = [i for i in range(at, self.partner[at]) if self.tokens[i].kind == "word"]
            at = self.partner[at] + 1
        else:
            names = [at]
            at += 1
        while at < end:
            token = self.tokens[at]
            text = token.text
            if token.first and (
                text == "@"
                or token.kind == "directive"
                or token.kind == "word"
                and (text in DECLARATION_WORDS or text in MODIFIERS)
            ):
                break
            if text == "=":
                has_value = True
            if text == "{" and not has_value:
                body = at
                inside = [t.text for t in self.tokens[at + 1 : at + 6]]
                throws = "get" in inside and "throws" in inside
            if text == "," and self.tokens[at + 1].kind == "word" and self._text(at + 2) in (":", "="):
                names.append(at + 1)
                has_value = False
            at = self.partner[at] + 1 if text in ("(", "[", "{") else at + 1
        last = self.tokens[at - 1].line
        for name_at in names:
            self._add(
                word, self._text(name_at), name_at, path, scope, access, start, last, throws=throws,
                has_body=body is not None,
            )
        return at

    # Names that the file binds itself

    def _collect_bound_names(self):
        """Names of parameters, local variables, labels, local types and generic parameters; the labels of
        tuples also apart, as `tuple_labels`."""
        self.tuple_labels = set()
        members = {(d.name, d.line) for d in self.declarations}
        self.bound = set()
        tokens = self.tokens
        for index in range(1, len(tokens)):
            token, before = tokens[index], tokens[index - 1]
            if token.kind != "word":
                continue
            after = self._text(index + 1)
            named = before.text in ("let", "var", "for", "struct", "enum", "class", "typealias", "func")
            labels = after in (":", "in") and not token.text[0].isupper()
            if (named or labels) and (token.text, token.line) not in members:
                self.bound.add(token.text)
            if after == ":" and before.text in ("(", ","):
                self._note_tuple_label(index)
            if before.text == "<" and index > 1 and tokens[index - 2].kind in ("word", "mark"):
                if index > 2 and tokens[index - 3].text in TYPE_WORDS | {"func"} or tokens[index - 2].text in (
                    "init", "subscript"
                ):
                    self._bind_generics(index)

    def _note_tuple_label(self, at):
        opening = at - 1
        while self._text(opening) != "(":
            if self._text(opening) in ("{", "[", "}", ";") or opening == 0:
                return
            opening = self.partner[opening] - 1 if self._text(opening) in (")", "]") else opening - 1
        before = self.tokens[opening - 1]
        is_call = before.kind == "quoted" or before.text in (")", "]", ">", "?", "!", "}")
        if before.kind == "word":
            is_call = before.text not in ("in", "return", "case", "let", "var", "else", "where", "throws")
        if not is_call:
            self.tuple_labels.add(self._text(at))

    def _bind_generics(self, at):
        expects = True
        while at < len(self.tokens) and self._text(at) != ">":
            if expects and self.tokens[at].kind == "word":
                self.bound.add("each" if self._text(at) == "each" else self._text(at))
                expects = False
            expects = expects or self._text(at) == ","
            at += 1
