import FixresBase
import fixresc

/// One call of the tool with all it said.
struct Call {
  let status: Int32
  let output: String
  let error: String

  init(_ words: String...) { self.init(words) }

  init(_ words: [String]) {
    let console = Console(output: .memory, error: .memory)
    status = Tool.run(words, console)
    output = String(decoding: console.outputBytes, as: UTF8.self)
    error = String(decoding: console.errorBytes, as: UTF8.self)
  }

  /// The one JSON object of stdout; null where it holds anything else.
  var json: JSON {
    guard output.hasSuffix("\n"), output.utf8.count(where: { $0 == UInt8(ascii: "\n") }) == 1 else {
      return .null
    }
    return (try? JSON.parse(Bytes(Array(output.utf8)))) ?? .null
  }
}
