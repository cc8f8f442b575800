import FixresRuntime
import Foundation

extension Classifier {
  /// Opens the model file at `url`, on the caller's thread.
  ///
  /// - Throws: `runtime` where the file cannot be opened or its model cannot be run.
  public convenience init(
    contentsOf url: URL, options: SessionOptions = SessionOptions()
  ) throws(ClassifierError) {
    try self.init(url.path, options: options)
  }

  /// Opens the model file at `url` on a thread of its own, while the task sleeps.
  ///
  /// - Throws: `runtime` where the file cannot be opened or its model cannot be run.
  public convenience init(
    contentsOf url: URL, options: SessionOptions = SessionOptions()
  ) async throws(ClassifierError) {
    try await self.init(url.path, options: options)
  }
}

extension ClassifierInput {
  /// The picture file at `url`.
  public static func file(_ url: URL) -> Self { file(url.path) }

  /// The bytes of a picture file, copied once.
  public static func encoded(_ data: Data) -> Self {
    encoded(Bytes(ByteStorage.allocate(byteCount: data.count) { _ = data.copyBytes(to: $0) }))
  }
}
