import FixresBase

/// Why a graph, a model or a model file was refused.
public enum IRError: Error, Hashable, Sendable {
  /// An operation does not fit its operands; `node` is its printed form.
  case illTyped(node: String, fault: TypeFault)
  /// Two values or outputs have this name.
  case duplicateName(String)
  /// A name that no value has at this point of the graph.
  case unknownValue(String)
  /// The text of a graph is malformed in line `line`, counted from 1.
  case syntax(line: Int, expected: String, found: String)
  /// A graph has more of `part` than `maximum`.
  case tooMany(GraphLimits.Part, maximum: Int)
  /// The verifier found these faults.
  case unverified([Verifier.Fault])
  /// A constant that the graph declares has no data.
  case missingConstant(String)
  /// The data of a constant has another shape than the graph declares.
  case constantShape(name: String, expected: [Int], found: [Int])
  /// A side of the requested input is outside `1...maximum`.
  case resolution(requested: Extent, maximum: Int)
  /// A model file has a fault in `section`.
  case modelFile(section: String, ModelFileFault)
  /// The file could not be opened, read or written.
  case file(FileError)
}

/// Faults of a model file.
public enum ModelFileFault: Error, Hashable, Sendable {
  /// The magic number is missing.
  case notAModelFile
  /// The file is shorter than its header says.
  case truncated(expectedByteCount: Int, foundByteCount: Int)
  /// A newer major version of the format.
  case newerVersion(found: Int, supported: Int)
  /// The CRC-32C of the bytes differs from the one stored.
  case checksum(expected: UInt32, found: UInt32)
  /// A section reaches beyond the file.
  case outOfRange(offset: UInt64, byteCount: UInt64, fileByteCount: Int)
  /// Two sections share bytes.
  case overlap(with: String)
  /// A section that may occur once occurs twice.
  case duplicate
  /// A required section is absent.
  case missing
  /// An offset that is not a multiple of the alignment.
  case misaligned(offset: UInt64)
  /// A section of an unknown kind that is marked as required.
  case unknownRequired
  /// A section or a part of it has another length than its content needs.
  case byteCount(expected: Int, found: Int)
  /// Text that is not UTF-8.
  case notUTF8
  /// Metadata that are not JSON.
  case json(JSONError)
  /// A member of the metadata that is absent or of another type than `expected`.
  case metadata(key: String, expected: String)
}
