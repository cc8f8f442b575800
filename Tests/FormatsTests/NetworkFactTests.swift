import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

/// Texts of facts, statements of several sources, and what contradicts the weights.
@Suite struct NetworkFactTests {
  @Test func listsMayHoldCommasInValues() throws {
    let facts = try NetworkFact.list(
      parsing: "strides=1,2,2,1,activation=leaky_relu:0.2,dilations=1,1,1,2,whole")
    #expect(
      facts == [
        .strides(StageStrides([1, 2, 2, 1])), .activation(BlockActivation(.leakyRelu(slope: 0.2))),
        .dilations(StageDilations([1, 1, 1, 2], fillsFirstBlock: true)),
      ])
    #expect(facts.map(\.text) == ["1,2,2,1", "leaky_relu:0.2", "1,1,1,2,whole"])
  }

  private static let examples: [NetworkFact.Name: [String]] = [
    .activation: [
      "relu", "leaky_relu:0.1", "relu6", "silu", "gelu", "gelu_tanh", "hardswish", "mish", "tanh",
      "silu/relu",
    ],
    .strides: ["1,2,2,2", "2,2,2,2", "1,2,2"], .dilations: ["1,1,2,4", "1,1,1,2,whole"],
    .strideOn: StridePlacement.forms, .stemStride: ["1", "2"], .stemPool: StemPoolKind.forms,
    .antiAlias: AntiAliasing.forms, .gate: GateKind.forms, .shortcut: ShortcutKind.forms,
    .pool: ["avg", "max", "avgmax", "catavgmax", "catmaxavg", "gem:3", "gem:2.5"],
    .batchNormEpsilon: ["0.001", "1e-05"], .head: ["linear", "bn-linear", "linear-relu-linear", "none"],
    .outputs: OutputMeaning.forms,
  ]

  @Test(arguments: NetworkFact.Name.allCases)
  func textsReadBack(_ name: NetworkFact.Name) throws {
    let texts = try #require(Self.examples[name])
    for text in texts {
      let fact = try #require(NetworkFact(name, text: text), "\(name)=\(text)")
      #expect(fact.name == name && fact.text == text)
      #expect(try NetworkFact.list(parsing: "\(name.rawValue)=\(text)") == [fact])
    }
    #expect(!name.forms.isEmpty && name.option.hasPrefix("--"))
  }

  @Test(arguments: NetworkFact.Name.allCases)
  func otherTextsAreRefused(_ name: NetworkFact.Name) {
    for text in ["", "nothing-like-it", "-1", "0", "9,9,9,9,99", "gem:", "leaky_relu:x", "nan"] {
      #expect(NetworkFact(name, text: text) == nil, "\(name)=\(text)")
    }
  }

  @Test(arguments: ["activaton=relu", "relu", "", "=relu", "stem=1,activation=relu"])
  func unknownFactsAreNamed(_ text: String) {
    #expect {
      _ = try NetworkFact.list(parsing: text)
    } throws: { error in
      guard case ArchitectureError.unknownFact(_, let known) = error else { return false }
      return known == NetworkFact.Name.allCases.map(\.rawValue)
    }
  }

  @Test(arguments: ["activation=rely", "pool=avg,pool=max", "strides=1,2,x", "gate=sigmoid,relu"])
  func impossibleValuesAreNamed(_ text: String) {
    #expect {
      _ = try NetworkFact.list(parsing: text)
    } throws: { error in
      if case ArchitectureError.invalidFact = error { true } else { false }
    }
  }

  /// Formats.md names every fact and every value of a closed list.
  @Test func thePageListsEveryFact() throws {
    let text = String(
      decoding: try MappedFile.open(TestData.root + "/Documentation/Formats.md").array, as: UTF8.self)
    for name in NetworkFact.Name.allCases { #expect(text.contains("`\(name.rawValue)`"), "\(name.rawValue)") }
    let values = [
      StemPoolKind.forms, GateKind.forms, ShortcutKind.forms, AntiAliasing.forms, StridePlacement.forms,
      ActivationFunction.forms, GlobalPool.forms, OutputMeaning.forms,
    ]
    for form in values.joined() { #expect(text.contains("`\(form)`"), "\(form)") }
  }

  // MARK: Sources

  @Test func theStrongerSourceCounts() {
    for (first, second) in zip(Fact.Source.allCases, Fact.Source.allCases.dropFirst()) {
      for order in [[first, second], [second, first]] {
        var facts = NetworkFacts()
        for source in order { facts.state(.stemStride(source == first ? 1 : 2), from: source, "test") }
        #expect(facts[.stemStride]?.fact == .stemStride(1))
      }
    }
  }

  private func resolve(
    _ title: String, _ text: String, from source: Fact.Source = .option
  ) throws -> ResolvedNetwork {
    var stated = NetworkFacts()
    for fact in text.isEmpty ? [] : try NetworkFact.list(parsing: text) {
      stated.state(fact, from: source, "--network")
    }
    let network = RecordedNetwork.named(title)
    return try FactResolution.resolve(try network.infer(), stated)
  }

  @Test(arguments: [
    ("resnet50", "strides=1,2,2"), ("resnet50", "dilations=1,1,2,2,2"), ("resnet50", "stem-pool=convolution"),
    ("resnet50", "pool=catavgmax"), ("resnet50", "shortcut=zeros-both"),
    ("resnet50", "head=linear-relu-linear"),
    ("resnet18", "strides=2,2,2,2"), ("cifar-20", "shortcut=projection"), ("resnetrs50", "stem-pool=max"),
    ("resnet26t", "shortcut=projection"), ("resnet50", "head=none"),
  ])
  func contradictionsNameBoth(_ title: String, _ text: String) throws {
    #expect("\(title) \(text)") {
      _ = try resolve(title, text)
    } throws: { error in
      guard case ArchitectureError.mismatch(let what, let requested, let found, let source) = error else {
        return false
      }
      return text == "\(what)=\(requested)" && !found.isEmpty && source == "--network"
    }
  }

  @Test(arguments: [
    ("resnet50", "gate=hard_sigmoid"), ("resnet18", "stride-on=1x1"),
  ])
  func statementsWithoutEffectAreNoted(_ title: String, _ text: String) throws {
    #expect(try resolve(title, text).notes.contains { $0.contains(text) && $0.contains("no effect") })
    #expect(try resolve(title, text, from: .configuration).notes.isEmpty)
  }

  @Test func onlyWhatTheFileLeavesOpenIsAssumed() throws {
    let plain = try resolve("resnet50", "")
    let assumed = plain.facts.filter(\.isAssumption).map(\.name)
    #expect(
      assumed == [
        "activation", "strides", "dilations", "stride-on", "stem-stride", "stem-pool", "anti-alias", "pool",
        "bn-eps",
        "outputs",
      ])
    #expect(plain.openFacts.map(\.name.rawValue) == assumed)
    for fact in plain.openFacts {
      #expect(fact.values.count > 1 && Set(fact.values).count == fact.values.count, "\(fact.name)")
      #expect(plain.facts.first { $0.name == fact.name.rawValue }?.value == fact.values[0].text)
    }
    let stated = try resolve("resnet50", "activation=silu,strides=1,2,2,1")
    #expect(
      stated.facts.first { $0.name == "activation" }
        == Fact("activation", "silu", from: .option, option: "--network activation=VALUE"))
    #expect(!stated.openFacts.contains { $0.name == .activation || $0.name == .strides })
    #expect(try !resolve("resnet18", "").openFacts.contains { $0.name == .strideOn || $0.name == .gate })
    #expect(try resolve("seresnet50", "").openFacts.contains { $0.name == .gate })
  }

  @Test func dilationsTakeThePlaceOfStrides() throws {
    let network = try resolve("resnet50", "dilations=1,1,2,4").description
    #expect(network.stages.map { $0[0].stride } == [1, 2, 1, 1])
    #expect(network.stages.map { $0[0].firstDilation } == [1, 1, 1, 2])
    #expect(network.stages.map { $0[1].firstDilation } == [1, 1, 2, 4])
    let both = try resolve("resnet50", "dilations=1,1,2,4,strides=1,2,2,2").description
    #expect(both.stages.map { $0[0].stride } == [1, 2, 2, 2])
    let whole = try resolve("resnet50", "dilations=1,1,2,4,whole").description
    #expect(whole.stages.map { $0[0].firstDilation } == [1, 1, 2, 4])
  }

  @Test func theFamilyOfNamesDecidesCustoms() throws {
    #expect(try resolve("legacy_seresnet50", "").description.stridePlacement == .firstConvolution)
    #expect(try resolve("legacy_seresnext26_32x4d", "").description.stridePlacement == .secondConvolution)
    #expect(try resolve("cifar-20", "").description.stem.pool == .plain(.none))
  }
}
