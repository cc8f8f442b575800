import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Tells whether a mapped file is still what it was when it was opened.
package final class FileWitness: ByteWitness {
  private struct File {
    var path: String
    var descriptor: Int32
    var stamp: FileStamp
    var region: Int

    var isUnchanged: Bool {
      guard !MappingGuard.isTorn(region), let now = FileStamp(descriptor: descriptor) else { return false }
      return now.hasContents(of: stamp)
    }
  }

  /// Files that are mapped now, and the first that was found changed when its mapping went.
  private struct Registry {
    var next = 0
    var files: [Int: File] = [:]
    var changed: String?
  }

  private static let registry = Mutex(Registry())
  private let file: File
  private let number: Int
  /// Whether the file was unchanged when its mapping went; nil before. Whoever took copies of its bytes asks afterwards.
  private let verdict = Mutex<Bool?>(nil)

  /// Keeps `descriptor`, which it closes, of the file whose mapping is guarded as `region`.
  init(path: String, descriptor: Int32, stamp: FileStamp, region: Int) {
    let file = File(path: path, descriptor: descriptor, stamp: stamp, region: region)
    self.file = file
    number = Self.registry.withLock { registry in
      registry.next += 1
      registry.files[registry.next] = file
      return registry.next
    }
  }

  /// Called once, before the mapping goes.
  package func end() {
    verdict.withLock { verdict in
      let isUnchanged = file.isUnchanged
      verdict = isUnchanged
      Self.registry.withLock { registry in
        registry.files[number] = nil
        if !isUnchanged, registry.changed == nil { registry.changed = file.path }
      }
      MappingGuard.release(file.region)
      close(file.descriptor)
    }
  }

  /// Whether the file is unchanged, or was when its mapping went; once it is not, it never is again.
  package var isUnchanged: Bool { verdict.withLock { $0 ?? file.isUnchanged } }

  /// - Throws: `FileError.changedWhileRead`.
  package func requireUnchanged() throws(FileError) {
    guard isUnchanged else { throw .changedWhileRead(path: file.path) }
  }

  /// Throws where any file that this process maps, or has mapped, changed while it was mapped: for a program that
  /// does one thing and ends.
  ///
  /// - Throws: `FileError.changedWhileRead`.
  package static func requireAllUnchanged() throws(FileError) {
    let changed = registry.withLock { registry in
      registry.changed ?? registry.files.values.first { !$0.isUnchanged }?.path
    }
    if let changed { throw .changedWhileRead(path: changed) }
  }
}
