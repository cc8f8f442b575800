/// Changes that need to know nothing of a format.
enum GenericMutator {
  static func mutate(_ file: inout [UInt8], others: [[UInt8]], _ dice: inout Dice) {
    guard file.count > 1 else {
      file.append(UInt8(truncatingIfNeeded: dice.bits()))
      return
    }
    let place = dice.below(file.count)
    switch dice.below(10) {
    case 0, 1: file[place] ^= 1 << UInt8(dice.below(8))
    case 2:
      file[place] = dice.pick([0, 0xFF, 0x7F, 0x80, 0x20, 0x0A, UInt8(truncatingIfNeeded: dice.bits())])
    case 3: number(&file, &dice)
    case 4: file.removeSubrange(place..<min(file.count, place + 1 + dice.below(16)))
    case 5: duplicate(&file, &dice)
    case 6: splice(&file, dice.pick(others), &dice)
    case 7: file.removeLast(dice.below(file.count))
    case 8: swap(&file, &dice)
    default:
      let byte = UInt8(truncatingIfNeeded: dice.bits())
      file.insert(contentsOf: [UInt8](repeating: byte, count: 1 + dice.below(8)), at: place)
    }
  }

  /// Overwrites 1, 2, 4 or 8 bytes with a number at which readers break.
  static func number(_ file: inout [UInt8], _ dice: inout Dice) {
    let width = 1 << dice.below(4)
    guard file.count >= width else { return }
    let place = dice.below(file.count - width + 1)
    let value = dice.interesting(width)
    if dice.once(in: 2) {
      file.putLittle(value, at: place, width)
    } else {
      file.putBig(value, at: place, width)
    }
  }

  /// Writes a piece of the file again elsewhere.
  static func duplicate(_ file: inout [UInt8], _ dice: inout Dice) {
    let count = 1 + dice.below(min(64, file.count))
    let from = dice.below(file.count - count + 1)
    file.insert(contentsOf: Array(file[from..<from + count]), at: dice.below(file.count + 1))
  }

  /// Puts a piece of another file in the place of one of this file.
  static func splice(_ file: inout [UInt8], _ other: [UInt8], _ dice: inout Dice) {
    guard !other.isEmpty else { return }
    let count = 1 + dice.below(min(96, other.count))
    let from = dice.below(other.count - count + 1)
    let place = dice.below(file.count)
    let end = min(file.count, place + (dice.once(in: 2) ? count : dice.below(96)))
    file.replaceSubrange(place..<end, with: other[from..<from + count])
  }

  /// Exchanges two pieces of one length.
  static func swap(_ file: inout [UInt8], _ dice: inout Dice) {
    let count = 1 + dice.below(min(16, file.count / 2))
    let a = dice.below(file.count - 2 * count + 1)
    let b = a + count + dice.below(file.count - a - 2 * count + 1)
    for index in 0..<count { file.swapAt(a + index, b + index) }
  }
}
