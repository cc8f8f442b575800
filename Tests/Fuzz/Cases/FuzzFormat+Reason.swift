import FixresBase
import FixresFormats
import FixresImaging

extension FuzzFormat {
  /// Why the reader of this format refuses `bytes`; nil where it does not.
  package func reason(_ bytes: Bytes) -> String? {
    do {
      switch name {
      case "onnx": _ = try Importer.load(SourceFile(bytes, path: "case.onnx"))
      case "jpeg", "png", "ppm": _ = try PictureDecoder.decode(bytes)
      default:
        for tensor in try Checkpoint.read(SourceFile(bytes, path: "case")).tensors
        where tensor.elementType.isReadable {
          _ = try tensor.float32()
        }
      }
      return nil
    } catch {
      return "\(error)"
    }
  }
}
