import FixresBase
import FixresMethod
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
    let cancellation = Cancellation()
    if let callbacks { try Callbacks(callbacks).attach(to: console, cancellation) }
    let exitStatus = Cancellation.$current.withValue(cancellation) { Tool.run(list, console) }
    let result = COutput(exitStatus, console)
    output.pointee = COutput.table.add(result)
    guard exitStatus == 0 else {
      let lines = String(decoding: console.errorBytes, as: UTF8.self).split(separator: "\n")
      throw CFailure(
        cancellation.isRequested ? .cancelled : .command,
        lines.last.map(String.init) ?? "exit status \(exitStatus)")
    }
  }
}

/// The functions of the caller's that a command calls.
private struct Callbacks {
  private typealias Progress =
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, Int, Int) -> Int32
  private typealias Compute =
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Int32

  private let progress: UnsafeRawPointer?
  private let context: UnsafeMutableRawPointer?
  private let compute: UnsafeRawPointer?
  private let tasks: UnsafePointer<CChar>?

  init(_ memory: UnsafeRawPointer) throws(CFailure) {
    var fields = try CFields(memory, "callbacks")
    _ = fields.take(UInt32.self)
    progress = fields.take(UnsafeRawPointer?.self) ?? nil
    context = fields.take(UnsafeMutableRawPointer?.self) ?? nil
    compute = fields.take(UnsafeRawPointer?.self) ?? nil
    tasks = fields.take(UnsafePointer<CChar>?.self) ?? nil
  }

  /// Has `console` tell how far the command is, which the caller may answer with `cancellation`, and workers asked.
  func attach(to console: Console, _ cancellation: Cancellation) throws(CFailure) {
    let context = self.context
    if let progress {
      let function = unsafeBitCast(progress, to: Progress.self)
      console.observer = { label, done, total in
        if label.withCString({ function(context, $0, done, total) }) != 0 { cancellation.request() }
      }
    }
    guard let compute else { return }
    guard let tasks else { throw .argument("callbacks.tasks", "a folder, found null") }
    let function = unsafeBitCast(compute, to: Compute.self)
    console.workers = PictureWorkers(folder: FileName.text(of: tasks)) { task, results in
      FileName.withBytes(task) { task in FileName.withBytes(results) { function(context, task, $0) } } == 0
    }
  }
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
