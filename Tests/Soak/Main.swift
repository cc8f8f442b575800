#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// `soak [--minutes M] [--seed S] [MODEL.bin ...]`: what a server does for hours, in one process.
@main
struct Main {
  static func main() throws {
    var minutes = 60.0
    var seed: UInt64 = 1
    var extra: [String] = []
    var words = CommandLine.arguments.dropFirst()
    while let word = words.popFirst() {
      switch word {
      case "--minutes": minutes = words.popFirst().flatMap(Double.init) ?? minutes
      case "--seed": seed = words.popFirst().flatMap { UInt64($0) } ?? seed
      default: extra.append(word)
      }
    }
    print("seed \(seed), \(minutes) minutes")
    let verdict = try Soak(seed: seed, extra: extra).run(seconds: minutes * 60) { verdict, elapsed in
      print(
        "\(Int(elapsed)) s: \(verdict.runs) runs, \(verdict.pictures) pictures, \(verdict.refusedPictures) refused, "
          + "\(verdict.sessions) sessions, \(verdict.adapted) adapted, \((verdict.resident.last ?? 0) >> 20) MB, "
          + "\(verdict.faults.count) faults")
      fflush(nil)
    }
    for fault in verdict.faults { print("fault: \(fault)") }
    print(
      "\(verdict.runs) runs of \(verdict.pictures) pictures in \(verdict.sessions) sessions; resident memory grew by "
        + "\(verdict.growth >> 10) KB from the second to the last tenth (allowed: \(Soak.allowance >> 10) KB)"
    )
    let passed = verdict.faults.isEmpty && verdict.growth <= Soak.allowance && verdict.runs > 0
    print(passed ? "passed" : "FAILED")
    exit(passed ? 0 : 1)
  }
}
