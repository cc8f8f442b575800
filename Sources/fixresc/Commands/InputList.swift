import FixresBase
import FixresImaging

/// The INPUTs of `run` in order: pictures in rows, and tensors between them.
struct InputList {
  enum Part {
    case pictures([String])
    case tensor(path: String, NpyArray)
  }

  private(set) var parts: [Part] = []
  /// Pictures, and tensors as one each.
  private(set) var count = 0

  init(_ words: [String]) throws {
    for word in words {
      do {
        let bytes = try MappedFile.open(word)
        if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) {
          parts.append(.tensor(path: word, try naming(word) { try Npy.read(bytes) }))
          count += 1
        } else {
          add([word])
        }
      } catch FileError.isDirectory {
        add(try InputList.pictures(in: word))
      }
    }
  }

  var tensors: [String] {
    parts.compactMap { if case .tensor(let path, _) = $0 { path } else { nil } }
  }

  private mutating func add(_ paths: [String]) {
    count += paths.count
    if case .pictures(let before)? = parts.last {
      parts[parts.count - 1] = .pictures(before + paths)
    } else {
      parts.append(.pictures(paths))
    }
  }

  /// The pictures of a folder, or where it holds none those of its class folders.
  private static func pictures(in folder: String) throws -> [String] {
    let own = try ImageFolder.pictures(in: folder)
    guard own.isEmpty else { return own }
    let folders = Result { () throws(ImageError) in try ImageFolder(path: folder) }
    if case .failure(.noClasses) = folders {
      throw CommandError.refused(
        kind: "run.no-pictures", "\(folder): expected JPEG, PNG or PPM pictures in the folder, found none")
    }
    return try folders.get().entries.map(\.path)
  }
}
