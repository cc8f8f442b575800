import FixresBase
import Testing
import TestSupport

import FixresFormats

@Suite struct TorchZipTests {
  @Test(.enabled(if: TestData.shared("models/resnet18w32-imagenette-r112.pth") != nil, "needs ../shared"))
  func readsTheSharedModel() throws {
    let path = try #require(TestData.shared("models/resnet18w32-imagenette-r112.pth"))
    let checkpoint = try Checkpoint.load(path: path)
    #expect(checkpoint.tensors.count == 102)
    #expect(checkpoint.wrapper == nil)
    #expect(try checkpoint.tensors[0].float32().shape == [32, 3, 7, 7])
  }
}
