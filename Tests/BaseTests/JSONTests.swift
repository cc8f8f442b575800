import FixresBase
import Testing

private func parse(_ text: String) -> Result<JSON, JSONError> { parse(Array(text.utf8)) }

private func parse(_ bytes: [UInt8]) -> Result<JSON, JSONError> {
  Result { () throws(JSONError) in try JSON.parse(Bytes(bytes)) }
}

private func reason(_ text: String) -> JSONError.Reason? {
  if case .failure(let error) = parse(text) { error.reason } else { nil }
}

@Suite struct JSONTests {
  private static let sample =
    #"{"a": [1, -2.5e-3, true, false, null, "x\n\u00e9\ud83d\ude00/"], "b": {"c": {}, "d": []}, "é": ""} "#

  @Test func readsEveryKindOfValue() throws {
    let value = try parse(Self.sample).get()
    #expect(value["a"]?[0] == .integer(1))
    #expect(value["a"]?[1] == .number(-0.0025))
    #expect(value["a"]?[2] == .bool(true))
    #expect(value["a"]?[4] == .null)
    #expect(value["a"]?[5]?.stringValue == "x\né😀/")
    #expect(value["b"]?["c"]?.objectValue?.count == 0)
    #expect(value["b"]?["d"]?.arrayValue == [])
    #expect(value["é"] == "")
    #expect(value.objectValue?.members.map(\.key) == ["a", "b", "é"])
  }

  @Test func writesWhatItReads() throws {
    let value = try parse(Self.sample).get()
    for pretty in [false, true] {
      #expect(try parse(value.serialized(pretty: pretty)).get() == value)
    }
    #expect(
      value.serialized()
        == #"{"a":[1,-0.0025,true,false,null,"x\né😀/"],"b":{"c":{},"d":[]},"é":""}"#)
    #expect(
      JSON.array([.number(.nan), .number(.infinity), .number(1e300)]).serialized() == "[null,null,1e+300]")
    #expect(JSON.string("\u{0}\u{1F}\u{7F}\"\\").serialized() == #""\u0000\u001f\u007f\"\\""#)
    #expect(
      (["b": 1, "a": [2]] as JSON).serialized(pretty: true) == "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}")
  }

  @Test func integersAreExact() throws {
    #expect(try parse("9223372036854775807").get() == .integer(.max))
    #expect(try parse("-9223372036854775808").get() == .integer(.min))
    #expect(try parse("9007199254740993").get() == .integer(9_007_199_254_740_993))
    #expect(try parse("9223372036854775808").get() == .number(0x1p63))
    #expect(try parse("1.0").get() == .number(1))
    #expect(try parse("1e-400").get() == .number(0))
  }

  @Test("row 5: numbers out of range are errors") func numbersOutOfRangeAreErrors() {
    #expect(reason("1e400") == .numberOutOfRange)
    #expect(reason("[-1e400]") == .numberOutOfRange)
    #expect(reason("1" + String(repeating: "0", count: 400)) == .numberOutOfRange)
    #expect(reason(String(repeating: "1", count: 200_000)) == .numberOutOfRange)
  }

  @Test(arguments: [
    "", " ", "tru", "nul", "+1", "01", "1.", ".5", "1e", "-", "[1,]", "[,1]", "{,}", "{\"a\"}", "{\"a\":}",
    "{\"a\":1,}", "{a:1}", "[1 2]", "[1}", "{\"a\":1]", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\t\"", "1 2",
    "[]]",
    "\u{FEFF}1", "'a'", "NaN", "Infinity", "0x1", "\"\\u\"", "{\"a\":1 \"b\":2}", "//\n1", "]", "}",
  ])
  func refuses(_ text: String) {
    #expect(throws: JSONError.self) { try parse(text).get() }
  }

  @Test("row 5: surrogates come in pairs") func surrogatesComeInPairs() throws {
    for text in [#""\ud800""#, #""\udc00""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\ud800""#] {
      #expect(reason(text) == .loneSurrogate, "\(text)")
    }
    #expect(try parse(#""\ud83d\ude00""#).get() == "😀")
    #expect(try parse(#""\u0000""#).get() == "\u{0}")
  }

  @Test func invalidUTF8IsRefused() {
    let bad: [[UInt8]] = [
      [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC3], [0xE2, 0x82], [0xE2, 0x82, 0x22],
    ]
    for bytes in bad {
      #expect(parse([0x22] + bytes + [0x22]) == .failure(JSONError(offset: 1, reason: .invalidUTF8)))
    }
  }

  @Test("row 5: duplicate keys are refused by their bytes") func duplicateKeysAreRefusedByTheirBytes() throws
  {
    #expect(reason(#"{"a": 1, "a": 2}"#) == .duplicateKey("a"))
    #expect(reason(#"{"a": 1, "\u0061": 2}"#) == .duplicateKey("a"))
    // Composed and decomposed: one letter to Swift, two names to JSON.
    #expect(try parse("{\"\u{E9}\": 1, \"e\u{301}\": 2}").get().objectValue?.count == 2)
  }

  @Test func errorsNameTheirPlace() {
    #expect(
      parse("{\"a\": x}")
        == .failure(JSONError(offset: 6, reason: .unexpected(byte: 0x78, expected: "a value"))))
    #expect(parse("[1] x") == .failure(JSONError(offset: 4, reason: .trailingBytes)))
  }

  @Test("row 5: deep nesting is an error not a crash") func deepNestingIsAnErrorNotACrash() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
      let text = String(repeating: open, count: 100_000) + "1" + String(repeating: close, count: 100_000)
      #expect(reason(text) == .tooDeep(limit: 128))
      #expect(throws: JSONError.self) { try JSON.parse(Bytes(Array(text.utf8)), depthLimit: .max) }
    }
    let fits = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(reason(fits) == nil)
  }

  @Test("row 3: every prefix is refused") func everyPrefixIsRefused() {
    let bytes = Array(Self.sample.utf8).dropLast()
    for length in 0..<bytes.count {
      #expect(throws: JSONError.self, "length \(length)") { try parse(Array(bytes.prefix(length))).get() }
    }
  }

  @Test("row 4: every single bit flip is read or refused") func everySingleBitFlipIsReadOrRefused() throws {
    let bytes = Array(Self.sample.utf8)
    var refused = 0
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      switch parse(flipped) {
      case .success(let value): #expect(try parse(value.serialized()).get() == value, "bit \(bit)")
      case .failure(let error):
        refused += 1
        #expect(error.offset >= 0 && error.offset <= bytes.count)
      }
    }
    #expect(refused > bytes.count)
  }

  @Test func mutatedTextNeverTraps() {
    let seed: UInt64 = 20_240_601
    var random = SeededRandom(seed: seed)
    let alphabet = Array(#"{}[]",:\u0019e+-.trflnasx"#.utf8) + [0, 0x80, 0xC3, 0xED, 0xF0, 0xFF]
    for round in 0..<20_000 {
      var bytes = Array(Self.sample.utf8)
      for _ in 0..<random.nextInt(in: 1..<6) {
        let place = random.nextInt(in: 0..<bytes.count)
        switch random.nextInt(in: 0..<3) {
        case 0: bytes[place] = alphabet[random.nextInt(in: 0..<alphabet.count)]
        case 1: bytes.insert(alphabet[random.nextInt(in: 0..<alphabet.count)], at: place)
        default: bytes.remove(at: place)
        }
      }
      if case .success(let value) = parse(bytes) {
        #expect((try? parse(value.serialized()).get()) == value, "seed \(seed), round \(round)")
      }
    }
  }

  @Test func objectsKeepOrderThroughChanges() {
    var object = JSON.Object()
    for key in ["x", "y", "z"] { object[key] = .string(key) }
    object["x"] = nil
    object["y"] = 1
    object["w"] = 2
    #expect(object.members.map(\.key) == ["y", "z", "w"])
    #expect(object["z"] == "z" && object["x"] == nil && object["w"] == 2)
  }
}

@Suite struct JSONTokenizerTests {
  @Test func pullsTokensAndSkipsValues() throws {
    let text = #"{"skip": {"deep": [1, {"x": 2}]}, "n\u0061me": "v", "list": [1, 2]}"#
    var parser = JSONTokenizer(Bytes(Array(text.utf8)))
    #expect(try parser.next() == .beginObject)
    guard case .key(let first) = try parser.next() else { throw Missing() }
    #expect(parser.text(first, is: "skip"))
    let value = try #require(try parser.next())
    try parser.skip(value)
    guard case .key(let second) = try parser.next() else { throw Missing() }
    #expect(second.hasEscapes && parser.text(second, is: "name") && parser.string(second) == "name")
    guard case .string(let v) = try parser.next() else { throw Missing() }
    #expect(parser.text(v, is: "v") && !parser.text(v, is: "w"))
    guard case .key = try parser.next() else { throw Missing() }
    #expect(try parser.next() == .beginArray)
    #expect(try parser.next() == .integer(1))
    #expect(parser.depth == 2)
    #expect(try parser.next() == .integer(2))
    #expect(try parser.next() == .endArray)
    #expect(try parser.next() == .endObject)
    #expect(try parser.next() == nil)
    #expect(try parser.next() == nil)
  }

  @Test("row 5: a million members pass without being kept") func aMillionMembersPassWithoutBeingKept() throws
  {
    var text = Array("{".utf8)
    for index in 0..<1_000_000 {
      text += Array(index == 0 ? #""k":[0,1]"#.utf8 : #","k":[0,1]"#.utf8)
    }
    text += Array("}".utf8)
    var parser = JSONTokenizer(Bytes(text))
    var count = 0
    while let token = try parser.next() { if case .key = token { count += 1 } }
    #expect(count == 1_000_000)
  }

  private struct Missing: Error {}
}
