/// A JSON value (RFC 8259); integers are kept exact, members keep their order.
public enum JSON: Hashable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number without fraction and exponent that fits 64 bits.
  case integer(Int64)
  /// Any other number.
  case number(Double)
  /// Text.
  case string(String)
  /// Values in order.
  case array([JSON])
  /// Named values.
  case object(Object)

  /// Members in order, with names that are unique byte by byte.
  public struct Object: Hashable, Sendable {
    /// The members, in the order in which they were added.
    public private(set) var members: [Member] = []
    /// Index of each key in `members`; empty while there are so few that looking through them is as quick.
    private var indices: [UTF8Key: Int] = [:]
    private static let fewMembers = 8

    /// A name and its value.
    public struct Member: Hashable, Sendable {
      /// The name.
      public let key: String
      /// The value.
      public var value: JSON
    }

    /// An object without members.
    public init() {}

    /// Number of members.
    public var count: Int { members.count }

    /// The member named `key`; setting nil removes it.
    public subscript(key: String) -> JSON? {
      get { index(of: key).map { members[$0].value } }
      set {
        switch (index(of: key), newValue) {
        case (let index?, let value?): members[index].value = value
        case (nil, let value?):
          members.append(Member(key: key, value: value))
          if !indices.isEmpty {
            indices[UTF8Key(key)] = members.count - 1
          } else if members.count > Self.fewMembers {
            number()
          }
        case (let index?, nil):
          members.remove(at: index)
          number()
        case (nil, nil): break
        }
      }
    }

    private func index(of key: String) -> Int? {
      guard indices.isEmpty else { return indices[UTF8Key(key)] }
      return members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
    }

    private mutating func number() {
      indices = [:]
      guard members.count > Self.fewMembers else { return }
      for (index, member) in members.enumerated() { indices[UTF8Key(member.key)] = index }
    }

    /// Equal where the members are, in their order.
    public static func == (a: Object, b: Object) -> Bool { a.members == b.members }

    /// Hashes the members.
    public func hash(into hasher: inout Hasher) { hasher.combine(members) }
  }
}

/// A name compared byte by byte: `String.==` compares by canonical equivalence, so that two names of a file could
/// collide.
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

  /// The text of a string, else nil.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  /// The value of an integer, else nil.
  public var integerValue: Int? { if case .integer(let value) = self { Int(exactly: value) } else { nil } }
  /// The value of a Boolean, else nil.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The elements of an array, else nil.
  public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
  /// The members of an object, else nil.
  public var objectValue: Object? { if case .object(let value) = self { value } else { nil } }

  /// The value of an integer or a number as a double, else nil.
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
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An integer.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// A number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// Text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An array.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }

  /// An object; of equal keys the last one holds.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = Object()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }

  /// An integer.
  public init(_ value: Int) { self = .integer(Int64(value)) }
  /// A number; one that is not finite is serialized as `null`.
  public init(_ value: Double) { self = .number(value) }
  /// A number; one that is not finite is serialized as `null`.
  public init(_ value: Float) { self = .number(Double(value)) }
  /// Text.
  public init(_ value: String) { self = .string(value) }
  /// `true` or `false`.
  public init(_ value: Bool) { self = .bool(value) }
  /// An array of integers.
  public init(_ values: [Int]) { self = .array(values.map { JSON($0) }) }
  /// An array of texts.
  public init(_ values: [String]) { self = .array(values.map { JSON($0) }) }
  /// An array of numbers.
  public init(_ values: [Double]) { self = .array(values.map { JSON($0) }) }
}

// MARK: - Parsing

extension JSON {
  /// The single value that `bytes` hold.
  ///
  /// - Throws: `JSONError`, also for duplicate keys and for nesting deeper than `depthLimit` (at most 512).
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
