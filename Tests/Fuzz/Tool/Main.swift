import FixresBase
import FixresFuzz

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// `fixresc-fuzz`: seeded, structure-aware fuzzing of every reader, and of networks through passes and engines.
@main
struct Main {
  static let usage = """
    fixresc-fuzz parsers [--cases N] [--only NAME,...] [--seed S] [--jobs J]   cases of every reader
    fixresc-fuzz graphs [--cases N] [--seed S] [--jobs J]      random networks through passes and engines
    fixresc-fuzz sweep [--only NAME,...] [--jobs J]            all prefixes and flipped header bits of small files
    fixresc-fuzz repeat NAME SEED:CASE|sweep:CASE [-o FILE]    one case again, with a backtrace
    fixresc-fuzz read NAME FILE                                one file
    fixresc-fuzz reduce NAME FILE [-o FILE]                    a smaller file that fails alike
    fixresc-fuzz verdicts NAME FOLDER CASES SEED               cases in FOLDER, and the reader's verdicts
    fixresc-fuzz threads [--cases ROUNDS] [--seed S]           sessions shared by threads
    fixresc-fuzz list                                          the names

    --cases takes 1e6; --failures DIR (default: fuzz-failures) is where files of failed cases go; --stop ends at the first.
    FIXRESC_FUZZ_PLANT=trap|hang|overlap plants a fault that must be found.
    """

  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    switch words.first {
    case "worker": exit(work(Array(words.dropFirst())))
    case "verdicts": exit(Verdicts.write(Array(words.dropFirst())))
    case "list":
      for format in FuzzFormat.all { print(format.name) }
    case "parsers", "graphs", "sweep": exit(campaign(words[0], Options(Array(words.dropFirst()))))
    case "threads": exit(threads(Options(Array(words.dropFirst()))))
    case "repeat": exit(repeatCase(Options(Array(words.dropFirst()))))
    case "read": exit(readFile(Options(Array(words.dropFirst()))))
    case "reduce": exit(reduce(Options(Array(words.dropFirst()))))
    default:
      Console.error(usage)
      exit(2)
    }
  }

  // MARK: Workers

  /// `PAGE NAME SEED|sweep|file FROM TO`
  private static func work(_ words: [String]) -> Int32 {
    guard words.count >= 4, let page = SharedPage(path: words[0]), let format = FuzzFormat.named(words[1])
    else { return 2 }
    // Under a limit every session asks the system some thirty times how much is left: networks have it in one range of
    // eight, pages of 2 MB too. Resident memory is bounded in all.
    let isPlain = format.name == "network" && Self.hasPlainMemory(words)
    Worker.limit(writesNothing: format.name == "arguments", limitsAddressSpace: !isPlain)
    if isPlain { Worker.refuseLargePages() }
    var worker = Worker(page: page, format: format)
    if format.name == "arguments" { chdir(folder(of: words[0])) }
    if words[2] == "file" {
      let bytes: Bytes
      do { bytes = try MappedFile.open(words[3]) } catch { return 2 }
      let file = bytes.array
      worker.run(0..<1) { _ in file }
      return 0
    }
    guard words.count == 5, let from = Int(words[3]), let to = Int(words[4]), from <= to else { return 2 }
    let source = FuzzSource(format)
    if let seed = UInt64(words[2]) {
      worker.run(from..<to) { source.makeCase(seed: seed, number: $0) }
    } else {
      worker.run(from..<to) { source.sweepCase($0) }
    }
    return 0
  }

  /// Seven of eight ranges of cases.
  private static func hasPlainMemory(_ words: [String]) -> Bool {
    guard words.count == 5, let from = Int(words[3]) else { return false }
    return from / Campaign.chunkCount % 8 != 7
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  // MARK: Campaigns

  private static func campaign(_ kind: String, _ options: Options) -> Int32 {
    guard options.isSound, options.plain.isEmpty, let formats = formats(kind, options) else {
      Console.error(usage)
      return 2
    }
    guard let scratch = Scratch() else { return 1 }
    let seed = options.seed ?? UInt64(clamping: Child.now()) % 1_000_000
    if kind != "sweep" { Console.error("seed \(seed)") }
    let total = formats.reduce(0) { $0 + max($1.share, 1) }
    let counts = formats.map { format -> (format: FuzzFormat, count: Int) in
      kind == "sweep"
        ? (format, FuzzSource(format).sweepCount) : (format, options.cases * max(format.share, 1) / total)
    }
    var campaign = Campaign(
      seed: kind == "sweep" ? nil : seed, jobs: options.jobs, folder: options.failures,
      stopsAtFailure: options.stops, scratch: scratch.path)
    let failures = campaign.run(counts)
    print(campaign.table(formats))
    return failures == 0 ? 0 : 1
  }

  private static func formats(_ kind: String, _ options: Options) -> [FuzzFormat]? {
    if kind == "graphs" { return FuzzFormat.named("network").map { [$0] } }
    guard let only = options.only else { return FuzzFormat.all.filter { $0.share > 0 } }
    let found = only.compactMap(FuzzFormat.named)
    return found.count == only.count && !found.isEmpty ? found : nil
  }

  private static func threads(_ options: Options) -> Int32 {
    let seed = options.seed ?? 1
    do {
      let rounds = min(options.cases, 1000)
      let wrong =
        try Threads.run(rounds: rounds, seed: seed) + Threads.classifyAndWait(rounds: rounds, seed: seed)
      print("seed \(seed): \(wrong) tasks saw other bits")
      return wrong == 0 ? 0 : 1
    } catch {
      Console.error("seed \(seed): \(error)")
      return 1
    }
  }

  // MARK: Single files

  private static func repeatCase(_ options: Options) -> Int32 {
    guard options.plain.count == 2, let format = FuzzFormat.named(options.plain[0]) else {
      Console.error(usage)
      return 2
    }
    let parts = options.plain[1].split(separator: ":")
    guard parts.count == 2, let number = Int(parts[1]), number >= 0,
      parts[0] == "sweep" || UInt64(parts[0]) != nil
    else {
      Console.error(usage)
      return 2
    }
    let source = FuzzSource(format)
    let file = UInt64(parts[0]).map { source.makeCase(seed: $0, number: number) } ?? source.sweepCase(number)
    return read(file, format, options)
  }

  private static func readFile(_ options: Options) -> Int32 {
    guard options.plain.count == 2, let format = FuzzFormat.named(options.plain[0]),
      let bytes = open(options.plain[1])
    else { return 2 }
    return read(bytes, format, options)
  }

  private static func open(_ path: String) -> [UInt8]? {
    do { return try MappedFile.open(path).array } catch {
      Console.error("\(error)")
      return nil
    }
  }

  /// Reads `file` in this process, so that a debugger or a backtrace shows where it fails.
  private static func read(_ file: [UInt8], _ format: FuzzFormat, _ options: Options) -> Int32 {
    if let output = options.output {
      do { try AtomicFileWriter.write(file, to: output) } catch { Console.error("\(error)") }
    }
    let start = Child.now()
    let input = GuardedInput()
    let verdict = Planted.wrap(format).read(input.bytes(of: file, alignment: format.alignment))
    print("\(file.count) bytes: \(verdict), \((Child.now() - start) / 1000) microseconds")
    if case .wrong = verdict { return 1 }
    return 0
  }

  private static func reduce(_ options: Options) -> Int32 {
    guard options.plain.count == 2, let format = FuzzFormat.named(options.plain[0]), let scratch = Scratch(),
      let file = open(options.plain[1]), var reducer = Reducer(format: format, scratch: scratch.path)
    else {
      Console.error(usage)
      return 2
    }
    guard let (small, failure) = reducer.reduce(file) else {
      Console.error("\(options.plain[1]) does not fail")
      return 1
    }
    let output = options.output ?? options.plain[1] + ".small"
    do { try AtomicFileWriter.write(small, to: output) } catch { Console.error("\(error)") }
    print("\(failure): \(file.count) bytes made \(small.count) in \(reducer.tries) tries: \(output)")
    return 0
  }
}
