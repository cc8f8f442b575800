/// A JSON value (RFC 8259); integers are kept exact, members keep their order.
public enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSON])
  case object(Object)

  /// Members in order, with names that are unique byte by byte.
  public struct Object: Hashable, Sendable {
    public private(set) var members: [Member] = []
    private var places: [UTF8Key: Int] = [:]

    public struct Member: Hashable, Sendable {
      public let key: String
      public var value: JSON
    }

    /// An object without members.
    public init() {}

    /// How many members there are.
    public var count: Int { members.count }

    /// The member named `key`; setting nil removes it.
    public subscript(key: String) -> JSON? {
      get { places[UTF8Key(key)].map { members[$0].value } }
      set {
        let name = UTF8Key(key)
        switch (places[name], newValue) {
        case (let place?, let value?): members[place].value = value
        case (nil, let value?):
          places[name] = members.count
          members.append(Member(key: key, value: value))
        case (let place?, nil):
          members.remove(at: place)
          places = [:]
          for (index, member) in members.enumerated() { places[UTF8Key(member.key)] = index }
        case (nil, nil): break
        }
      }
    }
  }
}

/// A name compared byte by byte: Swift's own `==` takes composed and decomposed letters as one.
package struct UTF8Key: Hashable, Sendable {
  package let string: String

  package init(_ string: String) { self.string = string }

  package static func == (a: UTF8Key, b: UTF8Key) -> Bool { a.string.utf8.elementsEqual(b.string.utf8) }

  package func hash(into hasher: inout Hasher) {
    let hashed: Void? = string.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if hashed == nil { for byte in string.utf8 { hasher.combine(byte) } }
  }
}

// MARK: - Access

extension JSON {
  /// The member `key` of an object, else nil.
  public subscript(key: String) -> JSON? {
    if case .object(let object) = self { object[key] } else { nil }
  }

  /// Element `index` of an array, else nil.
  public subscript(index: Int) -> JSON? {
    if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
  }

  /// The text of a string, else nil; the next four likewise for their kinds.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  public var integerValue: Int? { if case .integer(let value) = self { Int(exactly: value) } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
  public var objectValue: Object? { if case .object(let value) = self { value } else { nil } }

  /// An integer or a number, as a double.
  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(nilLiteral: ()) { self = .null }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }

  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = Object()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }

  /// A value of the kind that its type says; numbers that are not finite are written as `null`.
  public init(_ value: Int) { self = .integer(Int64(value)) }
  public init(_ value: Double) { self = .number(value) }
  public init(_ value: Float) { self = .number(Double(value)) }
  public init(_ value: String) { self = .string(value) }
  public init(_ value: Bool) { self = .bool(value) }
  public init(_ values: [Int]) { self = .array(values.map { JSON($0) }) }
  public init(_ values: [String]) { self = .array(values.map { JSON($0) }) }
  public init(_ values: [Double]) { self = .array(values.map { JSON($0) }) }
}

// MARK: - Parsing

extension JSON {
  /// The one value that `bytes` hold; duplicate keys and nesting beyond `depthLimit` are errors.
  public static func parse(_ bytes: Bytes, depthLimit: Int = 128) throws(JSONError) -> JSON {
    var parser = JSONTokenizer(bytes, depthLimit: min(depthLimit, 512))
    guard let token = try parser.next() else { throw parser.fail(.truncated) }
    let value = try build(token, &parser)
    _ = try parser.next()
    return value
  }

  /// The value that begins with `token`; recursion is bounded by the tokenizer's depth limit.
  private static func build(_ token: JSONToken, _ parser: inout JSONTokenizer) throws(JSONError) -> JSON {
    switch token {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .number(let value): return .number(value)
    case .string(let text): return .string(parser.string(text))
    case .beginArray:
      var elements: [JSON] = []
      while let next = try parser.next(), next != .endArray { elements.append(try build(next, &parser)) }
      return .array(elements)
    case .beginObject:
      var object = Object()
      while let next = try parser.next(), case .key(let text) = next {
        let key = parser.string(text)
        guard object[key] == nil else { throw parser.fail(.duplicateKey(key), at: text.start) }
        guard let first = try parser.next() else { throw parser.fail(.truncated) }
        object[key] = try build(first, &parser)
      }
      return .object(object)
    case .endObject, .endArray, .key: preconditionFailure("the tokenizer yields a value where one is due")
    }
  }
}
