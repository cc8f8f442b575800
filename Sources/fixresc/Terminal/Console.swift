import FixresBase
import FixresMethod

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The output of a command: results on stdout, everything else on stderr.
package final class Console {
  /// Where text goes.
  package enum Sink: Sendable {
    /// An open file descriptor.
    case descriptor(Int32)
    /// Collected in memory, for tests.
    case memory
  }

  private let outputSink: Sink
  private let errorSink: Sink
  /// Results that are not flushed; with `memory` all of them.
  package private(set) var outputBytes: [UInt8] = []
  /// What was printed on stderr; empty unless the sink is `memory`.
  package private(set) var errorBytes: [UInt8] = []
  /// Whether the reader of stdout has closed the pipe; further results are dropped.
  package private(set) var isClosed = false
  private var outputFailure: Int32 = 0

  /// With `--json`, text for people is dropped.
  package var isJSON = false
  /// With `--quiet`, notes and progress bars are dropped.
  package var isQuiet = false
  /// Warnings so far, for the `--json` object.
  package private(set) var warnings: [String] = []
  /// Pictures that results lack, for the `--json` object: the first of them.
  package var failures: [JSON] = []
  /// Number of pictures that results lack.
  package var failureCount = 0
  /// The array of the `--json` object whose elements have been printed.
  private var streamedKey: String?
  /// The exit status of a command that does not fail.
  package var status: Int32 = 0
  private var progressIsShown = false

  /// A console that prints results to `output` and all else to `error`.
  package init(output: Sink, error: Sink) {
    outputSink = output
    errorSink = error
  }

  /// The console on stdout and stderr.
  package static func standard() -> Console {
    // A closed pipe shows up as an error of `write`, so that files in the making are still finished.
    signal(SIGPIPE, SIG_IGN)
    // So does a limit of the size of files.
    signal(SIGXFSZ, SIG_IGN)
    TemporaryFiles.removeOnSignals()
    return Console(output: .descriptor(STDOUT_FILENO), error: .descriptor(STDERR_FILENO))
  }

  /// Columns to write help in; 80 where stdout is no terminal.
  package var width: Int { min(100, Console.columns(outputSink) ?? 80) }

  /// Called with label, pieces done and pieces in all, ten times a second at most.
  package var observer: ((String, Int, Int) -> Void)?

  /// Others who compute what networks give for pictures; nil where this process does.
  package var workers: PictureWorkers?

  /// Whether a progress bar may be drawn on stderr, and in how many columns.
  var progressWidth: Int? { isQuiet ? nil : Console.columns(errorSink) }

  private static func columns(_ sink: Sink) -> Int? {
    guard case .descriptor(let descriptor) = sink, isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 else { return 80 }
    return Int(size.ws_col)
  }

  // MARK: - Results

  /// Bytes of a line on stderr at most, its end included.
  package static let errorLineLimit = ErrorReport.sentenceLimit
  /// Bytes of a line of a result at most.
  private static let lineLimit = 4096

  /// One line of a result for people; what `text` holds from files is escaped.
  package func line(_ text: String = "") {
    guard !isJSON else { return }
    print(Text.line(text, limit: Console.lineLimit) + "\n")
  }

  /// Lines of a result for people.
  package func lines(_ lines: [String]) { for text in lines { line(text) } }

  /// The JSON object of the whole call.
  package func object(_ given: JSON.Object) {
    let object = given.withNameBytes
    guard let key = streamedKey else {
      return print(Text.printableJSON(JSON.object(object).serialized()) + "\n")
    }
    var rest = object
    (rest["schema"], rest[key]) = (nil, nil)
    let members = JSON.object(rest).serialized().dropFirst()
    print("]" + (rest.members.isEmpty ? "" : ",") + Text.printableJSON(String(members)) + "\n")
  }

  /// An element of the array `key` of the whole call's object, printed at once, so that no memory holds them all; other
  /// members follow at the end.
  package func stream(_ element: JSON, of key: String) {
    if streamedKey == nil { print("{\"schema\":1,\"\(key)\":[") } else { print(",") }
    streamedKey = key
    print(Text.printableJSON(element.withNameBytes.serialized()))
  }

  /// Text of many lines, such as help, a completion script or a graph; what it holds from files is escaped.
  package func write(_ text: String) { print(Text.printableBlock(text)) }

  private func print(_ text: String) {
    clearProgress()
    outputBytes += Array(text.utf8)
    if case .descriptor(let descriptor) = outputSink, outputBytes.count >= 1 << 14 || isatty(descriptor) == 1
    {
      flush()
    }
  }

  /// Writes buffered results; a failure is kept for `finish`, and a closed pipe is none.
  package func flush() {
    guard case .descriptor(let descriptor) = outputSink, !isClosed, outputFailure == 0 else { return }
    let code = Console.send(outputBytes, descriptor)
    outputBytes.removeAll(keepingCapacity: true)
    if code == EPIPE { isClosed = true } else { outputFailure = code }
  }

  /// Flushes the results.
  ///
  /// - Throws: `FileError.system` where stdout could not be written.
  package func finish() throws(FileError) {
    flush()
    guard outputFailure == 0 else {
      let code = outputFailure
      outputFailure = 0
      throw .system(path: "standard output", call: "write", errno: code)
    }
  }

  // MARK: - All else

  /// A warning, on stderr and in the `--json` object.
  package func warn(_ text: String) {
    warnings.append(Text.line(text, limit: Console.errorLineLimit))
    say("fixresc: warning: " + text)
  }

  /// A remark on stderr, dropped with `--quiet`.
  package func note(_ text: String) {
    if !isQuiet { say(text) }
  }

  /// One line on stderr, escaped and of at most `errorLineLimit` bytes.
  package func say(_ text: String) {
    clearProgress()
    sayRaw(Text.line(text, limit: Console.errorLineLimit - 1) + "\n")
  }

  /// Text of many lines on stderr, such as a graph, escaped.
  package func sayBlock(_ text: String) {
    clearProgress()
    sayRaw(Text.printableBlock(text) + "\n")
  }

  private func sayRaw(_ text: String) {
    switch errorSink {
    case .descriptor(let descriptor): _ = Console.send(Array(text.utf8), descriptor)
    case .memory: errorBytes += Array(text.utf8)
    }
  }

  func showProgress(_ text: String) {
    sayRaw("\r" + Text.printable(text) + "\u{1B}[K")
    progressIsShown = true
  }

  func clearProgress() {
    guard progressIsShown else { return }
    progressIsShown = false
    sayRaw("\r\u{1B}[K")
  }

  private static func send(_ bytes: [UInt8], _ descriptor: Int32) -> Int32 {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { raw in
        systemWrite(descriptor, raw.baseAddress! + done, raw.count - done)
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return errno }
      done += written
    }
    return 0
  }
}

/// libc's `write`, which a method named `write` would hide.
private func systemWrite(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, base, count)
}
