import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The files in a model's folder that hold its tensors' bytes (`external_data` of onnx.proto).
///
/// A model's locations are untrusted. A location is a relative path inside the model's folder: no `..`, no
/// symbolic link in any component, no hard link (a file with a second name elsewhere), no device. Components
/// are opened one by one with `openat` and `O_NOFOLLOW`, so that the check and the use are of the same file.
final class OnnxExternalFiles {
  private let modelPath: String
  private var opened: [String: Bytes] = [:]
  private var credit = 0
  /// Limit on the files of one model; exporters write one, or one a tensor.
  private static let maximumFileCount = 4096

  /// Creates the table of files of the model at `modelPath`.
  init(modelPath: String) { self.modelPath = modelPath }

  /// The `byteCount` bytes at the location and offset that `tensor` states.
  ///
  /// - Throws: `FormatError.onnx` for a location that is refused or does not hold them, `.file`.
  func bytes(of tensor: OnnxTensor, byteCount: Int) throws(FormatError) -> Bytes {
    var (location, offset, length) = ("", 0, Int?.none)
    for entry in tensor.external {
      switch entry.key {
      case "location": location = entry.value
      case "offset": offset = try number(entry, tensor)
      case "length": length = try number(entry, tensor)
      default: break
      }
    }
    if let length, length != byteCount {
      throw fault(tensor, "\(byteCount) bytes for its shape and type", "a length of \(length)")
    }
    // A tensor without elements needs no file.
    guard byteCount > 0 else { return .empty }
    let file = try open(location, tensor)
    guard let part = try? file.slice(offset, byteCount) else {
      throw fault(
        tensor, "\(byteCount) bytes at offset \(offset) of \(location.debugDescription)",
        "a file of \(file.count) bytes")
    }
    return part
  }

  private func number(
    _ entry: (key: String, value: String), _ tensor: OnnxTensor
  ) throws(FormatError) -> Int {
    guard let value = Int(entry.value), value >= 0 else {
      throw fault(tensor, "a whole \(entry.key) of 0 or more", entry.value.debugDescription)
    }
    return value
  }

  private func fault(_ tensor: OnnxTensor, _ expected: String, _ found: String) -> FormatError {
    .onnx(path: modelPath, OnnxFault(tensor.place, expected: expected, found: found))
  }

  private func open(_ location: String, _ tensor: OnnxTensor) throws(FormatError) -> Bytes {
    if let bytes = opened[location] { return bytes }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let isContained = parts.allSatisfy { part in
      !part.isEmpty && part != ".." && part.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x5C && $0 != 0x7F }
    }
    guard isContained, parts.count <= 64, opened.count < Self.maximumFileCount else {
      throw fault(
        tensor, "the location of a file in the model's own folder", location.debugDescription)
    }
    let bytes = try map(parts.filter { $0 != "." }, location, tensor)
    opened[location] = bytes
    credit = credit.addingSaturated(bytes.count)
    return bytes
  }

  /// Bytes of the files that were opened since the last call.
  func takeCredit() -> Int {
    defer { credit = 0 }
    return credit
  }

  /// Maps the file at `parts`, opening one component at a time.
  private func map(_ parts: [String], _ location: String, _ tensor: OnnxTensor) throws(FormatError) -> Bytes {
    let root = modelPath.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(modelPath[...$0]) } ?? "."
    var folder = systemOpen(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw .file(.last(root, "open")) }
    defer { close(folder) }
    for (index, part) in parts.enumerated() {
      let kind = index == parts.count - 1 ? O_NONBLOCK : O_DIRECTORY
      let next = systemOpen(folder, part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind)
      guard next >= 0 else {
        let code = errno
        throw fault(
          tensor, "the file \(location.debugDescription) in the model's own folder",
          code == ENOENT ? "none" : code == ELOOP || code == ENOTDIR ? "a link" : "errno \(code)")
      }
      close(folder)
      folder = next
    }
    var status = stat()
    guard !parts.isEmpty, fstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw fault(tensor, "a plain file at \(location.debugDescription)", "something else")
    }
    guard status.st_nlink == 1 else {
      throw fault(
        tensor, "a file of one name at \(location.debugDescription)",
        "a hard link of \(status.st_nlink) names")
    }
    do { return try MappedFile.map(folder, path: location) } catch { throw .file(error) }
  }
}

private func systemOpen(_ folder: Int32, _ path: String, _ flags: Int32) -> Int32 {
  FileName.withBytes(path) { openat(folder, $0, flags) }
}
