/// The words behind a command.
struct Options {
  private(set) var cases = 1_000_000
  private(set) var jobs = 2
  private(set) var seed: UInt64?
  private(set) var only: [String]?
  private(set) var failures = "fuzz-failures"
  private(set) var output: String?
  private(set) var stops = false
  private(set) var plain: [String] = []
  /// False where a word is not understood.
  private(set) var isSound = true

  init(_ words: [String]) {
    var rest = words[...]
    func value() -> String? { rest.popFirst() }
    while let word = rest.popFirst() {
      switch word {
      case "--cases":
        // 1e6 is easier to count than its zeros.
        let number = value().flatMap(Double.init)
        if let number, number >= 1, number <= 1e12 { cases = Int(number) } else { isSound = false }
      case "--jobs":
        if let number = value().flatMap({ Int($0) }), (1...256).contains(number) {
          jobs = number
        } else {
          isSound = false
        }
      case "--seed":
        seed = value().flatMap { UInt64($0) }
        if seed == nil { isSound = false }
      case "--only": only = value()?.split(separator: ",").map(String.init)
      case "--failures": failures = value() ?? failures
      case "-o": output = value()
      case "--stop": stops = true
      default:
        if word.hasPrefix("-") { isSound = false }
        plain.append(word)
      }
    }
  }
}
