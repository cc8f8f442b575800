import FixresBase
import FixresImaging

/// The INPUTs of `run` in order: pictures in rows, and tensors between them.
struct InputList {
  enum Part {
    case pictures([String])
    case tensor(path: String, NpyArray)
  }

  private(set) var parts: [Part] = []
  /// The pictures that are named themselves, not found in a folder.
  private(set) var named: Set<String> = []
  /// Pictures, and tensors as one each.
  private(set) var count = 0

  init(_ words: [String], _ invocation: Invocation) throws {
    for word in words {
      do {
        let magic = [0x93] + Array("NUMPY".utf8)
        if try FileContents.prefix(of: word, byteCount: magic.count) == magic {
          let bytes = try FileContents.read(word)
          parts.append(.tensor(path: word, try naming(word) { try Npy.read(bytes) }))
          count += 1
        } else {
          add([word])
          named.insert(word)
        }
      } catch FileError.isDirectory {
        add(try InputList.pictures(in: word, invocation))
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

  /// The pictures in a folder and below it.
  private static func pictures(in folder: String, _ invocation: Invocation) throws -> [String] {
    let paths = try PictureFolder.pictures(folder, invocation)
    guard !paths.isEmpty else {
      throw CommandError.refused(
        kind: "run.no-pictures", "\(folder): expected JPEG, PNG or PPM pictures in the folder, found none")
    }
    return paths
  }
}
