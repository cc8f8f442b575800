import FixresBase
import FixresFormats
import TestSupport
import Testing

/// Names and shapes of a full-size network as torch has them (Tests/Fixtures/architectures/shapes.txt).
struct RecordedNetwork: Sendable, CustomTestStringConvertible {
  var title: String
  var expectedName: String
  var parameters: Int
  var tensors: [(name: String, shape: [Int])] = []

  var testDescription: String { title }

  static let all: [RecordedNetwork] = {
    guard let bytes = try? MappedFile.open(TestData.fixture("architectures/shapes.txt")) else { return [] }
    var networks: [RecordedNetwork] = []
    for line in String(decoding: bytes.array, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      if words[0] == "#" {
        networks.append(.init(title: words[1], expectedName: words[2], parameters: Int(words[3]) ?? -1))
      } else {
        networks[networks.count - 1].tensors.append((words[0], words.dropFirst().compactMap { Int($0) }))
      }
    }
    return networks
  }()

  static func named(_ title: String) -> RecordedNetwork {
    guard let network = all.first(where: { $0.title == title }) else {
      preconditionFailure("shapes.txt has no network \(title)")
    }
    return network
  }

  /// The same without or with other tensors.
  func changing(_ change: (inout [(name: String, shape: [Int])]) -> Void) -> RecordedNetwork {
    var copy = self
    change(&copy.tensors)
    return copy
  }

  func infer() throws(ArchitectureError) -> InferredArchitecture {
    try ArchitectureInference.infer(try WeightShapes(tensors))
  }

  /// The network where nobody states anything.
  func resolved() throws(ArchitectureError) -> ArchitectureDescription {
    try FactResolution.resolve(try infer(), NetworkFacts()).description
  }
}
