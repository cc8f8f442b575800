import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime
import fixresc

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What a function of the C interface returns: `FIXRESC_OK` and the like.
enum Status: Int32 {
  case ok = 0
  case invalidArgument, file, model, picture, memory, notFinite, command, cancelled
}

/// A failure with its status and its sentence.
struct CFailure: Error {
  let status: Status
  let message: String

  init(_ status: Status, _ message: String) { (self.status, self.message) = (status, message) }

  /// The failure of `error`, of any module.
  init(_ error: any Error) {
    if let failure = error as? CFailure {
      self = failure
    } else {
      self.init(Self.status(of: error), ErrorReport(error).line(limit: Console.errorLineLimit))
    }
  }

  private static func status(of error: any Error) -> Status {
    switch error {
    case let error as ClassifierError:
      switch error {
      case .runtime(let error): status(of: error)
      case .image(let error): status(of: error)
      case .notFinite: .notFinite
      case .cancelled: .cancelled
      }
    case RuntimeError.model(let error): status(of: error)
    case RuntimeError.cancelled, FileError.cancelled: .cancelled
    case RuntimeError.planTooLarge, RuntimeError.derivedConstantsTooLarge: .memory
    case RuntimeError.inputSize, RuntimeError.outputSize: .invalidArgument
    case IRError.file(let error), ImageError.file(let error): status(of: error)
    case FileError.outOfMemory, ImageError.outOfMemory: .memory
    case is FileError: .file
    case ImageError.inputMemory: .invalidArgument
    case is ImageError: .picture
    default: .model
    }
  }

  /// A refusal of an argument.
  static func argument(_ name: String, _ expected: String) -> CFailure {
    CFailure(.invalidArgument, "\(name): expected \(expected)")
  }
}

/// Calls `body`; its failure becomes the status, and the thread's last error.
func status(_ body: () throws -> Void) -> Int32 {
  do {
    try body()
    return Status.ok.rawValue
  } catch {
    let failure = CFailure(error)
    LastError.set(failure.message)
    return failure.status.rawValue
  }
}

/// The sentence of each thread's last failure.
enum LastError {
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key) { free($0) }
    return key
  }()

  static func set(_ message: String) {
    let old = pthread_getspecific(key)
    pthread_setspecific(key, strdup(message))
    free(old)
  }

  /// nil before the first failure of this thread.
  static var text: UnsafePointer<CChar>? {
    pthread_getspecific(key).map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) }
  }
}

/// The last failure's sentence.
@c(fixresc_last_error)
public func lastError() -> UnsafePointer<CChar>? { LastError.text ?? UnsafePointer(Constants.empty) }

/// The version of the interface and of the library.
@c(fixresc_version)
public func version(
  abi: UnsafeMutablePointer<UInt32>?, version: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> Int32 {
  status {
    guard let abi else { throw CFailure.argument("abi", "a pointer, found null") }
    guard let version else { throw CFailure.argument("version", "a pointer, found null") }
    abi.pointee = Constants.abiVersion
    version.pointee = UnsafePointer(Constants.version)
  }
}

/// Texts that live as long as the process.
enum Constants {
  static let abiVersion: UInt32 = 1
  nonisolated(unsafe) static let empty = strdup("")
  nonisolated(unsafe) static let version = strdup(Version.number)
}
