/// Pickles: programs of opcodes of which one is removed, repeated, exchanged or given another argument.
enum PickleCases {
  private static let plain =
    Array("(.012NQRabde}l]ost)tu".utf8) + [
      0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8F, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98,
    ]

  /// How many bytes follow each opcode that has an argument of fixed length.
  private static let fixed: [UInt8: Int] = [
    0x47: 8, 0x4A: 4, 0x4B: 1, 0x4D: 2, 0x68: 1, 0x71: 1, 0x6A: 4, 0x72: 4, 0x80: 1, 0x82: 1, 0x83: 2,
    0x84: 4, 0x95: 8,
  ]
  /// Widths of the length before the argument.
  private static let counted: [UInt8: Int] = [
    0x42: 4, 0x43: 1, 0x54: 4, 0x55: 1, 0x58: 4, 0x8A: 1, 0x8B: 4, 0x8C: 1, 0x8D: 8, 0x8E: 8, 0x96: 8,
  ]
  /// Numbers of lines of the argument.
  private static let lines: [UInt8: Int] = [
    0x46: 1, 0x49: 1, 0x4C: 1, 0x53: 1, 0x56: 1, 0x50: 1, 0x67: 1, 0x70: 1, 0x63: 2, 0x69: 2,
  ]

  /// The places of the opcodes from `start` to a STOP or the end.
  private static func opcodes(_ file: [UInt8], from start: Int = 0) -> [Range<Int>] {
    var (places, place) = ([Range<Int>](), start)
    while place < file.count {
      let code = file[place]
      var end = place + 1 + (fixed[code] ?? 0)
      if let width = counted[code] {
        guard let length = file.little(place + 1, width), length <= file.count else { break }
        end = place + 1 + width + length
      }
      for _ in 0..<(lines[code] ?? 0) {
        end = (file[min(end, file.count)...].firstIndex(of: 0x0A) ?? file.count) + 1
      }
      guard end <= file.count else { break }
      places.append(place..<end)
      place = end
      if code == 0x2E { break }
    }
    return places
  }

  static func mutate(_ file: inout [UInt8], _ dice: inout Dice) { change(&file, opcodes(file), &dice) }

  /// A file of before PyTorch 1.6: one of its five pickles, or the counts of its storages.
  static func mutateLegacy(_ file: inout [UInt8], _ dice: inout Dice) {
    var (all, place) = ([Range<Int>](), 0)
    for _ in 0..<5 {
      let next = opcodes(file, from: place)
      guard let end = next.last?.upperBound else { break }
      all += next
      place = end
    }
    if dice.once(in: 5), place + 8 <= file.count {
      file.putLittle(dice.once(in: 2) ? dice.interesting(8) : UInt64(dice.below(9)), at: place, 8)
    } else {
      change(&file, all, &dice)
    }
  }

  private static func change(_ file: inout [UInt8], _ places: [Range<Int>], _ dice: inout Dice) {
    guard !places.isEmpty else { return GenericMutator.number(&file, &dice) }
    let place = dice.pick(places)
    switch dice.below(10) {
    case 0: file.removeSubrange(place)
    case 1: file.insert(contentsOf: Array(file[place]), at: dice.pick(places).lowerBound)
    case 2: file[place.lowerBound] = dice.pick(plain)
    case 3: file.insert(dice.pick(plain), at: place.lowerBound)
    case 4:
      let other = dice.pick(places)
      let (a, b) = (Array(file[place]), Array(file[other]))
      let (first, second) = place.lowerBound < other.lowerBound ? (place, other) : (other, place)
      guard first != second else { return }
      file.replaceSubrange(second, with: second == other ? a : b)
      file.replaceSubrange(first, with: second == other ? b : a)
    case 5: file.replaceSubrange(place, with: value(&dice, depth: 2))
    case 6: file.insert(contentsOf: value(&dice, depth: 2), at: place.lowerBound)
    case 7: nest(&file, at: place.lowerBound, &dice)
    default: argument(&file, place, &dice)
    }
  }

  /// Another argument for one opcode.
  private static func argument(_ file: inout [UInt8], _ place: Range<Int>, _ dice: inout Dice) {
    let code = file[place.lowerBound]
    if let width = counted[code] {
      if dice.once(in: 2) {
        file.putLittle(dice.interesting(width), at: place.lowerBound + 1, width)
      } else {
        let other = text(&dice)
        var op: [UInt8] = [code]
        op.appendLittle(UInt64(other.count), width)
        file.replaceSubrange(place, with: op + other)
      }
    } else if let width = fixed[code] {
      file.putLittle(
        dice.once(in: 2) ? dice.interesting(width) : UInt64(dice.below(12)), at: place.lowerBound + 1, width)
    } else if lines[code] != nil {
      let texts = [
        "torch\nFloatStorage\n", "torch._utils\n_rebuild_tensor_v2\n", "collections\nOrderedDict\n", "0\n",
        "-1\n",
        "99999999999999999999\n", "01\n", "os\nsystem\n", "1L\n", "\n\n", "'a\\x41'\n", "nan\n",
      ]
      file.replaceSubrange(place.lowerBound + 1..<place.upperBound, with: Array(dice.pick(texts).utf8))
    } else {
      file.replaceSubrange(place, with: number(&dice))
    }
  }

  private static func nest(_ file: inout [UInt8], at place: Int, _ dice: inout Dice) {
    let count = dice.once(in: 10) ? 4000 : 1 + dice.below(60)
    let open = dice.pick([[0x28], [0x5D], [0x7D], [0x28, 0x28], [0x29], [0x85]] as [[UInt8]])
    file.insert(contentsOf: Array(repeatElement(open, count: count).joined()), at: place)
    if dice.once(in: 2) {
      let close = dice.pick([[0x74], [0x65], [0x61], [0x85], [0x30]] as [[UInt8]])
      file.insert(
        contentsOf: Array(repeatElement(close, count: count).joined()), at: place + open.count * count)
    }
  }

  // MARK: Values

  private static func text(_ dice: inout Dice) -> [UInt8] {
    Array(
      dice.pick([
        "", "a", "w", "0", "storage", "cpu", "state_dict", "\u{E9}", "\0", "layer.0.weight", "module",
        "shape",
      ]).utf8)
  }

  private static func string(_ text: [UInt8], _ dice: inout Dice) -> [UInt8] {
    if dice.once(in: 2) { return [0x8C, UInt8(text.count)] + text }
    var op: [UInt8] = [0x58]
    op.appendLittle(UInt64(text.count), 4)
    return op + text
  }

  private static func number(_ dice: inout Dice) -> [UInt8] {
    var op: [UInt8]
    switch dice.below(7) {
    case 0: op = [0x4B, UInt8(dice.below(256))]
    case 1: op = [0x4D, UInt8(dice.below(256)), UInt8(dice.below(256))]
    case 2:
      op = [0x4A]
      op.appendLittle(dice.interesting(4), 4)
    case 3: op = Array("I\(dice.integer())\n".utf8)
    case 4: op = Array("L\(dice.integer())L\n".utf8)
    default:
      let width = dice.below(10)
      op =
        [0x8A, UInt8(width)]
        + (0..<width).map { _ in dice.pick([0, 0xFF, 0x7F, 0x80, UInt8(dice.below(256))]) }
    }
    return op
  }

  /// Opcodes that leave one value on the stack.
  private static func value(_ dice: inout Dice, depth: Int) -> [UInt8] {
    guard depth > 0 else { return dice.once(in: 2) ? number(&dice) : string(text(&dice), &dice) }
    switch dice.below(9) {
    case 0: return number(&dice)
    case 1: return string(text(&dice), &dice)
    case 2: return dice.pick([[0x4E], [0x88], [0x89], [0x5D], [0x7D], [0x29], [0x8F]])
    case 3: return [0x28] + (0..<dice.below(4)).flatMap { _ in value(&dice, depth: depth - 1) } + [0x74]
    case 4:
      return [0x5D, 0x28] + (0..<dice.below(4)).flatMap { _ in value(&dice, depth: depth - 1) } + [0x65]
    case 5: return dictionary(dice.below(4), &dice) { value(&$0, depth: depth - 1) }
    case 6:
      return Array("ccollections\nOrderedDict\n)R".utf8)
        + (dice.once(in: 2) ? value(&dice, depth: depth - 1) + [0x62] : [])
    case 7: return value(&dice, depth: depth - 1) + [0x71, UInt8(dice.below(4))]
    default: return tensor(&dice, storages: 5)
    }
  }

  private static func dictionary(
    _ count: Int, _ dice: inout Dice, _ element: (inout Dice) -> [UInt8]
  ) -> [UInt8] {
    var bytes: [UInt8] = [0x7D, 0x28]
    for index in 0..<count {
      bytes += string(dice.once(in: 8) ? text(&dice) : Array("t\(index)".utf8), &dice) + element(&dice)
    }
    return bytes + [0x75]
  }

  /// A tensor with any sizes, strides, offset and storage.
  private static func tensor(_ dice: inout Dice, storages: Int) -> [UInt8] {
    func integer(_ dice: inout Dice) -> [UInt8] {
      dice.once(in: 8) ? number(&dice) : [0x4B, UInt8(dice.below(4))]
    }
    func integers(_ count: Int, _ dice: inout Dice) -> [UInt8] {
      [0x28] + (0..<count).flatMap { _ in integer(&dice) } + [0x74]
    }
    let types = [
      "FloatStorage", "HalfStorage", "DoubleStorage", "LongStorage", "BoolStorage", "UntypedStorage",
      "QInt8Storage",
    ]
    let rank = dice.below(4)
    let function = dice.pick([
      "_rebuild_tensor_v2", "_rebuild_tensor", "_rebuild_parameter", "_rebuild_tensor_v3",
    ])
    var bytes = Array("ctorch._utils\n\(function)\n((".utf8) + string(Array("storage".utf8), &dice)
    bytes +=
      Array("ctorch\n\(dice.pick(types))\n".utf8) + string(Array("\(dice.below(storages))".utf8), &dice)
    bytes +=
      string(Array("cpu".utf8), &dice) + (dice.once(in: 3) ? integer(&dice) : [0x4B, 4]) + [0x74, 0x51]
    bytes +=
      integer(&dice) + integers(rank, &dice) + integers(dice.once(in: 12) ? dice.below(4) : rank, &dice)
    if function == "_rebuild_tensor_v2" { bytes += [0x89] + Array("ccollections\nOrderedDict\n)R".utf8) }
    return bytes + [0x74, 0x52]
  }

  /// A pickle of a dictionary, mostly of tensors of `storages` storages.
  static func generate(_ dice: inout Dice, storages: Int) -> [UInt8] {
    let count = 1 + dice.below(3)
    var body = dictionary(count, &dice) { dice in
      dice.once(in: 4) ? value(&dice, depth: 3) : tensor(&dice, storages: storages)
    }
    if dice.once(in: 5) { body = [0x7D, 0x28] + string(Array("state_dict".utf8), &dice) + body + [0x75] }
    return [0x80, UInt8(dice.number(2...5))] + body + [0x2E]
  }
}
