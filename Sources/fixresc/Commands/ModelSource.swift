import FixresBase
import FixresFormats
import FixresIR

/// Opens a MODEL: our own file, or a checkpoint which is imported on the way.
struct ModelSource {
  let model: Model
  let path: String

  static func open(_ path: String, _ invocation: Invocation) throws -> ModelSource {
    let bytes = try MappedFile.open(path)
    let model = try naming(path) { try ModelFile.read(bytes) }
    return ModelSource(model: model, path: path)
  }
}
