#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Small text files of the system, whose size is not known before they are read.
enum SystemFile {
  static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
      }
      guard got > 0 else { break }
      count += got
    }
    return String(decoding: bytes[0..<count], as: UTF8.self)
  }
}

/// The control groups of this process, from `/proc/self/cgroup`.
struct ControlGroup {
  /// Path of the unified hierarchy (version 2), and of each controller of version 1.
  var unified: String?
  var legacy: [String: String] = [:]

  static func paths(_ text: String) -> ControlGroup {
    var groups = ControlGroup()
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if fields[1].isEmpty {
        groups.unified = String(fields[2])
      } else {
        for controller in fields[1].split(separator: ",") {
          groups.legacy[String(controller)] = String(fields[2])
        }
      }
    }
    return groups
  }

  /// Files that may hold a limit: the group's own and those of every group above it.
  func candidates(controller: String, unified file: String, legacy legacyFile: String) -> [String] {
    var files: [String] = []
    if let unified { files += Self.upwards("/sys/fs/cgroup", unified, file) }
    if let path = legacy[controller] {
      files += Self.upwards("/sys/fs/cgroup/" + controller, path, legacyFile)
    }
    return files
  }

  private static func upwards(_ mount: String, _ path: String, _ file: String) -> [String] {
    var parts = path.split(separator: "/")
    var files: [String] = []
    while true {
      files.append(mount + parts.map { "/" + $0 }.joined() + "/" + file)
      guard parts.popLast() != nil else { return files }
    }
  }
}
