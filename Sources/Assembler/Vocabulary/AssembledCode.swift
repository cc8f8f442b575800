/// What the instructions cannot say.
package enum AssemblyFault: Error, Hashable, Sendable {
  /// A displacement, an immediate or a count beyond 32 bits.
  case distance(Int)
  /// More code than a function may have.
  case codeSize(limit: Int)

  /// A few words for a plan.
  package var reason: String {
    switch self {
    case .distance(let distance): "a distance or count of \(distance)"
    case .codeSize(let limit): "more than \(limit) bytes of code"
    }
  }
}

/// Machine code with an optional listing.
package struct AssembledCode: Sendable {
  /// A line of the listing: where the instruction starts and its text in the syntax of the instruction set.
  package struct Line: Sendable {
    package var offset: Int
    package var text: String
  }

  /// Why the bytes are no function that may be called; nil where they are.
  package var fault: AssemblyFault?
  package var bytes: [UInt8]
  /// Empty unless the assembler was asked to record it: text costs more than the code that it describes.
  package var listing: [Line]

  /// One line an instruction: offset and bytes in hexadecimal, and text.
  package var text: String {
    var text = ""
    for (index, line) in listing.enumerated() {
      let end = index + 1 < listing.count ? listing[index + 1].offset : bytes.count
      let code = bytes[line.offset..<end].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      let offset = String(line.offset, radix: 16)
      text += String(repeating: " ", count: max(0, 6 - offset.count)) + offset + "  "
      text += code + String(repeating: " ", count: max(1, 24 - code.count)) + line.text + "\n"
    }
    return text
  }
}
