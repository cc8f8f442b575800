import FixresIR
import FixresImaging
import FixresRuntime

/// A list of picture files with the class of each, where classes matter.
public struct LabelledPictures: Sendable {
  /// The folder, for messages.
  public let path: String
  /// The pictures in order.
  package let entries: [ImageFolder.Entry]
  /// The index of each entry's class.
  package let labels: [Int32]
  /// How class folders were matched to the model's classes; nil where classes do not matter.
  public let matching: ClassMatching?
  /// Names of the class folders in byte-wise order; empty where classes do not matter.
  public let folderNames: [String]
  /// What the folder holds besides the pictures.
  public let leftOut: PictureListing.LeftOut
  /// How the rows of scores are read; nil where classes do not matter.
  package var reading: ScoreReading? { matching?.reading }
  /// Continue however many pictures fail to decode; otherwise more than 1 % is an error.
  public var allowsFailures = false
  /// Pictures in succession that may fail to decode before the run ends.
  public var maximumFailures = 100

  /// `limit` pictures of `folder` at even distances; all without a limit.
  package init(_ folder: ImageFolder, _ matching: ClassMatching, limit: Int? = nil) {
    path = folder.path
    entries = Evaluation.selection(of: folder.entries, limit: limit)
    labels = entries.map { Int32(matching.logits[$0.classIndex]) }
    self.matching = matching
    (folderNames, leftOut) = (folder.classes, folder.leftOut)
  }

  /// The pictures of the class folders `DIR/<class>/<picture>` in `folder`, matched to the classes of `model` by name or
  /// as `choice` states; `limit` of them at even distances, all without a limit.
  ///
  /// - Throws: `MethodError.image` where the folder cannot be read, `evaluation` where it leaves a doubt about which folder
  ///   is which class.
  public init(
    _ folder: String, for model: Model, classes choice: ClassMatching.Choice = ClassMatching.Choice(),
    limit: Int? = nil
  ) throws(MethodError) {
    guard model.classCount > 0 else { throw .evaluation(.noLogits) }
    let found: ImageFolder
    do { found = try ImageFolder(path: folder) } catch { throw .image(error) }
    let matching: ClassMatching
    do {
      matching = try ClassMatching(
        found.classes, model.metadata, classCount: model.classCount, choice: choice)
    } catch {
      throw .evaluation(error)
    }
    self.init(found, matching, limit: limit)
  }

  /// The pictures of the class folders in `folder`, each folder a class of its own, for `FineTuningOptions.newHead` of
  /// `folderNames`; `limit` of them at even distances.
  ///
  /// - Throws: `MethodError.image` where the folder cannot be read.
  public init(ownClassesOf folder: String, limit: Int? = nil) throws(MethodError) {
    let found: ImageFolder
    do { found = try ImageFolder(path: folder) } catch { throw .image(error) }
    var metadata = ModelMetadata(architecture: "")
    metadata.labels = found.classes
    let matching: ClassMatching
    do { matching = try ClassMatching(found.classes, metadata, classCount: found.classes.count) } catch {
      throw .evaluation(error)
    }
    self.init(found, matching, limit: limit)
  }

  /// The pictures of the class folders in `folder`, which are called like those of `other`; for the validation of a
  /// fine-tuning on pictures of their own classes.
  ///
  /// - Throws: `MethodError.image` where the folder cannot be read, `evaluation` where a folder is called like none of
  ///   `other`.
  public init(_ folder: String, classesOf other: LabelledPictures) throws(MethodError) {
    guard let classes = other.matching else { throw .evaluation(.unlabelled(path: other.path)) }
    let found: ImageFolder
    do { found = try ImageFolder(path: folder) } catch { throw .image(error) }
    var metadata = ModelMetadata(architecture: "")
    metadata.labels = classes.labels
    let matching: ClassMatching
    do {
      matching = try ClassMatching(found.classes, metadata, classCount: classes.reading.scoreCount)
    } catch {
      throw .evaluation(error)
    }
    self.init(found, matching)
  }

  /// Refuses pictures whose classes are not those of `model`: they would be compared with other logits, or with memory
  /// beyond them.
  func requireClasses(of model: Model) throws(MethodError) {
    guard model.classCount > 0 else { throw .evaluation(.noLogits) }
    guard let matching else { throw .evaluation(.unlabelled(path: path)) }
    let areNamedAlike = matching.labels.elementsEqual(model.metadata.labels) {
      $0.utf8.elementsEqual($1.utf8)
    }
    guard matching.reading.scoreCount == model.classCount, areNamedAlike else {
      throw .evaluation(
        .classesOfAnotherModel(path: path, expected: model.classCount, found: matching.reading.scoreCount))
    }
  }

  /// These pictures, whose classes do not matter.
  var unlabelled: LabelledPictures {
    var pictures = LabelledPictures(path: path, unlabelled: entries.map(\.path))
    (pictures.allowsFailures, pictures.maximumFailures) = (allowsFailures, maximumFailures)
    return pictures
  }

  /// All pictures in `folder` and below it, whose classes do not matter; `limit` of them at even distances.
  ///
  /// - Throws: `MethodError.image` where the folder cannot be read, `noPictures` where it has none.
  public init(below folder: String, limit: Int? = nil) throws(MethodError) {
    let listing: PictureListing
    do { listing = try PictureListing(of: folder) } catch { throw .image(error) }
    let all = listing.paths.map { ImageFolder.Entry(path: $0, classIndex: 0) }
    path = folder
    entries = Evaluation.selection(of: all, limit: limit)
    labels = [Int32](repeating: 0, count: entries.count)
    (matching, folderNames, leftOut) = (nil, [], listing.leftOut)
    guard !entries.isEmpty else { throw .noPictures(path: folder) }
  }

  /// The pictures at `paths`, whose classes do not matter; `path` names all of them in messages.
  public init(path: String, unlabelled paths: [String]) {
    self.path = path
    entries = paths.map { ImageFolder.Entry(path: $0, classIndex: 0) }
    labels = [Int32](repeating: 0, count: paths.count)
    (matching, folderNames, leftOut) = (nil, [], PictureListing.LeftOut())
  }

  /// The pictures of `other` at `indices`.
  init(picking indices: [Int], of other: LabelledPictures) {
    path = other.path
    entries = indices.map { other.entries[$0] }
    labels = indices.map { other.labels[$0] }
    (matching, folderNames, leftOut) = (other.matching, other.folderNames, other.leftOut)
    (allowsFailures, maximumFailures) = (other.allowsFailures, other.maximumFailures)
  }

  /// Number of pictures.
  public var count: Int { entries.count }
}
