import FixresFormats
import FixresIR
import TestSupport
import Testing

@Suite struct NetworkSearchTests {
  private func canonicalNames(_ network: RecordedNetwork) throws -> Set<String> {
    Set(try WeightShapes(network.tensors).canonicalNames)
  }

  @Test(arguments: TensorSpelling.all)
  func namesOfEveryLibraryMeanTheSameNetwork(_ spelling: TensorSpelling) throws {
    for title in ["resnet18", "resnet50", "resnext50_32x4d"] {
      let network = RecordedNetwork.named(title)
      let renamed = network.changing { tensors in
        for index in tensors.indices { tensors[index].name = spelling(tensors[index].name) }
      }
      #expect(try canonicalNames(renamed) == Set(network.tensors.map(\.name)), "\(title)")
      // As safetensors has them: in the order of their names.
      let sorted = renamed.changing { $0.sort { $0.name < $1.name } }
      #expect(try canonicalNames(sorted) == Set(network.tensors.map(\.name)), "\(title), sorted")
    }
  }

  @Test(arguments: RecordedNetwork.all)
  func whatStandsAboveDoesNotMatter(_ network: RecordedNetwork) throws {
    let plain = try canonicalNames(network)
    for prefix in ["module.", "state_dict.model.resnet.", "0.", "online_network.7.", "a.b.c.d.e.f.g.h."] {
      let wrapped = network.changing { tensors in
        for index in tensors.indices { tensors[index].name = prefix + tensors[index].name }
      }
      #expect(try canonicalNames(wrapped) == plain, "\(prefix)")
    }
  }

  @Test(arguments: [
    ("head.fc.weight", "fc.weight"), ("classifier.1.weight", "fc.weight"), ("linear.weight", "fc.weight"),
    ("something.new.weight", "fc.weight"), ("3.weight", "fc.weight"),
  ])
  func oneLinearLayerIsTheClassifierWhereverItIs(_ name: String, _ expected: String) throws {
    let network = RecordedNetwork.named("resnet18").changing { tensors in
      for index in tensors.indices {
        let old = tensors[index].name
        tensors[index].name = old.hasPrefix("fc.") ? name : "0.net." + old
      }
      tensors.removeLast()
    }
    #expect(network.tensors.last?.name == name)
    #expect(try canonicalNames(network).contains(expected))
  }

  @Test func headsOfSeveralLayersKeepTheirNumbers() throws {
    func head(_ layers: [(String, [Int])]) throws -> Set<String> {
      let network = RecordedNetwork.named("resnet18").changing { tensors in
        tensors.removeAll { $0.name.hasPrefix("fc.") }
        for index in tensors.indices { tensors[index].name = "0." + tensors[index].name }
        tensors += layers.map { (name: $0.0, shape: $0.1) }
      }
      return try canonicalNames(network).filter { $0.hasPrefix("fc") || $0.hasPrefix("neck") }
    }
    #expect(
      try head([("fc.0.weight", [64, 512]), ("fc.3.weight", [10, 64])]) == ["fc.0.weight", "fc.3.weight"])
    // fastai: twice the features (average and maximum), batch norms between.
    #expect(
      try head([
        ("1.2.weight", [1024]), ("1.2.running_mean", [1024]), ("1.4.weight", [512, 1024]),
        ("1.6.running_mean", [512]), ("1.8.weight", [10, 512]),
      ]) == ["fc.2.weight", "fc.2.running_mean", "fc.4.weight", "fc.6.running_mean", "fc.8.weight"])
    #expect(
      try head([("fc1.weight", [64, 512]), ("fc2.weight", [10, 64])]) == ["fc.0.weight", "fc.2.weight"])
    #expect(
      try head([("bottleneck.weight", [512]), ("bottleneck.running_mean", [512]), ("cls.weight", [10, 512])])
        == ["neck.weight", "neck.running_mean", "fc.weight"])
    #expect(try head([("projection_head.0.weight", [64, 512])]) == [])
    #expect(try head([("neck.mlp.0.weight", [512, 512]), ("neck.mlp.2.weight", [128, 512])]) == [])
    #expect(
      try head([("fc.0.weight", [512, 512]), ("fc.2.weight", [128, 512]), ("queue", [128, 64])])
        == ["fc.0.weight", "fc.2.weight"])
    #expect(try head([("0.fc.weight", [128, 512]), ("predictor.0.weight", [64, 128])]) == [])
  }

  @Test func normalisationOfTheInputAndThePoolsExponentAreNamed() throws {
    let network = RecordedNetwork.named("resnet18").changing { tensors in
      for index in tensors.indices { tensors[index].name = "1." + tensors[index].name }
      tensors += [("0.new_mean", [1, 3, 1, 1]), ("0.new_std", [1, 3, 1, 1]), ("1.avgpool.p", [1])]
    }
    let names = try canonicalNames(network)
    #expect(names.isSuperset(of: ["input.mean", "input.std", "pool.p"]))
  }

  @Test(arguments: [
    "avgpool.q", "layer1.0.ca.fc.weight", "bottleneck.weight", "fc2.weight", "conv9.weight", "head.weight",
    "decoder.0.weight", "layer1.0.conv9.weight", "pos_embed", "metric_fc.scale",
  ])
  func whatNothingUsesIsRefusedByItsName(_ name: String) {
    let network = RecordedNetwork.named("resnet18").changing { $0.append((name, [7, 5])) }
    #expect {
      _ = try network.infer()
    } throws: {
      unexplained($0) == "\(name) [7, 5]"
    }
  }

  @Test(arguments: [
    ("conv2.weight", [64, 64, 3, 3]), ("layer1.0.conv1_1x1.conv.weight", [64, 64, 1, 1]),
    ("transition1.0.weight", [64, 64, 3, 3]), ("attnpool.k_proj.weight", [2048, 2048]),
  ])
  func relativesAreRefusedByNameHoweverTheyAreWrapped(_ name: String, _ shape: [Int]) {
    for prefix in ["", "model.", "best.encoder."] {
      let network = RecordedNetwork.named("resnet50").changing { tensors in
        tensors.append((name, shape))
        for index in tensors.indices { tensors[index].name = prefix + tensors[index].name }
      }
      #expect {
        _ = try network.infer()
      } throws: { error in
        guard case ArchitectureError.unsupported(_, let evidence) = error else { return false }
        return evidence.hasSuffix(name)
      }
    }
  }

  @Test func preActivationIsNamed() {
    let network = RecordedNetwork.named("cifar-18-b").changing { tensors in
      tensors.removeAll { $0.name.hasPrefix("bn1.") || $0.name.contains("shortcut.1") }
      for index in tensors.indices {
        let name = tensors[index].name
        if name.hasSuffix(".0.bn1.weight"), name != "layer1.0.bn1.weight" { tensors[index].shape[0] /= 2 }
      }
    }
    #expect {
      _ = try network.infer()
    } throws: { error in
      guard case ArchitectureError.unsupported(let feature, _) = error else { return false }
      return feature.contains("pre-activation")
    }
  }

  @Test func manyNetworksAreCounted() {
    let names = RecordedNetwork.named("resnet18").tensors
    let entries = (0..<40).flatMap { index in
      names.map { TensorEntry(path: "m\(index)." + $0.name, shape: $0.shape) }
    }
    #expect {
      _ = try NetworkSearch.find(entries, path: "f")
    } throws: { error in
      guard case FormatError.severalNetworks(_, let count, let places) = error else { return false }
      return count == 40 && places.map(\.key) == (0..<16).map { "m\($0)" }
    }
  }

  @Test func twoNetworksAreListedWithTheirKeys() throws {
    let names = RecordedNetwork.named("resnet18").tensors
    let entries = ["teacher.backbone.", "student.backbone."].flatMap { prefix in
      names.map { TensorEntry(path: prefix + $0.name, shape: $0.shape) }
    }
    #expect {
      _ = try NetworkSearch.find(entries, path: "f")
    } throws: { error in
      guard case FormatError.severalNetworks(_, _, let places) = error else { return false }
      return places.map(\.key) == ["teacher", "student"] && places[0].blocks == [2, 2, 2, 2]
    }
    for key in ["teacher", "student", "teacher.backbone", "student.backbone."] {
      #expect(try NetworkSearch.find(entries, path: "f", key: key) != nil)
    }
    // `backbone` alone is the end of two paths.
    #expect {
      _ = try NetworkSearch.find(entries, path: "f", key: "backbone")
    } throws: { error in
      guard case FormatError.keyNotFound(_, _, let available) = error else { return false }
      return available == ["student.backbone", "teacher.backbone"]
    }
    #expect(try NetworkSearch.find(entries, path: "f", key: "nothing") == nil)
    #expect(try NetworkSearch.find(entries, path: "f", ignore: ["student.*"]) != nil)
  }

  @Test func oneNetworkUnderTwoNamesIsOne() throws {
    let names = RecordedNetwork.named("resnet18").tensors
    let entries = ["net.", "encoder.net."].flatMap { prefix in
      names.map { TensorEntry(path: prefix + $0.name, shape: $0.shape, identity: $0.name) }
    }
    #expect(try NetworkSearch.find(entries, path: "f") != nil)
  }

  @Test func deepAndWideNamesTakeLinearTime() throws {
    let long = [String](repeating: "a", count: 400).joined(separator: ".")
    var entries = (0..<20_000).map { TensorEntry(path: "\(long).\($0).weight", shape: [8, 8, 3, 3]) }
    entries += (0..<20_000).map { TensorEntry(path: "b\($0).0.bn.weight", shape: [8]) }
    #expect(try NetworkSearch.find(entries, path: "f") == nil)
  }
}
