import FixresBase
import FixresFormats

/// Small texts: JSON, configurations, indices of shards, labels, facts and names of networks.
enum TextCases {
  static func formats() -> [FuzzFormat] {
    [
      FuzzFormat("json", seeds: jsonSeeds, mutate: jsonText.mutate, read: readJSON),
      FuzzFormat(
        "config", seeds: configurations(), mutate: configurationText.mutate, read: readConfiguration),
      FuzzFormat("index", seeds: indices, share: 20, mutate: indexText.mutate, read: readIndex),
      FuzzFormat("labels", seeds: labels, mutate: labelText.mutate, read: readLabels),
      FuzzFormat("facts", seeds: facts, generate: generateFacts, mutate: factText.mutate, read: readFacts),
    ]
  }

  private static func bytes(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  // MARK: JSON

  static let jsonWords = [
    "null", "true", "false", "{}", "[]", "\"\"", "\"a\"", "{\"a\":1}", "[1,2]", ",", ":", "\"a\":1,", "1e5",
    "-0.0", "\\u00e9",
  ]
  private static let jsonText = TextMutator(jsonWords)
  private static let jsonSeeds = bytes([
    "{\"a\": [1, -2.5e3, true, null, {\"b\": \"\\u00e9\\n\\\"\"}], \"c\": {\"d\": [[], {}]}}",
    "[0, 1e308, 9223372036854775807]",
    "\"text\\ud83d\\ude00\"", " 12 ", "[[[[[[1]]]]]]", "{\"x\":{\"x\":{\"x\":{}}}}",
  ])

  private static func readJSON(_ bytes: Bytes) -> FuzzFormat.Verdict {
    let value: JSON
    do { value = try JSON.parse(bytes) } catch { return .refused }
    for pretty in [false, true] {
      let text = value.serialized(pretty: pretty)
      do {
        let again = try JSON.parse(Bytes(Array(text.utf8)))
        guard again.serialized(pretty: pretty) == text else {
          return .wrong("another text after a round trip")
        }
      } catch {
        return .wrong("\(error) in what was serialized")
      }
    }
    return .accepted
  }

  // MARK: Configurations

  private static let configurationText = TextMutator(
    jsonWords + [
      "\"architecture\"", "\"resnet50\"", "\"resnetv2_50\"", "\"pretrained_cfg\"", "\"input_size\"",
      "\"crop_pct\"", "\"mean\"",
      "\"std\"", "\"interpolation\"", "\"random\"", "\"model_type\"", "\"resnet\"", "\"id2label\"",
      "\"layer_type\"",
      "\"depths\"", "\"hidden_sizes\"", "\"hidden_act\"", "\"model_args\"", "\"test_input_size\"",
      "\"label_names\"",
    ])

  private static func configurations() -> [[UInt8]] {
    bytes([
      """
      {"architecture": "resnet50", "num_classes": 3, "num_features": 2048, "global_pool": "avg", "model_args":
      {"act_layer": "silu", "output_stride": 16, "block_args": {"attn_layer": "se"}, "aa_layer": "blurpool"},
      "pretrained_cfg": {"tag": "a1_in1k", "input_size": [3, 224, 224], "test_input_size": [3, 288, 288], "test_crop_pct": 1.0,
      "fixed_input_size": false, "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center", "mean": [0.485, 0.456,
      0.406], "std": [0.229, 0.224, 0.225], "num_classes": 3, "pool_size": [7, 7], "first_conv": "conv1", "classifier": "fc"},
      "label_names": ["n01440764", "n01443537", "n01484850"], "label_descriptions": {"n01440764": "tench, Tinca tinca"}}
      """,
      """
      {"architectures": ["ResNetForImageClassification"], "depths": [3, 4, 6, 3], "downsample_in_first_stage": false,
      "embedding_size": 64, "hidden_act": "relu", "hidden_sizes": [256, 512, 1024, 2048], "id2label": {"0": "tench", "1":
      "goldfish"}, "label2id": {"tench": 0, "goldfish": 1}, "layer_type": "bottleneck", "model_type": "resnet", "num_channels": 3,
      "downsample_in_bottleneck": true, "torch_dtype": "float32", "problem_type": "single_label_classification"}
      """,
      "{\"architecture\": \"seresnext26d_32x4d\", \"input_size\": [3, 256, 256], \"std\": 0.5, \"mean\": [0.5]}",
    ])
  }

  private static func readConfiguration(_ bytes: Bytes) -> FuzzFormat.Verdict {
    FuzzFormat.verdict { _ = try SourceConfiguration.read(try JSON.parse(bytes), path: "config.json") }
  }

  // MARK: Indices of shards

  private static let shardFolder = Corpus.folder("formats/sharded_safetensors/")
  private static let indexText = TextMutator(
    jsonWords + [
      "\"weight_map\"", "\"metadata\"", "\"model-00001-of-00002.safetensors\"", "\"../x\"", "\"/etc/passwd\"",
      "\".\"", "\"..\"", "\"\"",
    ])
  private static let indices =
    Corpus.files(in: "formats/sharded_safetensors", suffix: ".json", atMost: 4096)
    + Corpus.files(in: "formats/sharded_torch", suffix: ".json", atMost: 4096)

  private static func readIndex(_ bytes: Bytes) -> FuzzFormat.Verdict {
    FuzzFormat.verdict { _ = try Checkpoint.read(SourceFile(bytes, path: shardFolder + "case.index.json")) }
  }

  // MARK: Labels

  private static let labelText = TextMutator([
    "n01440764 ", "cat", "\r\n", "\n\n", " ", "\u{FEFF}", "n00000000",
  ])
  private static let labels = bytes([
    "cat\ndog\nbird\n", "n01440764 tench\nn01443537 goldfish\nn01484850 great white shark",
    "\u{FEFF}a\r\nb\r\nc\r\n", "a\n\nc",
  ])

  private static func readLabels(_ bytes: Bytes) -> FuzzFormat.Verdict {
    do {
      let read = try LabelFile.parse(bytes, path: "labels.txt", classes: 3)
      let isSound = read.labels.count == 3 && [0, 3].contains(read.synsets.count)
      return isSound ? .accepted : .wrong("\(read.labels.count) labels, \(read.synsets.count) synsets")
    } catch {
      return .refused
    }
  }

  // MARK: Facts and names

  private static let factWords =
    NetworkFact.Name.allCases.map { $0.rawValue + "=" }
    + [
      "1,2,2,2", "2,2,2,2", "relu", "silu", "gelu", "leaky-relu", "leaky-relu:0.1", "se", "eca", "max", "avg",
      "gem:3", "gem", "1e-5",
      "blur", "projection", "padded", "fc", "linear", "logits", "softmax", "none", "first", "second", ",",
      "=", "resnet", "50", "d",
      "x", "_32x4d", "wide_", "se", "resnext", "timm/", ".a1_in1k", ":", "/",
    ]
  private static let factText = TextMutator(factWords)
  private static let facts = bytes([
    "activation=leaky-relu:0.01,strides=1,2,2,2,stem-pool=max", "pool=gem:3,bn-eps=1e-3",
    "dilations=1,1,2,4,gate=se", "resnet50",
    "timm/seresnext26d_32x4d.bt_in1k", "wide_resnet50_2", "resnet18 (width 32)", "microsoft/resnet-50",
    "resnext101_32x8d",
  ])

  private static func generateFacts(_ dice: inout Dice) -> [UInt8] {
    var text = ""
    for _ in 0...dice.below(8) { text += dice.pick(factWords) }
    return Array(text.utf8)
  }

  private static func readFacts(_ bytes: Bytes) -> FuzzFormat.Verdict {
    let text = String(decoding: bytes.array, as: UTF8.self)
    var isAccepted = false
    do {
      let facts = try NetworkFact.list(parsing: text)
      for fact in facts {
        guard NetworkFact(fact.name, text: fact.text) == fact else {
          return .wrong("\(fact.name): \(fact.text)")
        }
      }
      isAccepted = !facts.isEmpty
    } catch {}
    do {
      _ = try ArchitectureName(parsing: text)
      isAccepted = true
    } catch {}
    return isAccepted ? .accepted : .refused
  }
}
