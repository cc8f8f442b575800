"""The tokens of a Swift file: comments and string literals are left out, interpolations are kept."""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+)
      |(?P<newline>\n)
      |(?P<comment>//[^\n]*)
      |(?P<block>/\*)
      |(?P<string>\#*"(?:"")?)
      |(?P<word>`\w+`|[^\W\d]\w*|\$\d+)
      |(?P<number>0[xbo][\w.]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][-+]?\d+)?)
      |(?P<directive>\#[a-z]\w*)
      |(?P<mark>->|\.\.[.<]|.)""",
    re.VERBOSE,
)

@dataclass
class Token:
    kind: str
    text: str
    line: int
    first: bool  # first on its line


class TokenStream:
    """`tokens`, the `partner` of each bracket by index, and `docs`: the doc comment that ends on a line."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.line_count = text.count("\n") + (0 if text.endswith("\n") else 1)
        self.tokens, self.docs, self.partner = [], {}, {}
        self._line, self._first = 1, True
        self._lex(0, interpolation=False)
        self._match_brackets()

    def _text(self, index):
        return self.tokens[index].text if index < len(self.tokens) else ""

    def _lex(self, at, interpolation):
        text, tokens, depth = self.text, self.tokens, 0
        while at < len(text):
            match = TOKEN.match(text, at)
            kind, word = match.lastgroup, match.group()
            at = match.end()
            if kind == "space":
                continue
            if kind == "newline":
                self._line += 1
                self._first = True
                continue
            if kind == "comment":
                if word.startswith("///") and self._first:
                    self.docs[self._line] = word[3:].strip()
                continue
            if kind == "block":
                at = self._block_comment(at)
                continue
            if kind == "string":
                first, line = self._first, self._line
                self._first = False
                tokens.append(Token("string", '""', line, first))
                at = self._string(at, word)
                continue
            if interpolation and kind == "mark":
                depth += (word == "(") - (word == ")")
                if depth < 0:
                    return at
            if kind == "word" and word[0] == "`":
                word = word.strip("`")
                kind = "quoted"
            tokens.append(Token(kind, word, self._line, self._first))
            self._first = False
        return at

    def _block_comment(self, at):
        first_line, begin, depth = self._line, at, 1
        while depth and at < len(self.text):
            pair = self.text[at : at + 2]
            if pair in ("/*", "*/"):
                depth += 1 if pair == "/*" else -1
                at += 2
            else:
                self._line += self.text[at] == "\n"
                at += 1
        if self.text[begin] == "*":
            self.docs[self._line] = self.text[begin : at - 2]
        return at

    def _string(self, at, opening):
        hashes = opening.count("#")
        close = opening[hashes:] + "#" * hashes
        if opening.endswith('""') and not opening.endswith('"""'):
            return at  # an empty literal: "" (the third quote is missing)
        escape = "\\" + "#" * hashes
        text = self.text
        while at < len(text):
            if text.startswith(close, at):
                return at + len(close)
            if text.startswith(escape, at):
                at += len(escape)
                if text[at] == "(":
                    self.tokens.append(Token("mark", "(", self._line, False))
                    at = self._lex(at + 1, interpolation=True)
                    self.tokens.append(Token("mark", ")", self._line, False))
                else:
                    self._line += text[at] == "\n"
                    at += 1
                continue
            self._line += text[at] == "\n"
            at += 1
        return at

    def _match_brackets(self):
        """The partner of each bracket. A branch of `#if` starts again with the brackets open before it."""
        stack, branches = [], []
        closing = {")": "(", "]": "[", "}": "{"}
        for index, token in enumerate(self.tokens):
            if token.kind == "directive":
                if token.text == "#if":
                    branches.append(list(stack))
                elif token.text in ("#else", "#elseif") and branches:
                    stack = list(branches[-1])
                elif token.text == "#endif" and branches:
                    branches.pop()
            elif token.kind == "mark":
                if token.text in "([{":
                    stack.append(index)
                elif token.text in closing:
                    if not stack or self.tokens[stack[-1]].text != closing[token.text]:
                        raise ValueError(f"{self.path}:{token.line}: unbalanced {token.text}")
                    begin = stack.pop()
                    self.partner[begin] = index
                    self.partner[index] = begin
        if stack:
            raise ValueError(f"{self.path}:{self.tokens[stack[-1]].line}: bracket is never closed")
