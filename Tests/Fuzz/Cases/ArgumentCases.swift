import FixresBase
import fixresc

/// Command lines: the words of one, each ended by a zero.
enum ArgumentCases {
  static func formats() -> [FuzzFormat] {
    [
      FuzzFormat(
        "arguments", seeds: seeds(), share: 10, generate: generate, mutate: mutate, read: read)
    ]
  }

  private static let values = [
    "model.bin", "0", "-1", "1", "8", "9x11", "224", "32768", "99999999999999999999", "1e-3", "nan", "a,b",
    "1,2,3", "", "=",
    "--", "-", "all", "fold-batch-norm", "hf", "avx2", "json", "resnet50", "activation=silu,strides=1,2,2,2",
    "\u{1B}[2J",
    "e\u{301}", "x/../y", "labels.txt", "-o", "out.bin", "0.5", "1:2", "16..32", "16,32,64",
  ]
  private static let names =
    Tool.commands.flatMap { $0.options.map(\.name) } + ["--help", "--version", "--json", "-q", "-o", "-h"]
  private static let text = TextMutator(values + names)

  private static func seeds() -> [[UInt8]] {
    Tool.commands.map { Array($0.name.utf8) + [0] } + [
      Array("--version".utf8) + [0], Array("help\0import\0".utf8),
    ]
  }

  private static func generate(_ dice: inout Dice) -> [UInt8] {
    let command = dice.pick(Tool.commands)
    var words = [command.name]
    for _ in command.arguments where dice.below(10) > 0 { words.append(dice.pick(values)) }
    for _ in 0..<dice.below(5) where !command.options.isEmpty {
      let option = dice.pick(command.options)
      let value = dice.pick(values)
      switch dice.below(4) {
      case 0: words.append(option.name + "=" + value)
      case 1: words.insert(option.name, at: dice.below(words.count + 1))
      default: words += option.takesValue ? [option.name, value] : [option.name]
      }
    }
    return words.flatMap { Array($0.utf8) + [0] }
  }

  private static func mutate(_ line: inout [UInt8], _ dice: inout Dice) {
    var words = line.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
    let place = dice.below(words.count)
    switch dice.below(5) {
    case 0: words.remove(at: place)
    case 1: words.insert(Array(dice.pick(names).utf8), at: place)
    case 2: words.insert(Array(dice.pick(values).utf8), at: place)
    case 3: words.swapAt(place, dice.below(words.count))
    default: text.mutate(&words[place], &dice)
    }
    line = Array(words.joined(separator: [0]))
  }

  /// Commands that measure the machine, which takes a second whatever the words are.
  private static let slow = ["doctor"]

  /// Runs the line as the command line does, in a folder without files and in a process that can write none.
  private static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    var words = bytes.array.split(separator: 0, omittingEmptySubsequences: false)
    if words.last?.isEmpty == true { words.removeLast() }
    let line = words.map { FileName.text(of: Array($0)) }
    // Paths out of the folder lead to files of the machine, and devices may never end.
    guard line.allSatisfy({ !$0.utf8.contains(0x2F) || $0 == "x/../y" }), !line.contains(where: slow.contains)
    else {
      return .refused
    }
    let console = Console(output: .memory, error: .memory)
    let status = Tool.run(line, console)
    guard (0...2).contains(status) else { return .wrong("status \(status)") }
    let errors = console.errorBytes.split(separator: 0x0A)
    if let long = errors.first(where: { $0.count > 500 }) {
      return .wrong("a line of \(long.count) bytes on stderr")
    }
    if console.errorBytes.contains(where: { $0 < 0x20 && $0 != 0x0A || $0 == 0x7F }) {
      return .wrong("control characters on stderr")
    }
    let failures = errors.filter { $0.starts(with: Array("fixresc: error: ".utf8)) }
    guard failures.count == (status == 0 ? 0 : 1) else {
      return .wrong("\(failures.count) errors and status \(status)")
    }
    if line.prefix(while: { $0 != "--" }).contains("--json") {
      do { _ = try JSON.parse(Bytes(console.outputBytes)) } catch { return .wrong("no JSON: \(error)") }
    }
    return status == 0 ? .accepted : .refused
  }
}
