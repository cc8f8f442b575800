import FixresFormats
import FixresIR
import TestSupport
import Testing

@Suite struct ArchitectureInferenceTests {
  @Test func everyRecordedNetworkIsThere() { #expect(RecordedNetwork.all.count == 25) }

  @Test(arguments: RecordedNetwork.all)
  func readsNameAndEveryParameter(_ network: RecordedNetwork) throws {
    let inferred = try network.infer()
    #expect(inferred.description.name == network.expectedName)
    #expect(inferred.parameters.count == network.tensors.count)
    #expect(inferred.ignored.isEmpty)
    let trained = inferred.parameters.filter { !$0.name.contains("running_") }
    #expect(trained.reduce(0) { $0 + $1.shape.reduce(1, *) } == network.parameters)
  }

  @Test(arguments: RecordedNetwork.all)
  func buildsASoundGraphWhoseTextParsesBack(_ network: RecordedNetwork) throws {
    let description = try network.resolved()
    let side = description.defaultTrainResolution
    let graph = try NetworkBuilder.build(
      description, name: description.name, resolution: Extent(square: side)
    ).graph
    #expect(Verifier.faults(in: graph).isEmpty)
    let text = GraphPrinter.text(of: graph)
    #expect(GraphPrinter.text(of: try GraphParser.parse(text)) == text)
    #expect(graph.constants.count == network.tensors.count)
  }

  @Test(arguments: [
    ("resnet50", 224, 4_089_184_256), ("resnet18", 224, 1_814_073_344), ("resnet50", 288, 6_758_334_464),
    ("resnext50_32x4d", 224, 4_230_479_872),
  ])
  func countsTheMultipliesOfThePapers(_ title: String, _ side: Int, _ expected: Int) throws {
    let description = try RecordedNetwork.named(title).resolved()
    let graph = try NetworkBuilder.build(description, name: title, resolution: Extent(square: side)).graph
    #expect(graph.multiplyAccumulates == expected)
  }

  @Test func groupsAndWidthsComeFromShapes() throws {
    let network = try RecordedNetwork.named("resnext101_32x48d").infer().description
    #expect(network.depths == [3, 4, 23, 3])
    #expect(network.blocks.allSatisfy { $0.convolutions[1].groups == 32 })
    #expect(network.stages[3][0].convolutions[1].outputs == 32 * 48 * 8)
    #expect(network.features == 2048)
  }

  @Test func missingTensorsAreNamedAsTheFileWouldNameThem() {
    for (title, name) in [
      ("resnet50", "layer3.5.bn2.running_var"), ("resnet18", "layer2.0.downsample.0.weight"),
      ("resnet18", "conv1.weight"), ("cifar-20", "linear.weight"),
      ("huggingface-50", "resnet.encoder.stages.1.layers.0.shortcut.convolution.weight"),
      ("huggingface-50", "resnet.encoder.stages.2.layers.3.layer.1.normalization.running_mean"),
      ("huggingface-50", "resnet.embedder.embedder.convolution.weight"),
      ("legacy_seresnet50", "layer0.bn1.bias"), ("legacy_senet154", "layer0.conv3.weight"),
      ("legacy_senet154", "layer1.1.se_module.fc2.bias"), ("cifar-18-b", "layer3.0.shortcut.1.weight"),
    ] {
      let network = RecordedNetwork.named(title).changing { $0.removeAll { $0.name == name } }
      do {
        _ = try network.infer()
        Issue.record("\(title) without \(name) was taken")
      } catch {
        guard case .missingTensor(let found, _) = error else {
          Issue.record("\(title) without \(name): \(error)")
          continue
        }
        #expect(found == name)
      }
    }
  }

  /// Every tensor of a network with one extent changed is refused by its name, or is no longer the same network.
  @Test(arguments: ["resnet18", "resnext50_32x4d", "seresnet50", "resnet26t", "cifar-20", "huggingface-18"])
  func misshapenTensorsAreNamed(_ title: String) {
    let network = RecordedNetwork.named(title)
    for index in network.tensors.indices {
      // Four channels are those of other pictures.
      let isStem = network.tensors[index].shape.count == 4 && network.tensors[index].shape[1] == 3
      for axis in network.tensors[index].shape.indices where !(isStem && axis == 1) {
        let changed = network.changing { $0[index].shape[axis] += 1 }
        #expect(throws: ArchitectureError.self, "\(network.tensors[index].name) axis \(axis)") {
          _ = try changed.infer()
        }
      }
    }
  }

  @Test func emptyExtentsAreRefused() {
    let network = RecordedNetwork.named("resnet50")
    for index in network.tensors.indices {
      for axis in network.tensors[index].shape.indices {
        #expect(throws: ArchitectureError.self) {
          _ = try network.changing { $0[index].shape[axis] = 0 }.infer()
        }
      }
    }
  }

  @Test func aGapInTheBlocksIsAMissingTensor() {
    let torn = RecordedNetwork.named("resnet50").changing { $0.removeAll { $0.name.hasPrefix("layer3.2.") } }
    #expect {
      _ = try torn.infer()
    } throws: { error in
      guard case ArchitectureError.missingTensor(let name, _) = error else { return false }
      return name == "layer3.2.conv1.weight"
    }
    let far = RecordedNetwork.named("resnet18").changing {
      $0.append(("layer999999.7.conv1.weight", [8, 8, 3, 3]))
    }
    #expect(throws: ArchitectureError.self) { _ = try far.infer() }
  }

  @Test func countersAndStrangersAreIgnoredByName() throws {
    let network = RecordedNetwork.named("resnet18").changing {
      $0 += [
        ("bn1.num_batches_tracked", []), ("layer1.0.bn1.total_ops", [1]), ("projector.0.weight", [4, 4]),
      ]
    }
    #expect(
      try network.infer().ignored == [
        "bn1.num_batches_tracked", "layer1.0.bn1.total_ops", "projector.0.weight",
      ])
  }

  @Test func unknownTensorsInsideTheNetworkAreRefused() {
    for name in ["layer1.0.conv9.weight", "layer2.1.gate.weight", "fc.scale", "layer1.0"] {
      let network = RecordedNetwork.named("resnet18").changing { $0.append((name, [3])) }
      #expect {
        _ = try network.infer()
      } throws: {
        unexplained($0) == "\(name) [3]"
      }
    }
  }

  @Test func twoNamesOfOneParameterAreRefused() {
    let network = RecordedNetwork.named("resnet18").changing { $0.append(("linear.weight", [1000, 512])) }
    #expect(throws: ArchitectureError.duplicateTensor(name: "linear.weight", other: "fc.weight")) {
      _ = try network.infer()
    }
  }

  @Test(arguments: [
    ("layer1.0.se.conv.weight", [1, 1, 5]), ("layer1.0.aa.filt", [64, 1, 3, 3]),
    ("layer1.0.convs.0.weight", [16, 16, 3, 3]), ("conv1.weight_g", [64, 1, 1, 1]),
    ("attnpool.k_proj.weight", [2048, 2048]),
  ])
  func relativesAreRefusedByTheirName(_ name: String, _ shape: [Int]) {
    let network = RecordedNetwork.named("resnet50").changing {
      if name.hasPrefix("attnpool") { $0.removeAll { $0.name.hasPrefix("fc.") } }
      $0.append((name, shape))
    }
    #expect {
      _ = try network.infer()
    } throws: { error in
      guard case ArchitectureError.unsupported(_, let evidence) = error else { return false }
      return evidence == name
    }
  }

  @Test func groupNormIsNotABatchNormWithMissingStatistics() {
    let network = RecordedNetwork.named("resnet50").changing { $0.removeAll { $0.name.contains("running_") } }
    #expect {
      _ = try network.infer()
    } throws: { error in
      if case ArchitectureError.unsupported = error { true } else { false }
    }
  }

  @Test(arguments: [
    ["blocks.0.attn.qkv.weight", "cls_token"],
    ["features.0.0.weight", "classifier.1.weight", "classifier.1.bias"],
    ["stem.conv.weight", "head.fc.weight"], ["trunk_output.block1.weight", "fc.weight"],
  ])
  func otherFamiliesAreRefusedByTheirName(_ names: [String]) {
    #expect {
      _ = try ArchitectureInference.infer(try WeightShapes(names.map { ($0, [4, 4]) }))
    } throws: { error in
      if case ArchitectureError.unsupported = error { true } else { false }
    }
  }

  @Test(arguments: [["a", "b"], ["fc.weight", "fc.bias"], [""], ["...", "."], []])
  func strangersAreNoResNets(_ names: [String]) {
    #expect {
      _ = try ArchitectureInference.infer(try WeightShapes(names.map { ($0, [4, 4]) }))
    } throws: { error in
      if case ArchitectureError.notAResNet(_, let count) = error { count == names.count } else { false }
    }
  }

  @Test func theSENetFamilyKeepsCaffesConventions() throws {
    let plain = try RecordedNetwork.named("legacy_seresnet50").resolved()
    #expect(plain.stridePlacement == .firstConvolution)
    #expect(plain.stem.pool == .plain(.maxCeil))
    let grouped = try RecordedNetwork.named("legacy_seresnext26_32x4d").resolved()
    #expect(grouped.stridePlacement == .secondConvolution)
  }

  @Test(arguments: [1, 3, 4])
  func channelsOfThePicturesComeFromTheFirstConvolution(_ channels: Int) throws {
    let network = RecordedNetwork.named("resnet18").changing { $0[0].shape[1] = channels }
    #expect(try network.infer().description.inputChannels == channels)
    let five = RecordedNetwork.named("resnet18").changing { $0[0].shape[1] = 5 }
    #expect(throws: ArchitectureError.self) { _ = try five.infer() }
  }

  @Test func optionANeedsAFileWithoutAnyShortcut() throws {
    let free = try RecordedNetwork.named("cifar-20").infer().description
    #expect(free.blocks.filter { $0.shortcut == .free(averages: false, zerosAtEnd: false) }.count == 2)
    let half = RecordedNetwork.named("cifar-18-b").changing {
      $0.removeAll { $0.name.hasPrefix("layer2.0.shortcut") }
    }
    #expect(throws: ArchitectureError.self) { _ = try half.infer() }
  }
}

@Suite struct ArchitectureNameTests {
  @Test(arguments: RecordedNetwork.all)
  func aNetworkAnswersToItsOwnName(_ network: RecordedNetwork) throws {
    let found = try #require(ArchitectureName(try network.infer().description))
    #expect(try ArchitectureName(parsing: network.expectedName).accepts(found))
    let others = ["resnet18", "resnet50", "resnext50_32x4d", "seresnet50", "resnet50d", "cifar_resnet20"]
    for other in others where other != network.expectedName && !network.expectedName.hasSuffix(other) {
      #expect(try !ArchitectureName(parsing: other).accepts(found), "\(other)")
    }
  }

  @Test(arguments: [
    ("timm/resnet50.a1_in1k", "resnet50"), ("microsoft/resnet-50", "resnet50"),
    ("gluon_resnet50_v1d", "resnet50d"),
    ("resnext101_32x48d_wsl", "resnext101_32x48d"), ("fixresnext101_32x48d", "resnext101_32x48d"),
    ("fixresnet_50", "resnet50"), ("ResNet50_v1.5", "resnet50"), ("wide_resnet50_2", "wide_resnet50_2"),
    ("legacy_seresnet50", "seresnet50"), ("se_resnet50", "seresnet50"),
    ("resnet56_cifar10", "cifar_resnet56"),
    ("resnet18w32", "resnet18w32"), ("seresnext101d_32x8d", "seresnext101d_32x8d"),
    ("resnetrs420", "resnetrs420"),
    ("tv_resnet152.tv_in1k", "resnet152"), ("legacy_senet154", "senet154"),
    ("resnetblur50.bt_in1k", "resnetblur50"), ("resnetaa50d", "resnetaa50d"),
    ("seresnextaa101d_32x8d", "seresnextaa101d_32x8d"),
  ])
  func readsTheNamesOfTheHubs(_ name: String, _ expected: String) throws {
    #expect(try ArchitectureName(parsing: name).text == expected)
  }

  @Test func onlyTheNameTellsTheStride() throws {
    #expect(try ArchitectureName(parsing: "resnet50_v1").stridePlacement == .firstConvolution)
    #expect(try ArchitectureName(parsing: "resnet50_v1.5").stridePlacement == .secondConvolution)
    #expect(try ArchitectureName(parsing: "resnet50").stridePlacement == nil)
  }

  @Test(arguments: [
    "", "resnet", "resnet51", "resnet50x", "alexnet", "resnext50", "resnet50_32", "wide_resnet50",
    "resnet99999999999",
    "resnet50_32x4", "é",
  ])
  func unknownNamesAreRefused(_ name: String) {
    #expect {
      _ = try ArchitectureName(parsing: name)
    } throws: { error in
      if case ArchitectureError.unknownArchitecture = error { true } else { false }
    }
  }

  @Test(arguments: [
    "ecaresnet50t", "ecaresnext26t_32x4d", "resnet50_gn", "resnetv2_50", "regnety_032",
  ])
  func variantsThatAreNotCompiledAreRefusedByName(_ name: String) {
    #expect {
      _ = try ArchitectureName(parsing: name)
    } throws: { error in
      if case ArchitectureError.unsupported = error { true } else { false }
    }
  }
}
