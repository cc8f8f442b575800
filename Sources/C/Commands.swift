import FixresBase
import fixresc

/// What a command has printed.
final class COutput: Sendable {
  static let table = HandleTable<COutput>("output", base: 0x1000_0003)

  let exitStatus: Int32
  /// The results and the messages.
  let texts: CStrings

  init(_ exitStatus: Int32, _ console: Console) {
    self.exitStatus = exitStatus
    texts = CStrings([
      String(decoding: console.outputBytes, as: UTF8.self),
      String(decoding: console.errorBytes, as: UTF8.self),
    ])
  }
}

/// Runs one command line.
@c(fixresc_command)
public func command(
  words: UnsafePointer<UnsafePointer<CChar>?>?, count: Int, callbacks: UnsafeRawPointer?,
  output: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  status {
    guard let output else { throw CFailure.argument("output", "a pointer, found null") }
    guard (0...1_000_000).contains(count) else {
      throw CFailure.argument("n", "at most 1,000,000 words, found \(UInt(bitPattern: count))")
    }
    var list: [String] = []
    for index in 0..<count {
      guard let word = words?[index] else { throw CFailure.argument("words[\(index)]", "a word, found null") }
      list.append(FileName.text(of: word))
    }
    let console = Console(output: .memory, error: .memory)
    console.observer = try observer(callbacks)
    let exitStatus = Tool.run(list, console)
    let result = COutput(exitStatus, console)
    output.pointee = COutput.table.add(result)
    guard exitStatus == 0 else {
      let lines = String(decoding: console.errorBytes, as: UTF8.self).split(separator: "\n")
      throw CFailure(.command, lines.last.map(String.init) ?? "exit status \(exitStatus)")
    }
  }
}

private typealias ProgressFunction =
  @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, Int, Int) -> Void

/// What tells the caller how far a command is.
private func observer(_ memory: UnsafeRawPointer?) throws(CFailure) -> ((String, Int, Int) -> Void)? {
  guard let memory else { return nil }
  var fields = try CFields(memory, "callbacks")
  _ = fields.take(UInt32.self)
  guard let address = fields.take(UnsafeRawPointer?.self), let address else { return nil }
  let context = fields.take(UnsafeMutableRawPointer?.self) ?? nil
  let function = unsafeBitCast(address, to: ProgressFunction.self)
  return { label, done, total in label.withCString { function(context, $0, done, total) } }
}

/// What a command has printed, and its exit status.
@c(fixresc_output_get)
public func outputGet(
  output: OpaquePointer?, exitStatus: UnsafeMutablePointer<Int32>?,
  results: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
  messages: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> Int32 {
  status {
    let output = try COutput.table.object(output)
    exitStatus?.pointee = output.exitStatus
    results?.pointee = output.texts[0]
    messages?.pointee = output.texts[1]
  }
}

/// Forgets what a command has printed.
@c(fixresc_output_free)
public func outputFree(output: OpaquePointer?) -> Int32 { status { try COutput.table.remove(output) } }
