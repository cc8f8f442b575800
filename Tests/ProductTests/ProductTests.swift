// One import is all that a user of the product needs: this suite has no other of this package but its own support.
import FixresCompilerFoundation
import Foundation
import TestSupport
import Testing

@Suite struct ProductTests {
  private static let model = TestData.root + "/Models/resnet18w32-imagenette-r112.bin"
  private static let picture = TestData.root + "/Models/sample/golf-ball.jpg"

  @Test func foundationHasTheSentences() throws {
    let missing = URL(fileURLWithPath: TestData.root + "/no-such-model.bin")
    let thrown = #expect(throws: ClassifierError.self) { try Classifier(contentsOf: missing) }
    let error = try #require(thrown as (any Error)?)
    #expect(error.localizedDescription == missing.path + ": no such file or folder")
    let errors: [any Error] = [
      ReadError.truncated(offset: 1, expected: 2, found: 1), NpyError.notNpy,
      TypeFault.channels(expected: 3, found: 1),
      IRError.unknownValue("x"), ModelFileFault.missing, ImageError.otherFormat(name: "GIF"),
      RuntimeError.missingOutput(name: "logits"), ClassifierError.cancelled,
      ArchitectureError.nothingToOverlay(path: "a.pth", found: []), PassError.repeatedPass(name: "adapt"),
      MethodError.noFeatures, ReferenceFault.notFinite(path: "x.npy"), TrainingStateFault.notAState,
    ]
    for error in errors { #expect(error.localizedDescription == "\(error)") }
  }

  @Test func dataAndURLsAreInputs() async throws {
    let classifier = try await Classifier(contentsOf: URL(fileURLWithPath: Self.model))
    let url = URL(fileURLWithPath: Self.picture)
    let fromFile = try await classifier.classify(.file(url))
    let fromData = try await classifier.classify(.encoded(Data(contentsOf: url)))
    #expect(fromFile == fromData && fromFile.top(1).first?.label == "golf ball")
  }
}
