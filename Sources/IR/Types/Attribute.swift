/// An attribute of an operation in the textual form.
package struct Attribute: Hashable, Sendable {
  package enum Payload: Hashable, Sendable {
    case integer(Int)
    case integers([Int])
    case float(Float)
    case double(Double)
    case flag(Bool)
    case word(String)
  }

  package let name: String
  package let payload: Payload

  package init(_ name: String, _ payload: Payload) {
    self.name = name
    self.payload = payload
  }

  /// The integers of the payload; none for other payloads.
  var integers: [Int] {
    switch payload {
    case .integer(let value): [value]
    case .integers(let list): list
    case .float, .double, .flag, .word: []
    }
  }

  /// A padding's sides, and its rule where they are not fixed.
  package static func padding(_ padding: Padding) -> [Attribute] {
    let sides = Attribute("padding", .integers(padding.sides))
    return padding.rule == .fixed
      ? [sides] : [sides, Attribute("padding_rule", .word(padding.rule.rawValue))]
  }
}

/// Why an attribute could not be read.
package enum AttributeFault: Error, Hashable, Sendable {
  case missing(name: String)
  /// The value's text is not `expected`.
  case malformed(name: String, expected: String, found: String)
  case unknown(name: String)
  case operands(expected: String)
}

/// Reads the attributes of a node's text, each of which must be read once.
package struct AttributeReader {
  private var texts: [String: String]

  package init(_ texts: [String: String]) { self.texts = texts }

  /// - Throws: `unknown` for an attribute that was not read.
  package func finish() throws(AttributeFault) {
    if let name = texts.keys.min() { throw .unknown(name: name) }
  }

  package mutating func integer(_ name: String) throws(AttributeFault) -> Int {
    let text = try take(name)
    guard let value = Int(text) else {
      throw .malformed(name: name, expected: "an integer", found: text)
    }
    return value
  }

  package mutating func float(_ name: String) throws(AttributeFault) -> Float {
    let text = try take(name)
    guard let value = Float(text), value.isFinite else {
      throw .malformed(name: name, expected: "a finite number", found: text)
    }
    return value
  }

  package mutating func double(_ name: String) throws(AttributeFault) -> Double {
    let text = try take(name)
    guard let value = Double(text), value.isFinite else {
      throw .malformed(name: name, expected: "a finite number", found: text)
    }
    return value
  }

  package mutating func flag(_ name: String) throws(AttributeFault) -> Bool {
    let text = try take(name)
    guard let value = Bool(text) else {
      throw .malformed(name: name, expected: "true or false", found: text)
    }
    return value
  }

  package mutating func word<T: RawRepresentable & CaseIterable>(
    _ name: String, _ type: T.Type = T.self
  ) throws(AttributeFault) -> T where T.RawValue == String {
    let text = try take(name)
    guard let value = T(rawValue: text) else {
      let known = T.allCases.map(\.rawValue).joined(separator: " or ")
      throw .malformed(name: name, expected: known, found: text)
    }
    return value
  }

  package mutating func extent(_ name: String) throws(AttributeFault) -> Extent {
    let list = try integers(name, count: 2)
    return Extent(list[0], list[1])
  }

  /// As `extent`, or `value` where there is no such attribute.
  package mutating func extent(_ name: String, default value: Extent) throws(AttributeFault) -> Extent {
    texts[name] == nil ? value : try extent(name)
  }

  /// Four sides and their rule, `fixed` where none is given.
  package mutating func padding() throws(AttributeFault) -> Padding {
    let list = try integers("padding", count: 4)
    let rule = texts["padding_rule"] == nil ? .fixed : try word("padding_rule", Padding.Rule.self)
    return Padding(top: list[0], left: list[1], bottom: list[2], right: list[3], rule: rule)
  }

  private mutating func integers(_ name: String, count: Int) throws(AttributeFault) -> [Int] {
    let text = try take(name)
    var list: [Int] = []
    if text.hasPrefix("["), text.hasSuffix("]") {
      for part in text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false) {
        guard let value = Int(part.filter { $0 != " " }) else { break }
        list.append(value)
      }
    }
    guard list.count == count else {
      throw .malformed(name: name, expected: "\(count) integers in brackets", found: text)
    }
    return list
  }

  private mutating func take(_ name: String) throws(AttributeFault) -> String {
    guard let text = texts.removeValue(forKey: name) else { throw .missing(name: name) }
    return text
  }
}

extension Attribute: CustomStringConvertible {
  package var description: String {
    switch payload {
    case .integer(let value): "\(name) = \(value)"
    case .integers(let list): "\(name) = [\(list.map(String.init).joined(separator: ", "))]"
    case .float(let value): "\(name) = \(value)"
    case .double(let value): "\(name) = \(value)"
    case .flag(let value): "\(name) = \(value)"
    case .word(let value): "\(name) = \(value)"
    }
  }
}
