import FixresBase
import FixresImaging
import FixresRuntime
import fixresc

/// What a call has found out about pictures.
final class CResults: @unchecked Sendable {
  // Sendable because nothing is written after `init`.

  static let table = HandleTable<CResults>("results", base: 0x1000_0002)

  let items: [Result<Classification, ClassifierError>]
  let labels: CStrings
  /// A sentence for each item that failed, in the order of the items.
  private let errors: CStrings
  private let errorIndices: [Int?]
  private let floats: [UnsafeMutablePointer<Float>?]

  init(_ items: [Result<Classification, ClassifierError>], _ model: CModel) {
    self.items = items
    labels = model.labels
    var sentences: [String] = []
    var indices: [Int?] = []
    floats = items.map { item in
      switch item {
      case .success(let result):
        indices.append(nil)
        let copy = UnsafeMutablePointer<Float>.allocate(
          capacity: max(1, result.logits.count + result.features.count))
        copy.initialize(from: result.logits, count: result.logits.count)
        (copy + result.logits.count).initialize(from: result.features, count: result.features.count)
        return copy
      case .failure(let error):
        indices.append(sentences.count)
        sentences.append(CFailure(error).message)
        return nil
      }
    }
    errors = CStrings(sentences)
    errorIndices = indices
  }

  deinit { for block in floats { block?.deallocate() } }

  /// The item `index`.
  func item(_ index: Int) throws(CFailure) -> Result<Classification, ClassifierError> {
    guard items.indices.contains(index) else {
      throw .argument("index", "an item below \(items.count), found \(UInt(bitPattern: index))")
    }
    return items[index]
  }

  func error(_ index: Int) -> UnsafePointer<CChar>? { errorIndices[index].flatMap { errors[$0] } }
  func logits(_ index: Int) -> UnsafePointer<Float>? { floats[index].map { UnsafePointer($0) } }
}

/// Classifies picture files.
@c(fixresc_classify_files)
public func classifyFiles(
  model: OpaquePointer?, paths: UnsafePointer<UnsafePointer<CChar>?>?, count: Int,
  results: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  classify(model, count: count, results) { index throws(CFailure) in
    guard let path = paths?[index] else { throw .argument("paths[\(index)]", "a path, found null") }
    return .file(FileName.text(of: path))
  }
}

/// Classifies the bytes of picture files.
@c(fixresc_classify_encoded)
public func classifyEncoded(
  model: OpaquePointer?, bytes: UnsafePointer<UnsafePointer<UInt8>?>?, sizes: UnsafePointer<Int>?,
  count: Int, results: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  classify(model, count: count, results) { index throws(CFailure) in
    guard let base = bytes?[index], let size = sizes?[index], size >= 0 else {
      throw .argument("bytes[\(index)]", "bytes and their size, found null")
    }
    return .encoded(UnsafeRawBufferPointer(start: base, count: size))
  }
}

/// Classifies pixels in memory.
@c(fixresc_classify_pixels)
public func classifyPixels(
  model: OpaquePointer?, images: UnsafeRawPointer?, count: Int,
  results: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  classify(model, count: count, results) { index throws(CFailure) in
    guard let images else { throw .argument("images", "a pointer, found null") }
    return try pixels(images + index * CFields(images, "images").byteCount)
  }
}

private func classify(
  _ model: OpaquePointer?, count: Int, _ results: UnsafeMutablePointer<OpaquePointer?>?,
  _ input: (Int) throws(CFailure) -> ClassifierInput
) -> Int32 {
  status {
    let model = try CModel.table.object(model)
    guard let results else { throw CFailure.argument("results", "a pointer, found null") }
    guard (0...mostPictures).contains(count) else {
      throw CFailure.argument("n", "0 to \(mostPictures) pictures, found \(UInt(bitPattern: count))")
    }
    var inputs: [ClassifierInput] = []
    inputs.reserveCapacity(count)
    for index in 0..<count { inputs.append(try input(index)) }
    results.pointee = CResults.table.add(CResults(model.classifier.classify(inputs), model))
  }
}

/// Pictures of a call at most.
let mostPictures = 1 << 24

/// The picture that a `fixresc_pixels` describes.
private func pixels(_ memory: UnsafeRawPointer) throws(CFailure) -> ClassifierInput {
  var fields = try CFields(memory, "images")
  guard let format = fields.take(Int32.self), let data = fields.take(UnsafeRawPointer?.self),
    let width = fields.take(Int.self), let height = fields.take(Int.self)
  else { throw .argument("images.struct_size", "40, found \(fields.byteCount)") }
  let distance = fields.take(Int.self) ?? 0
  let bytesPerRow = distance == 0 ? nil : distance
  guard let data else { throw .argument("images.data", "a pointer, found null") }
  switch format {
  case 0: return .rgb(data, width: width, height: height, bytesPerRow: bytesPerRow)
  case 1: return .rgba(data, width: width, height: height, bytesPerRow: bytesPerRow)
  case 2: return .bgra(data, width: width, height: height, bytesPerRow: bytesPerRow)
  case 3: return .grey(data, width: width, height: height, bytesPerRow: bytesPerRow)
  default: throw .argument("images.format", "FIXRESC_RGB and the like, found \(format)")
  }
}

// MARK: - Results

/// Number of items.
@c(fixresc_results_count)
public func resultsCount(results: OpaquePointer?, count: UnsafeMutablePointer<Int>?) -> Int32 {
  status {
    let results = try CResults.table.object(results)
    guard let count else { throw CFailure.argument("count", "a pointer, found null") }
    count.pointee = results.items.count
  }
}

/// One item.
@c(fixresc_results_item)
public func resultsItem(results: OpaquePointer?, index: Int, item: UnsafeMutableRawPointer?) -> Int32 {
  status {
    let results = try CResults.table.object(results)
    let found = try results.item(index)
    var record = try CRecord(item, "item")
    switch found {
    case .success(let result):
      let logits = results.logits(index)
      record.put(Status.ok.rawValue)
      record.put(UnsafePointer<CChar>?.none)
      record.put(result.logits.isEmpty ? nil : logits)
      record.put(result.features.isEmpty ? nil : logits.map { $0 + result.logits.count })
      record.put(Int32(result.isTurned ? 1 : 0))
    case .failure(let error):
      record.put(CFailure(error).status.rawValue)
      record.put(results.error(index))
      record.put(UnsafePointer<Float>?.none)
      record.put(UnsafePointer<Float>?.none)
      record.put(Int32(0))
    }
  }
}

/// The best classes of an item.
@c(fixresc_results_top)
public func resultsTop(
  results: OpaquePointer?, index: Int, most: Int, best: UnsafeMutableRawPointer?,
  count: UnsafeMutablePointer<Int>?
) -> Int32 {
  status {
    let results = try CResults.table.object(results)
    let result = try results.item(index).get()
    guard let count else { throw CFailure.argument("count", "a pointer, found null") }
    guard most >= 0 else {
      throw CFailure.argument("k", "a number of classes, found \(UInt(bitPattern: most))")
    }
    guard let best else { throw CFailure.argument("best", "a pointer, found null") }
    let top = result.top(min(most, result.logits.count))
    for (place, prediction) in top.enumerated() {
      let target = best + place * 24
      target.storeBytes(of: prediction.index, as: Int.self)
      target.storeBytes(of: prediction.probability, toByteOffset: 8, as: Double.self)
      target.storeBytes(
        of: results.labels[prediction.index], toByteOffset: 16, as: UnsafePointer<CChar>?.self)
    }
    count.pointee = top.count
  }
}

/// The probabilities of an item.
@c(fixresc_results_probabilities)
public func resultsProbabilities(
  results: OpaquePointer?, index: Int, probabilities: UnsafeMutablePointer<Double>?
) -> Int32 {
  status {
    let result = try CResults.table.object(results).item(index).get()
    guard let probabilities else { throw CFailure.argument("probabilities", "a pointer, found null") }
    for (place, value) in result.probabilities.enumerated() { probabilities[place] = value }
  }
}

/// Forgets results.
@c(fixresc_results_free)
public func resultsFree(results: OpaquePointer?) -> Int32 { status { try CResults.table.remove(results) } }

// MARK: - Tensors

/// Runs tensors into the caller's memory.
@c(fixresc_run)
public func run(
  model: OpaquePointer?, input: UnsafePointer<Float>?, count: Int, logits: UnsafeMutablePointer<Float>?,
  features: UnsafeMutablePointer<Float>?
) -> Int32 {
  status {
    let session = try CModel.table.object(model).classifier.session
    guard let input else { throw CFailure.argument("nchw", "a pointer, found null") }
    guard count > 0, count < 1 << 32 else {
      throw CFailure.argument("n", "1 picture or more, found \(UInt(bitPattern: count))")
    }
    guard session.classCount == 0 || logits != nil else {
      throw CFailure.argument("logits", "room for \(session.classCount) floats a picture, found null")
    }
    try session.run(
      UnsafeBufferPointer(start: input, count: count * session.inputShape.reduce(1, *)), batch: count,
      logits: UnsafeMutableBufferPointer(
        start: session.classCount == 0 ? nil : logits, count: count * session.classCount),
      features: features.map { UnsafeMutableBufferPointer(start: $0, count: count * session.featureCount) })
  }
}

/// The input made of a picture file.
@c(fixresc_preprocess_file)
public func preprocessFile(
  model: OpaquePointer?, path: UnsafePointer<CChar>?, input: UnsafeMutablePointer<Float>?,
  pixels: UnsafeMutablePointer<UInt8>?
) -> Int32 {
  preprocess(model, input, pixels: pixels) { () throws(CFailure) in
    guard let path else { throw .argument("path", "a path, found null") }
    return .file(FileName.text(of: path))
  }
}

/// The input made of the bytes of a picture file.
@c(fixresc_preprocess_encoded)
public func preprocessEncoded(
  model: OpaquePointer?, bytes: UnsafePointer<UInt8>?, size: Int, input: UnsafeMutablePointer<Float>?,
  pixels: UnsafeMutablePointer<UInt8>?
) -> Int32 {
  preprocess(model, input, pixels: pixels) { () throws(CFailure) in
    guard let bytes, size >= 0 else { throw .argument("bytes", "bytes and their size, found null") }
    return .encoded(UnsafeRawBufferPointer(start: bytes, count: size))
  }
}

/// The input made of pixels in memory.
@c(fixresc_preprocess_pixels)
public func preprocessPixels(
  model: OpaquePointer?, image: UnsafeRawPointer?, input: UnsafeMutablePointer<Float>?,
  pixels: UnsafeMutablePointer<UInt8>?
) -> Int32 {
  preprocess(model, input, pixels: pixels) { () throws(CFailure) in
    guard let image else { throw .argument("image", "a pointer, found null") }
    return try FixresC.pixels(image)
  }
}

private func preprocess(
  _ model: OpaquePointer?, _ input: UnsafeMutablePointer<Float>?, pixels: UnsafeMutablePointer<UInt8>?,
  _ source: () throws(CFailure) -> ClassifierInput
) -> Int32 {
  status {
    let classifier = try CModel.table.object(model).classifier
    let picture = try classifier.picture(source())
    if let input { classifier.preprocessor.write(picture, to: input) }
    if let pixels { picture.copy(classifier.preprocessor.mode, to: pixels) }
  }
}
