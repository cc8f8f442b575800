import FixresBase
import FixresIR
import FixresImaging
import FixresPasses
import FixresRuntime

/// Errors of the rooms below as errors of the method.
extension MethodError {
  /// The result of `body`, with what a pass refuses as `pass`.
  static func passing<R>(_ body: () throws(PassError) -> R) throws(MethodError) -> R {
    do { return try body() } catch { throw .pass(error) }
  }

  /// The result of `body`, with what the engine refuses as `runtime`.
  static func running<R>(_ body: () throws(RuntimeError) -> R) throws(MethodError) -> R {
    do { return try body() } catch { throw .runtime(error) }
  }

  /// The result of `body`, with what a picture refuses as `image`.
  static func imaging<R>(_ body: () throws(ImageError) -> R) throws(MethodError) -> R {
    do { return try body() } catch { throw .image(error) }
  }

  /// The result of `body`, with what a graph refuses as `model`.
  static func building<R>(_ body: () throws(IRError) -> R) throws(MethodError) -> R {
    do { return try body() } catch { throw .model(error) }
  }

  /// The result of `body`, with what the system refuses as `file`.
  static func filing<R>(_ body: () throws(FileError) -> R) throws(MethodError) -> R {
    do { return try body() } catch { throw .file(error) }
  }
}
