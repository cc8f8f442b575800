import FixresBase
import FixresFuzz

/// Writes cases of a format and the reader's verdict on each, for a comparison with other readers.
enum Verdicts {
  /// `NAME FOLDER CASES SEED`: writes `FOLDER/<number>` and prints the number, `accept` or the reason, a line each.
  static func write(_ words: [String]) -> Int32 {
    guard words.count == 4, let format = FuzzFormat.named(words[0]), let cases = Int(words[2]),
      let seed = UInt64(words[3])
    else { return 2 }
    let source = FuzzSource(format)
    var text = ""
    for number in 0..<cases {
      let file =
        number < source.seeds.count ? source.seeds[number] : source.makeCase(seed: seed, number: number)
      do { try AtomicFileWriter.write(file, to: words[1] + "/\(number)") } catch { return 1 }
      let reason = format.reason(Bytes(file)) ?? "accept"
      text += "\(number)\t" + reason.replacing("\n", with: " ").replacing("\t", with: " ").prefix(300) + "\n"
    }
    print(text, terminator: "")
    return 0
  }
}
