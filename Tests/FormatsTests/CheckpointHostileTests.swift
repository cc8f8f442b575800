import FixresBase
import FixresFormats
import TestSupport
import Testing

/// Rows 1 to 10 of the hostile inputs: every outcome is a checkpoint or one typed error, never a trap.
@Suite struct CheckpointHostileTests {
  static let small = [
    "hand_made.pt", "zip_protocol4.pt", "legacy_by_hand.pt", "legacy_protocol2.pt", "order.safetensors",
    "plain.safetensors",
  ]

  @Test("row 3: every prefix is refused", arguments: small)
  func everyPrefixIsRefused(name: String) throws {
    let file = Bytes(CheckpointFiles.fixture(name))
    #expect(CheckpointFiles.read(file))
    for count in 0..<file.count {
      let prefix = try file.slice(0, count)
      #expect(!CheckpointFiles.read(prefix), "\(count) of \(file.count) bytes")
    }
  }

  @Test("row 4: every bit flip is refused or read", arguments: small)
  func everyBitFlipIsRefusedOrRead(name: String) {
    var file = CheckpointFiles.fixture(name)
    var accepted = 0
    for bit in 0..<file.count * 8 {
      file[bit / 8] ^= 1 << (bit % 8)
      if CheckpointFiles.read(file) { accepted += 1 }
      file[bit / 8] ^= 1 << (bit % 8)
    }
    // Names, values and metadata may change; structure may not go unnoticed throughout.
    #expect(accepted < file.count * 8)
  }

  @Test("row 4 and 7: every bit of an archives data is checked") func everyBitOfAnArchivesDataIsChecked()
    throws
  {
    let file = CheckpointFiles.torchZip(
      CheckpointFiles.pickledDictionary([("w", Self.tensor)]), storages: [("0", CheckpointFiles.four)])
    #expect(CheckpointFiles.read(file))
    let start = try #require(Self.find(CheckpointFiles.four, in: file))
    for bit in start * 8..<(start + 16) * 8 {
      var flipped = file
      flipped[bit / 8] ^= 1 << (bit % 8)
      #expect(!CheckpointFiles.read(flipped), "bit \(bit)")
    }
  }

  @Test("row 5: safetensors headers of any size stay linear") func safetensorsHeadersOfAnySizeStayLinear() {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    #expect(!CheckpointFiles.read(CheckpointFiles.safetensors(Array("{\"w\":".utf8) + deep)))
    let spaces = [UInt8](repeating: 0x20, count: 10_000_000)
    #expect(!CheckpointFiles.read(CheckpointFiles.safetensors(spaces + Array("{}".utf8))))
    var many = Array("{".utf8)
    for index in 0..<200_000 {
      many += Array("\"\(index)\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,0]},".utf8)
    }
    #expect(!CheckpointFiles.read(CheckpointFiles.safetensors(many.dropLast() + Array("}".utf8))))
    var keys = Array("{\"__metadata__\":{".utf8)
    for index in 0..<200_000 { keys += Array("\"\(index)\":\"\",".utf8) }
    #expect(!CheckpointFiles.read(CheckpointFiles.safetensors(keys.dropLast() + Array("}}".utf8))))
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    let entry = Array("\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}".utf8)
    #expect(
      !CheckpointFiles.read(
        CheckpointFiles.safetensors(Array("{\"".utf8) + long + entry, data: [0, 0, 0, 0])))
  }

  @Test("row 7: archives of many members are read or refused") func archivesOfManyMembersAreReadOrRefused()
    throws
  {
    let value = CheckpointFiles.pickledDictionary([("w", Self.tensor)])
    let others = (1..<66_000).map { (String($0), [UInt8]()) }
    #expect(
      CheckpointFiles.read(CheckpointFiles.torchZip(value, storages: [("0", CheckpointFiles.four)] + others)))
    let tooMany = (1..<140_000).map { (String($0), [UInt8]()) }
    #expect(
      !CheckpointFiles.read(
        CheckpointFiles.torchZip(value, storages: [("0", CheckpointFiles.four)] + tooMany)))
  }

  @Test("row 8: pickles of many objects are read or refused") func picklesOfManyObjectsAreReadOrRefused() {
    func pickled(_ value: [UInt8]) -> Bool {
      CheckpointFiles.read(
        CheckpointFiles.torchZip(CheckpointFiles.pickledDictionary([("x", value), ("w", Self.tensor)])))
    }
    let million = 1_000_000
    #expect(pickled([UInt8(ascii: "N")] + [UInt8](repeating: 0x85, count: million)))
    #expect(!pickled([UInt8](repeating: UInt8(ascii: "("), count: million)))
    #expect(!pickled([UInt8](repeating: UInt8(ascii: "}"), count: 10 * million)))
    #expect(!pickled([UInt8](repeating: UInt8(ascii: "]"), count: 10 * million) + [0x94]))
    // A list of one long list, named a hundred thousand times: pairs must not be counted again and again.
    var ordered = Array("ccollections\nOrderedDict\n](]q".utf8) + [0]
    for _ in 0..<100_000 { ordered += Array("Na".utf8) }
    for _ in 0..<100_000 { ordered += [UInt8(ascii: "h"), 0] }
    ordered += [UInt8(ascii: "e"), 0x85, UInt8(ascii: "R")]
    #expect(!pickled(ordered))
    let entries = (0..<100_000).map { ("k\($0)", Array("N".utf8)) }
    #expect(!CheckpointFiles.read(CheckpointFiles.torchZip(CheckpointFiles.pickledDictionary(entries))))
  }

  @Test("row 8: calls that torch cannot make are refused, wherever they are")
  func callsThatTorchCannotMakeAreRefused() {
    func pickled(_ value: [UInt8]) -> Bool {
      CheckpointFiles.read(
        CheckpointFiles.torchZip(CheckpointFiles.pickledDictionary([("x", value), ("w", Self.tensor)])))
    }
    func call(_ arguments: String, _ function: String = "_rebuild_tensor_v2") -> [UInt8] {
      Array("ctorch._utils\n\(function)\n(\(arguments)tR".utf8)
    }
    let storage = "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQ"
    #expect(pickled(call(storage + "I0\n(I4\nt(I1\ntI00\nN")))
    #expect(!pickled(call(storage + "I0\n(I4\nt(I1\nt")), "arguments are missing")
    #expect(!pickled(call(storage + "I0\n(I4\nt(I1\ntI7\nN")), "requires_grad is no flag")
    #expect(!pickled(call(storage + "I0\n(I4\ntI1\nI00\nN")), "a stride that is no tuple")
    #expect(!pickled(call("NI0\n(I4\nt(I1\ntI00\nN")), "no storage")
    #expect(!pickled(call(storage + "I00\nN", "_rebuild_parameter")), "a parameter of a storage")
    #expect(!pickled(Array("}]I1\ns".utf8)), "a list as a key")
    #expect(!pickled(Array("}ccollections\nOrderedDict\n)RI1\ns".utf8)), "a dictionary as a key")
    #expect(!pickled(Array("ccollections\nOrderedDict\n((I1\ntltR".utf8)), "no pairs")
    #expect(!pickled(Array("I1\n(tR".utf8)), "a call of a number")
    #expect(
      !pickled(Array("S'storage'\nQ".utf8)) && !pickled(Array("Pstorage\n".utf8)), "an id that is no tuple")
    // A class that is not known stays data.
    #expect(pickled(Array("ca\nB\n)R".utf8)))
  }

  @Test("row 8: memo entries may have any number") func memoEntriesMayHaveAnyNumber() {
    // PUT under 2^32 - 1, GET of it, and GET of one never put.
    let put: [UInt8] = [UInt8(ascii: "N"), UInt8(ascii: "r"), 255, 255, 255, 255]
    let get: [UInt8] = [UInt8(ascii: "j"), 255, 255, 255, 255, 0x86]
    let unknown: [UInt8] = [UInt8(ascii: "j"), 254, 255, 255, 255, 0x86]
    func pickled(_ value: [UInt8]) -> Bool {
      CheckpointFiles.read(
        CheckpointFiles.torchZip(CheckpointFiles.pickledDictionary([("x", value), ("w", Self.tensor)])))
    }
    #expect(pickled(put + get))
    #expect(!pickled(put + unknown))
  }

  /// The opcodes of a tensor over storage 0 of four float32, `[4]`.
  static let tensor: [UInt8] = {
    let file = CheckpointFiles.fixture("hand_made.pt")
    guard let start = find(Array("ctorch._utils\n".utf8), in: file),
      let end = find(Array("u.".utf8), in: Array(file[start...]))
    else { return [] }
    return Array(file[start..<start + end])
  }()

  static func find(_ part: [UInt8], in file: [UInt8]) -> Int? {
    guard file.count >= part.count else { return nil }
    return (0...file.count - part.count).first { file[$0..<$0 + part.count].elementsEqual(part) }
  }
}
