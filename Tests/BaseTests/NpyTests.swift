import FixresBase
import TestSupport
import Testing

private func load(_ name: String) throws -> Bytes {
  try MappedFile.open(TestData.fixture("base/\(name).npy"))
}

@Suite struct NpyTests {
  private static let ramp = (0..<24).map { Float($0) * 0.5 - 3 }

  @Test(
    "row 18: reads floats",
    arguments: [
      "f2-little", "f4-little", "f8-little", "f2-big", "f4-big", "f8-big", "f4-fortran", "version2",
    ])
  func readsFloats(_ name: String) throws {
    let array = try Npy.read(try load(name))
    #expect(array.shape == [2, 3, 4])
    #expect(array.floats() == Self.ramp)
    #expect(array.isFortranOrder == (name == "f4-fortran"))
    #expect(array.isBigEndian == name.hasSuffix("-big"))
  }

  @Test(arguments: ["i1", "i2-big", "i4-little", "i8-big"])
  func readsIntegers(_ name: String) throws {
    #expect(try Npy.read(try load(name)).floats() == Self.ramp.map { $0.rounded(.towardZero) })
  }

  @Test(arguments: ["u1", "u1-fortran"])
  func readsBytes(_ name: String) throws {
    #expect(try Npy.read(try load(name)).uint8s() == Array(0..<24))
  }

  @Test func readsScalarsAndEmptyArrays() throws {
    let scalar = try Npy.read(try load("scalar"))
    #expect(scalar.shape == [] && scalar.floats() == [1.5])
    let empty = try Npy.read(try load("empty"))
    #expect(empty.shape == [0, 3] && empty.floats() == [])
  }

  @Test("row 18: refuses other types") func refusesOtherTypes() throws {
    #expect(throws: NpyError.unsupportedType("<c8")) { try Npy.read(try load("complex")) }
    #expect(throws: NpyError.unsupportedType("|O")) { try Npy.read(try load("objects")) }
    #expect(throws: NpyError.unsupportedType("a structure")) { try Npy.read(try load("structure")) }
  }

  @Test(
    "row 3 and 18: every prefix and one byte more are refused", arguments: ["f4-little", "u1", "f4-fortran"])
  func everyPrefixAndOneByteMoreAreRefused(_ name: String) throws {
    let bytes = try load(name).array
    for length in 0..<bytes.count {
      #expect(throws: NpyError.self, "length \(length)") { try Npy.read(Bytes(Array(bytes.prefix(length)))) }
    }
    #expect(throws: NpyError.trailingBytes(expected: bytes.count - 128, found: bytes.count - 127)) {
      try Npy.read(Bytes(bytes + [0]))
    }
  }

  @Test(
    "row 4 and 18: every single bit flip is read or refused",
    arguments: ["f4-little", "f8-big", "f4-fortran"])
  func everySingleBitFlipIsReadOrRefused(_ name: String) throws {
    let bytes = try load(name).array
    var refused = 0
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      do throws(NpyError) {
        let array = try Npy.read(Bytes(flipped))
        #expect(array.floats().count == array.count)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 300)
  }

  private func file(_ header: String) -> Bytes {
    let text = Array(header.utf8)
    return Bytes(
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count & 255), UInt8(text.count >> 8)] + text)
  }

  @Test("row 6 and 18: shapes that overflow are refused") func shapesThatOverflowAreRefused() {
    let shapes = [
      "(4611686018427387904, 4)", "(3037000500, 3037000500)", "(0, 4611686018427387904, 4)",
      "(4611686018427387904, 4, 0)", "(99999999999999999999,)", "(-1,)", "(1.0,)", "(3)",
      "(" + String(repeating: "2,", count: 10_000) + ")",
    ]
    for shape in shapes {
      let bytes = file("{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }\n")
      #expect(throws: NpyError.self, "\(shape.prefix(40))") { try Npy.read(bytes) }
    }
  }

  @Test(arguments: [
    "", "{", "{}", "{'descr': '<f4'}", "[]", "{'descr': '<f4', 'fortran_order': 0, 'shape': (0,)}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (0,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0,), 'x': 1}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0,)} x",
    "{'descr': \"<f4', 'fortran_order': False, 'shape': (0,)}",
    "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (0,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': ((((((0,),),),),),)}",
  ])
  func malformedHeadersAreRefused(_ header: String) {
    #expect(throws: NpyError.self) { try Npy.read(file(header)) }
  }

  @Test func headersInOtherOrdersAndQuotesAreRead() throws {
    let array = try Npy.read(file("{\"shape\": (0L, 2), 'fortran_order': True, 'descr': '=f4'}"))
    #expect(array.shape == [0, 2] && array.isFortranOrder)
  }

  @Test func writesWhatNumpyWrites() throws {
    let folder = try TemporaryFolder()
    try Npy.write(Self.ramp, shape: [2, 3, 4], to: folder.path + "/f.npy")
    #expect(try MappedFile.open(folder.path + "/f.npy").array == (try load("f4-little").array))
    try Npy.write(Array(0..<24), shape: [2, 3, 4], to: folder.path + "/u.npy")
    #expect(try MappedFile.open(folder.path + "/u.npy").array == (try load("u1").array))
    try Npy.write([1.5], shape: [], to: folder.path + "/s.npy")
    #expect(try MappedFile.open(folder.path + "/s.npy").array == (try load("scalar").array))
  }

  @Test func headersAreMultiplesOf64() {
    for rank in [0, 1, 2, 5, 40, 30_000] {
      let header = Npy.header(shape: [Int](repeating: 1, count: rank), element: .float32)
      #expect(header.count % 64 == 0 && header.last == 0x0A)
      let rest: [UInt8] = [0, 0, 0x80, 0x3F]
      #expect((try? Npy.read(Bytes(header + rest)))?.shape.count == rank)
    }
  }
}
