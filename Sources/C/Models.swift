import FixresBase
import FixresIR
import FixresRuntime
import fixresc

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A model that C code has opened.
final class CModel: @unchecked Sendable {
  // Sendable because nothing is written after `init`.

  static let table = HandleTable<CModel>("model", base: 0x1000_0001)

  let classifier: Classifier
  let labels: CStrings
  let metadata: CStrings

  init(_ model: Model, _ options: SessionOptions) throws(ClassifierError) {
    classifier = try Classifier(model: model, options: options)
    labels = CStrings(classifier.labels)
    metadata = CStrings([model.metadata.json(testResolution: model.graph.resolution).serialized()])
  }
}

/// Texts that C code may read as long as this lives.
final class CStrings: @unchecked Sendable {
  // Sendable because nothing is written after `init`.
  private let texts: [UnsafeMutablePointer<CChar>?]

  init(_ texts: [String]) { self.texts = texts.map { strdup($0) } }

  deinit { for text in texts { free(text) } }

  subscript(index: Int) -> UnsafePointer<CChar>? {
    texts.indices.contains(index) ? UnsafePointer(texts[index]) : nil
  }
}

/// Opens a model file.
@c(fixresc_open)
public func open(
  path: UnsafePointer<CChar>?, options: UnsafeRawPointer?, model: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  status {
    guard let path else { throw CFailure.argument("path", "a path, found null") }
    guard let model else { throw CFailure.argument("model", "a pointer, found null") }
    let options = try sessionOptions(options)
    let opened = try CModel(ModelFile.open(FileName.text(of: path)), options)
    model.pointee = CModel.table.add(opened)
  }
}

/// Opens the bytes of a model file.
@c(fixresc_open_bytes)
public func openBytes(
  bytes: UnsafeRawPointer?, size: Int, options: UnsafeRawPointer?,
  model: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  status {
    guard let bytes, size >= 0 else { throw CFailure.argument("bytes", "a pointer, found null") }
    guard let model else { throw CFailure.argument("model", "a pointer, found null") }
    let options = try sessionOptions(options)
    guard size < AddressSpace.largeByteCount || AddressSpace.allows(size) else {
      throw CFailure(.memory, "\(Text.bytes(size)) of memory were refused")
    }
    let source = UnsafeRawBufferPointer(start: bytes, count: size)
    let copy = Bytes(ByteStorage.allocate(byteCount: size) { $0.copyMemory(from: source) })
    model.pointee = CModel.table.add(try CModel(ModelFile.read(copy), options))
  }
}

/// Forgets a model.
@c(fixresc_close)
public func close(model: OpaquePointer?) -> Int32 { status { try CModel.table.remove(model) } }

/// The sizes of a model.
@c(fixresc_model_shape)
public func modelShape(model: OpaquePointer?, shape: UnsafeMutableRawPointer?) -> Int32 {
  status {
    let model = try CModel.table.object(model)
    let session = model.classifier.session
    var record = try CRecord(shape, "shape")
    record.put(Int32(session.threadCount))
    for side in session.inputShape { record.put(side) }
    record.put(session.classCount)
    record.put(session.featureCount)
  }
}

/// The name of a class.
@c(fixresc_model_label)
public func modelLabel(
  model: OpaquePointer?, index: Int, label: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> Int32 {
  status {
    let model = try CModel.table.object(model)
    guard let label else { throw CFailure.argument("label", "a pointer, found null") }
    guard index >= 0, index < model.classifier.session.classCount else {
      throw CFailure.argument(
        "index", "a class below \(model.classifier.session.classCount), found \(UInt(bitPattern: index))")
    }
    label.pointee = model.labels[index]
  }
}

/// What is known of a model.
@c(fixresc_model_metadata)
public func modelMetadata(
  model: OpaquePointer?, json: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> Int32 {
  status {
    let model = try CModel.table.object(model)
    guard let json else { throw CFailure.argument("json", "a pointer, found null") }
    json.pointee = model.metadata[0]
  }
}

/// The options of `fixresc_open`.
func sessionOptions(_ memory: UnsafeRawPointer?) throws(CFailure) -> SessionOptions {
  var options = SessionOptions()
  guard let memory else { return options }
  var record = try CFields(memory, "options")
  let flags = record.take(UInt32.self) ?? 0
  guard flags < 16 else { throw .argument("options.flags", "FIXRESC_EXACT and the like, found \(flags)") }
  options.isExact = flags & 1 != 0
  options.packsAtOpen = flags & 2 != 0
  options.verifiesPackedWeights = flags & 4 != 0
  if flags & 8 != 0 { MappingGuard.install() }
  if let threads = record.take(Int32.self), threads != 0 {
    guard threads > 0 else { throw .argument("options.threads", "0 or more, found \(threads)") }
    options.threads = Int(threads)
  }
  if let batch = record.take(Int32.self), batch != 0 {
    guard batch > 0 else { throw .argument("options.maximum_batch", "0 or more, found \(batch)") }
    options.maximumBatch = Int(batch)
  }
  return options
}
