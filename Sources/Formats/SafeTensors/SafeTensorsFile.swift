import FixresBase

/// The reader of one `.safetensors` file: 8-byte header length, JSON header, data.
package enum SafeTensorsFile {
  /// The format's own limit on the JSON header.
  package static let maximumHeaderByteCount: UInt64 = 100_000_000
}
