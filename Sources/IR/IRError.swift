import FixresBase

/// What the IR refuses, with the figures.
public enum IRError: Error, Hashable, Sendable {
  /// An operation does not fit its operands; `node` is its printed form.
  case illTyped(node: String, fault: TypeFault)
  case duplicateName(String)
  case unknownValue(String)
  /// The textual form is wrong at `line` (from 1).
  case syntax(line: Int, expected: String, found: String)
  /// Everything that the verifier found.
  case unverified([Verifier.Fault])
  /// A constant that the graph declares has no data.
  case missingConstant(String)
  /// The data of a constant is not of its declared shape.
  case constantShape(name: String, expected: [Int], found: [Int])
  /// A requested side of the input is outside `1...maximum`.
  case resolution(requested: Extent, maximum: Int)
  /// A model file is broken in `section`.
  case modelFile(section: String, ModelFileFault)
  case file(FileError)
}

/// What can be wrong with a model file.
public enum ModelFileFault: Error, Hashable, Sendable {
  case notAModelFile
  case truncated(expectedByteCount: Int, foundByteCount: Int)
  case newerVersion(found: Int, supported: Int)
  case checksum(expected: UInt32, found: UInt32)
  case outOfRange(offset: UInt64, byteCount: UInt64, fileByteCount: Int)
  case overlap(with: String)
  case duplicate
  case missing
  case misaligned(offset: UInt64)
  /// A section that this version does not know and that is marked as one it must.
  case unknownRequired
  case byteCount(expected: Int, found: Int)
  case notUTF8
  case json(JSONError)
  case metadata(key: String, expected: String)
}
