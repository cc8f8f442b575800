import FixresBase
import FixresMethod

/// The state of an interrupted fine-tuning, behind a right checksum.
enum StateCases {
  static func formats() -> [FuzzFormat] {
    [FuzzFormat("state", seeds: seeds(), share: 30, mutate: mutate, repair: repair, read: read)]
  }

  private static let text = TextMutator(
    TextCases.jsonWords + [
      "\"fingerprint\"", "\"epoch\"", "\"records\"", "\"arrays\"", "\"name\"", "\"count\"", "\"weight\"",
    ])

  private static func seeds() -> [[UInt8]] {
    var fingerprint = JSON.Object()
    fingerprint["model"] = "1f"
    fingerprint["epochs"] = "4"
    let state = TrainingState(
      fingerprint: fingerprint, epoch: 2, records: [["loss": 1.5, "accuracy": 0.5], ["loss": 1.25]],
      arrays: ["weight": [1, 2, 3, 4], "bias": [0.5], "momentum.weight": []])
    let empty = TrainingState(fingerprint: JSON.Object(), epoch: 0, records: [], arrays: [:])
    return [state.serialized(), empty.serialized()]
  }

  private static func mutate(_ file: inout [UInt8], _ dice: inout Dice) {
    guard let length = file.little(12, 4), length <= file.count - 20, dice.below(6) > 0 else {
      return file.putLittle(dice.interesting(4), at: dice.pick([8, 12]), 4)
    }
    var header = Array(file[16..<16 + length])
    text.mutate(&header, &dice)
    let rest = Array(file[(16 + length)...])
    file.removeSubrange(12...)
    file.appendLittle(UInt64(header.count), 4)
    file += header + rest
  }

  private static func repair(_ file: inout [UInt8]) {
    guard file.count >= 4 else { return }
    let sum = file.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[0..<$0.count - 4])) }
    file.putLittle(UInt64(sum), at: file.count - 4, 4)
  }

  private static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    do {
      let state = try TrainingState(bytes)
      let again = try TrainingState(Bytes(state.serialized()))
      return again.epoch == state.epoch && again.arrays.count == state.arrays.count
        ? .accepted : .wrong("another state after a round trip")
    } catch {
      return .refused
    }
  }
}
