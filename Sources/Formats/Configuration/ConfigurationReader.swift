import FixresBase
import FixresIR

/// Typed access to one JSON object of a configuration file; a field of another type is an error, null is
/// absent.
struct ConfigurationReader {
  let json: JSON
  let path: String

  /// The object under `key`; nil for any other value.
  func section(_ key: String) -> ConfigurationReader? {
    guard let value = json[key], value.objectValue != nil else { return nil }
    return ConfigurationReader(json: value, path: path)
  }

  /// The error for a field with the wrong value.
  func invalid(_ key: String, _ expected: String, _ found: String) -> ArchitectureError {
    .invalidConfiguration(path: path, key: key, expected: expected, found: found)
  }

  private func invalid(_ key: String, _ expected: String, _ found: JSON) -> ArchitectureError {
    invalid(key, expected, found.serialized(pretty: false))
  }

  /// The field; nil where it is missing or null.
  private func field(_ key: String) -> JSON? {
    guard let value = json[key], value != .null else { return nil }
    return value
  }

  func string(_ key: String) throws(ArchitectureError) -> String? {
    guard let value = field(key) else { return nil }
    guard let text = value.stringValue else { throw invalid(key, "a string", value) }
    return text
  }

  func flag(_ key: String) throws(ArchitectureError) -> Bool? {
    guard let value = field(key) else { return nil }
    guard let flag = value.boolValue else { throw invalid(key, "true or false", value) }
    return flag
  }

  func integer(_ key: String) throws(ArchitectureError) -> Int? {
    guard let value = field(key) else { return nil }
    guard let number = value.integerValue else { throw invalid(key, "an integer", value) }
    return number
  }

  func integers(_ key: String) throws(ArchitectureError) -> [Int]? {
    guard let value = field(key) else { return nil }
    guard let elements = value.arrayValue else { throw invalid(key, "integers", value) }
    let integers = elements.compactMap(\.integerValue)
    guard integers.count == elements.count else { throw invalid(key, "integers", value) }
    return integers
  }

  func strings(_ key: String) throws(ArchitectureError) -> [String]? {
    guard let value = field(key), let elements = value.arrayValue else { return nil }
    let strings = elements.compactMap(\.stringValue)
    guard strings.count == elements.count else { throw invalid(key, "strings", value) }
    return strings
  }

  /// A share in (0, 1].
  func share(_ key: String) throws(ArchitectureError) -> Double? {
    guard let value = field(key) else { return nil }
    guard let share = value.doubleValue, share > 0, share <= 1 else {
      throw invalid(key, "a number above 0 and at most 1", value)
    }
    return share
  }

  /// A finite number for each of 1, 3 or 4 channels, or one for all; positive unless `mayBeZero`.
  func channels(_ key: String, mayBeZero: Bool) throws(ArchitectureError) -> [Float]? {
    guard let value = field(key) else { return nil }
    let elements = value.arrayValue ?? [value]
    let numbers = elements.compactMap(\.doubleValue).map { Float($0) }
    guard numbers.count == elements.count, [1, 3, 4].contains(numbers.count),
      numbers.allSatisfy({ $0.isFinite && (mayBeZero || $0 > 0) })
    else { throw invalid(key, mayBeZero ? "1, 3 or 4 numbers" : "1, 3 or 4 positive numbers", value) }
    return numbers
  }

  /// The size in `[channels, H, W]`.
  func inputSize(_ key: String) throws(ArchitectureError) -> Extent? {
    guard let value = field(key) else { return nil }
    let sides = (value.arrayValue ?? []).compactMap(\.integerValue)
    guard sides.count == 3, [1, 3, 4].contains(sides[0]),
      sides.dropFirst().allSatisfy({ (1...32768).contains($0) })
    else { throw invalid(key, "[3, height, width] with sides of 1 to 32768", value) }
    return Extent(sides[1], sides[2])
  }

  /// The size in `224`, `{"shortest_edge": 224}`, `{"height": 224, "width": 224}` or `[224, 224]`, in pixels; a lone
  /// number is both sides where `isSquare`, else the shorter one.
  func size(
    _ key: String, isSquare: Bool
  ) throws(ArchitectureError) -> (extent: Extent, keepsAspect: Bool)? {
    guard let value = field(key) else { return nil }
    if let side = value.integerValue, (1...32768).contains(side) { return (Extent(square: side), !isSquare) }
    if let side = value["shortest_edge"]?.integerValue, (1...32768).contains(side),
      value["longest_edge"] ?? .null == .null
    {
      return (Extent(square: side), true)
    }
    if let height = (value["height"] ?? value[0])?.integerValue,
      let width = (value["width"] ?? value[1])?.integerValue,
      (1...32768).contains(height), (1...32768).contains(width)
    {
      return (Extent(height, width), false)
    }
    throw invalid(key, "a side of 1 to 32768, a shortest_edge, or a height and a width", value)
  }

  func interpolationName(_ key: String) throws(ArchitectureError) -> Preprocessing.Interpolation? {
    guard let name = try string(key) else { return nil }
    // timm draws a filter at random while training and tests with bilinear.
    if name == "random" { return .bilinear }
    guard let filter = Preprocessing.Interpolation(rawValue: name == "lanczos3" ? "lanczos" : name) else {
      throw invalid(key, "a filter of Pillow, such as bilinear or bicubic", name)
    }
    return filter
  }

  /// A finite number.
  func number(_ key: String) throws(ArchitectureError) -> Double? {
    guard let value = field(key) else { return nil }
    guard let number = value.doubleValue, number.isFinite else { throw invalid(key, "a number", value) }
    return number
  }

  /// The filter by its number in Pillow, or by its name.
  func resample(_ key: String) throws(ArchitectureError) -> Preprocessing.Interpolation? {
    guard let value = field(key) else { return nil }
    if let name = value.stringValue, let filter = Preprocessing.Interpolation(rawValue: name.lowercased()) {
      return filter
    }
    let filters: [Preprocessing.Interpolation] = [.nearest, .lanczos, .bilinear, .bicubic, .box, .hamming]
    guard let number = value.integerValue, filters.indices.contains(number) else {
      throw invalid(key, "a filter's number from 0 to 5", value)
    }
    return filters[number]
  }

  /// The labels in `{"0": "tench", ...}`, whose keys must be 0 to count - 1 in any order.
  func labels(_ key: String, _ names: JSON.Object) throws(ArchitectureError) -> [String] {
    var labels = [String?](repeating: nil, count: names.count)
    for member in names.members {
      guard let index = NameMap.index(member.key[...]), labels.indices.contains(index),
        let label = member.value.stringValue
      else { throw invalid(key, "a label for each class from 0 to \(names.count - 1)", member.key) }
      labels[index] = label
    }
    return labels.compactMap { $0 }
  }

  /// Throws `ArchitectureError.unsupported` where the field is present and none of `accepted`.
  func refuseUnless(_ key: String, in accepted: [String], feature: String) throws(ArchitectureError) {
    guard let value = field(key) else { return }
    let text = value.stringValue?.lowercased() ?? value.serialized(pretty: false)
    guard accepted.contains(text) else {
      throw .unsupported(feature: feature, evidence: "\(key) \(text) in \(path)")
    }
  }

  /// The parsed name; nil where it is not recognised, an error where it is that of an unsupported network.
  func architectureName(_ name: String) throws(ArchitectureError) -> ArchitectureName? {
    do {
      return try ArchitectureName(parsing: name)
    } catch {
      guard case .unknownArchitecture = error else { throw error }
      return nil
    }
  }
}
